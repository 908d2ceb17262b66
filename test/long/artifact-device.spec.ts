/** A whole device and artifacts of the real mender-artifact: what it installs, and what it refuses without touching a slot. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { findPartition, type Partition, parsePartitions } from "../../targets/host/image/partitions";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { hostFolder } from "../../targets/host/tools/paths";
import { selectedSlot } from "../../targets/host/tools/slots";
import { menderArtifact, type WriteOptions, write } from "../artifacts/mender";
import { Workbench } from "../artifacts/samples";
import { tarRegions } from "../artifacts/tar";
import { writeArtifact } from "../artifacts/writer";
import { deviceType, Fleet, mac } from "../integration/fleet";

const tool = menderArtifact();
const otherSlot: Partition = findPartition(parsePartitions(readFileSync(join(hostFolder, "partitions.csv"), "utf8")), "ota_1");

type KeyName = keyof Workbench["keys"];

/** A device, and a workbench in its folder. */
class Bench {
	readonly fleet: Fleet;
	readonly workbench: Workbench;
	/** What was in the slot that is not running, before anything was offered: noise, so that an erasure would show. */
	readonly #residue = randomBytes(otherSlot.size);

	private constructor(fleet: Fleet) {
		this.fleet = fleet;
		this.workbench = new Workbench(join(fleet.folder, "artifacts"));
	}

	/** With the public keys of these names in its configuration, and further settings. */
	static async start(keys: readonly KeyName[] = [], settings: Readonly<Record<string, string>> = {}): Promise<Bench> {
		const bench = new Bench(await Fleet.start({ plain: true }));
		await bench.fleet.running.cutPower();
		const file = openSync(bench.fleet.flash, "r+");
		writeSync(file, bench.#residue, 0, otherSlot.size, otherSlot.offset);
		closeSync(file);
		await bench.switchOn(keys, settings);
		return bench;
	}

	async switchOn(keys: readonly KeyName[], settings: Readonly<Record<string, string>> = {}): Promise<void> {
		const { fleet, workbench } = this;
		const options = Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
		if (keys.length > 0) {
			const pem = keys.map((name) => workbench.keys[name].publicPEM).join("");
			writeFileSync(workbench.path("public.pem"), pem);
			options.push("--set-file", `artifactKeys=${workbench.path("public.pem")}`);
		}
		await fleet.switchOn(options);
		await fleet.checked();
	}

	/** An artifact by mender-artifact, by default a rootfs-image with a firmware of that version. */
	async make(version: string, options: Omit<WriteOptions, "key"> & { readonly key?: KeyName } = {}): Promise<Buffer> {
		const { key, ...rest } = options;
		const image = rest.files ? [] : [this.workbench.file("firmware.bin", await makeFirmware({ version }))];
		const path = this.workbench.path(`${version}.mender`);
		const signing = key === undefined ? {} : { key: this.workbench.path(`${key}.pem`) };
		write(path, {
			kind: "rootfs-image",
			name: `release-${version}`,
			deviceTypes: [deviceType],
			files: image,
			...rest,
			...signing,
		});
		return readFileSync(path);
	}

	/** Offers a package and waits until the device refuses it for that reason. */
	async refuses(version: string, bytes: Uint8Array, code: string): Promise<void> {
		const { running } = this.fleet;
		const before = running.output.length;
		this.fleet.offer(version, bytes);
		await running.until(`its refusal by ${code}`, ({ output }) => output.slice(before).includes("keeping version"), 30_000);
		assert.match(running.output.slice(before), new RegExp(code.replace(".", "\\.")));
		this.untouched(code);
	}

	/** Whether everything but the running slot is as it was. */
	untouched(what: string): void {
		const now = Buffer.alloc(otherSlot.size);
		const file = openSync(this.fleet.flash, "r");
		readSync(file, now, 0, now.length, otherSlot.offset);
		closeSync(file);
		assert.ok(now.equals(this.#residue), `${what}: the other slot was written`);
		assert.equal(selectedSlot(this.fleet.flash)?.label, "ota_0", what);
		assert.equal(this.fleet.running.boots.length, 1, `${what}: the device was restarted`);
	}

	get downloads(): number {
		return this.fleet.server.log.of("download").length;
	}

	readFile(path: string): string {
		return readFileSync(join(`${this.fleet.flash}.files`, path), "utf8");
	}
}

/** A copy with one bit changed in the data of a member. */
function damaged(artifact: Buffer, member: string): Buffer {
	const region = tarRegions(artifact).find(({ name }) => name === member);
	assert.ok(region, member);
	const bytes = Buffer.from(artifact);
	const at = region.start + Math.floor(region.size / 2);
	bytes[at] = (bytes[at] ?? 0) ^ 0x01;
	return bytes;
}

describe("device: an artifact of the real mender-artifact", function () {
	this.timeout(180_000);
	let bench: Bench;
	before(function () {
		if (!("missing" in tool)) return;
		process.stdout.write(`      skipped: ${tool.missing}\n`);
		this.skip();
	});
	afterEach(async () => {
		await bench?.fleet.stop();
	});

	const taken: readonly (readonly [string, readonly KeyName[], Omit<WriteOptions, "key"> & { readonly key?: KeyName }])[] = [
		["signed with P-256", ["ec"], { key: "ec" }],
		["signed with RSA-3072", ["rsa"], { key: "rsa" }],
		["gzip, signed with P-256", ["ec"], { key: "ec", compression: "gzip" }],
		["gzip, unsigned, and no key configured", [], { compression: "gzip" }],
		["signed with the new one of two keys", ["rsa", "ec"], { key: "ec" }],
		["as a module of type esp32-image, for several device types", ["ec"], moduleImage()],
	];
	for (const [what, keys, options] of taken)
		it(`${what}: is installed, tried and confirmed`, async () => {
			bench = await Bench.start(keys);
			bench.fleet.offer("1.1.0", await bench.make("1.1.0", options));
			await bench.fleet.confirmed("1.1.0");
			await bench.fleet.checked();
			assert.equal(bench.downloads, 1);
		});

	it("that must not be installed is refused before the first write to the other slot", async () => {
		bench = await Bench.start(["ec"], { secureVersion: "1" });
		const { workbench } = bench;
		const good = await bench.make("1.1.0", { key: "ec" });
		const otherChip = workbench.file("other-chip.bin", await makeFirmware({ version: "1.1.0", chipId: 9 }));
		const script = workbench.file("ArtifactInstall_Enter_00", "#!/bin/sh\n");
		const added = ["--augment-type", "x", "--augment-file", workbench.file("added", 9)];
		const unsigned = await bench.make("1.1.0");
		const refused: readonly (readonly [string, Buffer, string])[] = [
			["unsigned", unsigned, "artifact.unsigned"],
			["unsigned, gzip", await bench.make("1.1.0", { compression: "gzip" }), "artifact.unsigned"],
			["a stranger's", await bench.make("1.1.0", { key: "stranger" }), "artifact.bad-signature"],
			["another kind of key", await bench.make("1.1.0", { key: "rsa" }), "artifact.bad-signature"],
			["augmented", await bench.make("1.1.0", moduleImage(added)), "artifact.unsigned"],
			["xz", await bench.make("1.1.0", { key: "ec", compression: "lzma" }), "artifact.unsupported-compression"],
			["a script", await bench.make("1.1.0", { key: "ec", more: ["-s", script] }), "artifact.scripts"],
			["another device", await bench.make("1.1.0", { key: "ec", deviceTypes: ["toaster"] }), "artifact.wrong-device"],
			["depends", await bench.make("1.1.0", { key: "ec", more: ["-d", "bootloader:2"] }), "artifact.unmet-depends"],
			["docker", await bench.make("1.1.0", { key: "ec", kind: "module-image", type: "docker" }), "update.unknown-payload"],
			["no image", await bench.make("1.1.0", { key: "ec", files: [workbench.file("noise.bin", 9000)] }), "image.not-an-image"],
			["another chip", await bench.make("1.1.0", { key: "ec", files: [otherChip] }), "image.wrong-chip"],
			["a low secure version", good, "image.insecure"],
			["a bit of the manifest", damaged(good, "manifest"), "artifact.bad-signature"],
			["a bit of the signature", damaged(good, "manifest.sig"), "artifact.bad-signature"],
			["a bit of the header", damaged(good, "header.tar"), "artifact."],
			["a raw image", await makeFirmware({ version: "1.1.0" }), "artifact.unsigned"],
		];
		for (const [at, [, bytes, code]] of refused.entries()) await bench.refuses(`1.1.${at}`, bytes, code);
		assert.equal(bench.downloads, refused.length);
		// The same device is none the worse for it.
		await bench.fleet.running.cutPower();
		bench.fleet.server.assign(mac, "exact_match,1.0.0");
		await bench.switchOn(["ec"], { secureVersion: "0" });
		bench.fleet.offer("1.2.0", await bench.make("1.2.0", { key: "ec" }));
		await bench.fleet.confirmed("1.2.0");
	});

	it("with a single file puts it into place without a restart, and is not fetched again", async () => {
		bench = await Bench.start(["ec"]);
		const { workbench } = bench;
		const text = "interval = 60\n".repeat(500);
		const files = [
			workbench.file("dest_dir", "/etc/app\n"),
			workbench.file("filename", "app.conf\n"),
			workbench.file("permissions", "644\n"),
			workbench.file("app.conf", text),
		];
		const options = { kind: "module-image", type: "single-file", files, compression: "gzip", key: "ec" } as const;
		bench.fleet.offer("conf-2", await bench.make("conf-2", options));
		await bench.fleet.says(/release-conf-2 is in use/);
		assert.equal(bench.readFile("etc/app/app.conf"), text);
		for (let polls = 0; polls < 3; polls++) await bench.fleet.checked(200);
		assert.equal(bench.downloads, 1);
		bench.untouched("single file");
	});

	it("with a single file that does not fit beside what is there is refused before it is written", async () => {
		bench = await Bench.start(["ec"]);
		const { workbench } = bench;
		const files = [
			workbench.file("dest_dir", "/data\n"),
			workbench.file("filename", "map\n"),
			workbench.file("permissions", "644\n"),
			workbench.file("map", Buffer.alloc(260_000, "x")),
		];
		const options = { kind: "module-image", type: "single-file", files, key: "ec" } as const;
		await bench.refuses("map-1", await bench.make("map-1", options), "update.too-large");
		await bench.fleet.says(/space for/);
	});
});

describe("device: an artifact of RDFM's format", function () {
	this.timeout(120_000);
	let bench: Bench;
	afterEach(async () => {
		await bench?.fleet.stop();
	});

	for (const compression of ["none", "gzip"] as const)
		it(`(${compression}) signed is installed, unsigned is not`, async () => {
			bench = await Bench.start(["rsa"]);
			const content = await makeFirmware({ version: "1.1.0" });
			const payloads = [{ type: "rootfs-image", files: [{ name: "firmware.bin", content }] }];
			const plain = { format: "rdfm", name: "release-2", deviceTypes: [deviceType], payloads, compression } as const;
			await bench.refuses("1.0.9", writeArtifact(plain), "artifact.unsigned");
			bench.fleet.offer("1.1.0", writeArtifact({ ...plain, key: bench.workbench.keys.rsa }));
			await bench.fleet.confirmed("1.1.0");
		});
});

/** A module image signed with P-256, with further arguments. */
function moduleImage(more: readonly string[] = []): Omit<WriteOptions, "key"> & { readonly key: KeyName } {
	return { kind: "module-image", type: "esp32-image", deviceTypes: ["toaster", deviceType], key: "ec", more };
}
