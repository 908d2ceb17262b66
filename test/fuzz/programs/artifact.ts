/**
 * The artifact reader as a whole, gzip included. Whatever is in an artifact: no installer is begun before the order and the
 * signature allow it, no file is told to be complete that is not what the manifest lists, and with keys only what was signed
 * by them is installed.
 */
import { SHA256 } from "fleetling/common/crypto";
import { FleetlingError } from "fleetling/error/error";
import type { Installed, Installer, Payload } from "fleetling/update/installer";
import { artifact } from "fleetling/update/readers/artifact";
import { applyProvides } from "fleetling/update/readers/provides";
import Hex from "hex";
import { parameters } from "test/harness";
import type { Random } from "../../../modules/websocket/test/random";
import { alter, ascii, type Change, inPieces, must, textOf } from "./changes";
import { fuzz } from "./engine";
import { stored } from "./gzip-changes";
import { changeJSONText } from "./json-changes";
import { changeMembers, type Member, readTar, writeTar } from "./tar-changes";

/** The public half of a key with which some of the corpus are signed. The other half is kept nowhere. */
const key = String(parameters.key);
/** SHA-256 of the manifests that are signed with it. */
const signed = parameters.signed as readonly string[];

const provides = { artifact_name: "release-1", artifact_group: "beta", "rootfs-image.version": "7" };

function sha256(...parts: readonly Uint8Array[]): string {
	const hash = new SHA256();
	for (const part of parts) hash.update(part);
	return Hex.toString(hash.digest()).toLowerCase();
}

/** Minds that it is used as it should be. */
class MindfulInstaller implements Installer {
	readonly alone: boolean;
	endFile?: () => void;
	begun = 0;
	complete = 0;
	#left: number | undefined;
	#finished = false;

	constructor(type: string) {
		this.alone = type === "rootfs-image";
		if (this.alone) return;
		this.endFile = () => {
			must(this.#left === 0, "a file ends before all of it has come");
			this.#left = undefined;
			this.complete++;
		};
	}

	begin({ size = -1 }: Payload, head: Uint8Array): void {
		must(!this.#finished && (this.#left ?? 0) === 0, "a file begins inside of another");
		must(size >= 0 && head.byteLength >= Math.min(size, 288), `${head.byteLength} bytes to look at of ${size}`);
		this.#left = size;
		this.begun++;
	}

	write(bytes: Uint8Array): void {
		must(this.#left !== undefined && bytes.byteLength <= this.#left, "more data than the file has");
		this.#left = (this.#left ?? 0) - bytes.byteLength;
	}

	finish(): Installed {
		must((this.#left ?? 0) === 0, "finished in the middle of a file");
		this.#finished = true;
		return { version: "2", slot: this.alone ? "ota_1" : "", immediate: !this.alone, activate() {} };
	}

	abort(): void {
		this.#finished = true;
	}
}

function manifestOf(input: Uint8Array): Uint8Array | undefined {
	return readTar(input)?.find(({ name }) => name === "manifest")?.content;
}

function read(
	input: Uint8Array,
	keys: readonly string[],
	feed: (take: (bytes: Uint8Array, start: number, end: number) => void) => void,
): string {
	const installers: MindfulInstaller[] = [];
	const reader = artifact(() => ({ deviceType: "this-device", provides, keys })).open({
		size: input.byteLength,
		installer: (type) => {
			if (type !== "test-module" && type !== "rootfs-image") throw new FleetlingError("update.unknown-payload", `"${type}"`);
			const installer = new MindfulInstaller(type);
			installers.push(installer);
			return installer;
		},
	});
	let result: string;
	try {
		feed((bytes, start, end) => reader.write(bytes.subarray(start, end)));
		const { change } = reader.finish();
		if (change !== undefined) applyProvides(provides, change);
		result = "installed";
	} catch (error) {
		if (!(error instanceof FleetlingError)) throw error;
		result = `${error.code}: ${error.message}`;
	} finally {
		reader.abort();
		reader.abort();
	}
	const begun = installers.reduce((sum, installer) => sum + installer.begun, 0);
	if (begun > 0 && keys.length > 0) {
		const manifest = manifestOf(input);
		must(manifest !== undefined && signed.includes(sha256(manifest)), "something was begun that nobody has signed");
	}
	return `${result} ${begun}`;
}

function isCompressed(input: Uint8Array): boolean {
	return readTar(input)?.some(({ name }) => name.endsWith(".gz")) ?? false;
}

/** Changes what is inside of an archive in the artifact, if it is one. */
function insideOf(member: Member, random: Random): Uint8Array {
	const { content, name } = member;
	const inner = name.endsWith(".tar") ? readTar(content) : undefined;
	if (inner === undefined) return random.once(2) ? changeJSONText(content, random) : alter(content, random, content);
	changeMembers(inner, random, (file) =>
		random.once(5) ? alter(file.content, random, content) : changeJSONText(file.content, random),
	);
	return writeTar(inner);
}

/** What the manifest would have to say of the members. */
function manifestFor(members: readonly Member[]): Uint8Array {
	const lines = members.flatMap(({ name, content }) => {
		if (name === "version" || name.startsWith("header.")) return [`${sha256(content)}  ${name}\n`];
		const payload = name.startsWith("data/") && name.endsWith(".tar") ? readTar(content) : undefined;
		return payload?.map((file) => `${sha256(file.content)}  ${name.slice(0, -4)}/${file.name}\n`) ?? [];
	});
	return ascii(lines.join(""));
}

function sealed(members: readonly Member[]): Uint8Array {
	const manifest = manifestFor(members);
	return writeTar(members.map((member) => (member.name === "manifest" ? { ...member, content: manifest } : member)));
}

const change: Change = (input, random) => {
	const members = readTar(input);
	if (members === undefined) return input;
	changeMembers(members, random, (member) => insideOf(member, random));
	return random.once(4) ? writeTar(members) : sealed(members);
};

/** Archives in it become compressed ones, under checksums that hold. */
const compress: Change = (input, random) => {
	const members = readTar(input);
	if (members === undefined) return input;
	const packed = members.map((member): Member => {
		if (!member.name.endsWith(".tar") || random.once(3)) return member;
		return { ...member, name: `${member.name}.gz`, content: stored(member.content, random.once(3) ? random : undefined) };
	});
	const lines = textOf(manifestFor(members)).split("\n");
	const header = packed.find(({ name }) => name === "header.tar.gz");
	const right = lines.map((line) =>
		header !== undefined && line.endsWith("  header.tar") ? `${sha256(header.content)}  header.tar.gz` : line,
	);
	const manifest = ascii(right.join("\n"));
	return writeTar(packed.map((member) => (member.name === "manifest" ? { ...member, content: manifest } : member)));
};

const shape = /"[^"]*"|[0-9a-f]{16,}|[0-9]+/g;

fuzz({
	most: 40_000,
	run(input, random) {
		const keys = random.once(3) ? [key] : [];
		const whole = read(input, keys, (take) => take(input, 0, input.byteLength));
		const pieces = read(input, keys, (take) => inPieces(input, random, take));
		// What is compressed comes out of the inflater before it finds damage, or not, with the pieces that it gets.
		const same = whole === pieces || (isCompressed(input) && !`${whole}${pieces}`.includes("installed"));
		must(same, `in one piece "${whole}" and in several "${pieces}"`);
		return `${keys.length} ${whole.replace(shape, "#").slice(0, 110)}`;
	},
	changes: [change, change, change, compress],
});
