/**
 * Writes what the corpora begin with: `npm run fuzz -- --seeds`. The files are kept with the project, so that a run with the same
 * seed is the same run everywhere; what is written here differs each time in its signatures only.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { makeImage } from "../../targets/host/image/image";
import { ecKey, type SigningKey } from "../artifacts/keys";
import { tarContent, tarRegions, writeTar } from "../artifacts/tar";
import { type ArtifactDescription, writeArtifact } from "../artifacts/writer";
import { encodeEntry, states } from "../idf/otadata";
import { improvPacket } from "../integration/terminal";
import { protomsgFrames } from "../servers/mender/recorded/protomsg-frames";

const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => (at * at * 31 + at * 7) & 0xff));
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const file = { name: "file.bin", content: noise(900) };
const rich: ArtifactDescription = {
	name: "release-2",
	group: "stable",
	deviceTypes: ["other", "this-device"],
	depends: { artifact_name: ["release-1"], artifact_group: ["beta"] },
	payloads: [
		{
			type: "test-module",
			files: [{ name: "a", content: noise(1) }, { name: "b", content: Buffer.alloc(0) }, file],
			provides: { "app.version": "2" },
			depends: { "rootfs-image.version": ["7", "8"] },
			clears: ["app.*"],
			metaData: { x: [1, { y: null }] },
		},
		{ type: "test-module", files: [{ name: "c".repeat(110), content: noise(513) }] },
	],
};
const plain: ArtifactDescription = {
	name: "n",
	deviceTypes: ["this-device"],
	payloads: [{ type: "rootfs-image", files: [file] }],
};

function artifacts(key: SigningKey): Record<string, Buffer> {
	return {
		plain: writeArtifact(plain),
		rdfm: writeArtifact({ ...plain, format: "rdfm" }),
		gzip: writeArtifact({ ...plain, compression: "gzip" }),
		rich: writeArtifact(rich),
		"rich-gzip": writeArtifact({ ...rich, compression: "gzip" }),
		signed: writeArtifact({ ...plain, key }),
		"signed-rich-gzip": writeArtifact({ ...rich, key, compression: "gzip" }),
		"signed-by-another": writeArtifact({ ...plain, key: ecKey() }),
		augmented: augmented(),
	};
}

const texts = (...values: readonly string[]): number[] => values.flatMap((value) => [value.length, ...Buffer.from(value)]);
const settings = texts("home", "secret-word");
const improvSeeds: Readonly<Record<string, Buffer>> = {
	state: improvPacket(3, [2, 0]),
	settings: improvPacket(3, [1, settings.length, ...settings]),
	typed: Buffer.concat([
		Buffer.from("config set "),
		improvPacket(3, [3, 0]),
		Buffer.from("url IMPROVED\r"),
		improvPacket(3, [4, 0]),
	]),
	named: Buffer.concat([improvPacket(3, [5, 4, ...Buffer.from("lamp")]), improvPacket(3, [6, 0]), improvPacket(3, [9, 0])]),
	torn: Buffer.concat([improvPacket(3, [1, settings.length, ...settings]).subarray(0, 14), improvPacket(3, [2, 0])]),
};

/** As mender-artifact writes one: a type and a file that came after the manifest. */
function augmented(): Buffer {
	const whole = writeArtifact({ ...plain, payloads: [{ type: "test-module", files: [file] }] });
	const content = (name: string): Buffer => {
		const region = tarRegions(whole).find((found) => found.name === name);
		return region ? tarContent(whole, region) : Buffer.alloc(0);
	};
	const added = { name: "added.bin", content: noise(300) };
	const header = writeTar([
		{ name: "header-info", content: json({ payloads: [{ type: "test-module" }] }) },
		{ name: "headers/0000/type-info", content: json({ type: "test-module", artifact_provides: { added: "1" } }) },
	]);
	const line = (name: string, bytes: Buffer): string => `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
	return writeTar([
		...["version", "manifest"].map((name) => ({ name, content: content(name) })),
		{
			name: "manifest-augment",
			content: Buffer.from(line("data/0000/added.bin", added.content) + line("header-augment.tar", header)),
		},
		{ name: "header.tar", content: content("header.tar") },
		{ name: "header-augment.tar", content: header },
		{ name: "data/0000.tar", content: writeTar([file, added]) },
	]);
}

const textual = Buffer.from("the same again and again ".repeat(300));

function sealedRecord(record: object): string {
	const text = JSON.stringify({ form: 2, ...record });
	let crc = ~0;
	for (const byte of Buffer.from(text)) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
	}
	return (~crc >>> 0).toString(16).padStart(8, "0") + text;
}

const record = { id: "7", package: "id:7", from: "1.0.0", version: "1.1.0", slot: "ota_1", trials: 1, stores: 2 };
const kept = { size: 3000, start: 700, done: 1024, validator: '"3000"' };
const old = JSON.stringify({ form: 1, state: "reboot", ...record });
const journals = {
	both: [
		sealedRecord({ sequence: 4, state: "download", ...record, ...kept }),
		sealedRecord({ sequence: 5, state: "reboot", ...record }),
	],
	wrapped: [sealedRecord({ sequence: 65_535, state: "install", ...record }), sealedRecord({ sequence: 0 })],
	torn: [
		sealedRecord({ sequence: 1, state: "verify", ...record }).slice(0, 60),
		sealedRecord({ sequence: 0, state: "reboot", ...record }),
	],
	report: [sealedRecord({ sequence: 9, state: "report", ...record, outcome: "failure", failure: "panic" })],
	old: ["", "", old],
	memory: [
		"",
		"",
		"",
		JSON.stringify({ package: "id:7", version: "1", code: "update.failed", text: "t", at: 5, times: 2 }),
		"{}",
		'{"version":"1.0.0","provides":{"a":"b"}}',
	],
};

const hash = (letter: string): string => letter.repeat(64);
const responses = {
	plain: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello',
	chunked:
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n",
	interim: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
	close: "HTTP/1.0 500 INTERNAL SERVER ERROR\r\nContent-Type: text/html\r\n\r\n<html>",
	part: "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\nConnection: close\r\n\r\nworld",
	range: "bytes 0-499/1234",
	date: "Sun, 06 Nov 1994 08:49:37 GMT",
};

const frames = Object.fromEntries(
	Object.entries(protomsgFrames).map(([name, hex]) => [name.replaceAll(/[^a-z0-9]+/g, "-"), Buffer.from(hex, "hex")]),
);

function corpora(key: SigningKey): Record<string, Record<string, Buffer | string>> {
	const image = Buffer.from(
		makeImage({ version: "2.0.0", projectName: "fleetling", segments: [{ data: noise(700) }, { data: noise(64) }] }),
	);
	const all = artifacts(key);
	const archives = Object.entries(all).map(([name, bytes]) => [name, bytes] as const);
	const sparse = Buffer.concat([
		Buffer.from([0x1f, 0x8b, 8, 0x0e, 0, 0, 0, 0, 0, 3, 2, 0, 0x41, 0x42]),
		Buffer.from("name\0comment\0"),
	]);
	const tail = Buffer.from(gzipSync(textual).subarray(-8));
	return {
		artifact: all,
		tar: { ...Object.fromEntries(archives.filter(([name]) => name !== "rich-gzip")), empty: Buffer.alloc(1024) },
		gzip: {
			text: gzipSync(textual),
			noise: gzipSync(noise(2000)),
			fixed: gzipSync(textual, { strategy: 4 }),
			stored: gzipSync(noise(500), { level: 0 }),
			empty: gzipSync(Buffer.alloc(0)),
			fields: Buffer.concat([sparse, deflateRawSync(textual), tail]),
		},
		manifest: {
			usual: `${hash("a")}  data/0000/file\n${hash("b")}  header.tar\n${hash("c")}  version\n`,
			compressed: `${hash("a")}  data/0000/file.bin\n${hash("d")}  data/0001/file.bin\n${hash("b")}  header.tar.gz\n${hash("c")}  version\n`,
			augment: `${hash("a")}  data/0000/added\n${hash("b")}  header-augment.tar\n`,
		},
		header: {
			version: json({ format: "mender", version: 3 }),
			"header-info": json({
				payloads: [{ type: "test-module" }],
				artifact_provides: { artifact_name: "n" },
				artifact_depends: { device_type: ["d"] },
			}),
			"type-info": json({
				type: "test-module",
				artifact_provides: { a: "1" },
				artifact_depends: { b: ["2", "3"], c: "4" },
				clears_artifact_provides: ["a.*"],
			}),
			"meta-data": json({ a: { b: [1, 2, { c: null }] } }),
			empty: "",
		},
		image: {
			small: image,
			version: Buffer.from(makeImage({ version: "x".repeat(31), projectName: "p", segments: [{ data: noise(4096) }] })),
		},
		otadata: Object.fromEntries([
			["blank", Buffer.alloc(64, 0xff)],
			["first", Buffer.concat([encodeEntry({ sequence: 1, state: states.valid }), Buffer.alloc(32, 0xff)])],
			[
				"trial",
				Buffer.concat([encodeEntry({ sequence: 1, state: states.valid }), encodeEntry({ sequence: 2, state: states.new })]),
			],
			[
				"pending",
				Buffer.concat([encodeEntry({ sequence: 3, state: states.valid }), encodeEntry({ sequence: 4, state: states.pending })]),
			],
			[
				"aborted",
				Buffer.concat([encodeEntry({ sequence: 5, state: states.aborted }), encodeEntry({ sequence: 4, state: states.valid })]),
			],
		] as const),
		journal: Object.fromEntries(Object.entries(journals).map(([name, texts]) => [name, texts.join("\0")])),
		http: responses,
		connect: frames,
		improv: improvSeeds,
	};
}

/** Puts new seeds into `folder`; what has failed once stays. */
export function writeSeeds(folder: string): void {
	const key = ecKey();
	for (const [target, files] of Object.entries(corpora(key))) {
		const place = join(folder, target);
		mkdirSync(place, { recursive: true });
		for (const name of readdirSync(place)) if (name.startsWith("seed-")) rmSync(join(place, name));
		for (const [name, bytes] of Object.entries(files)) writeFileSync(join(place, `seed-${name}`), bytes);
	}
	writeFileSync(join(folder, "artifact-key.pem"), key.publicPEM);
}
