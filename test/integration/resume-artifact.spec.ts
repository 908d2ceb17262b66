/** Updates by artifacts, by the real firmware against a real server: interrupted, signed, and in a chip's memory. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { selectedSlot } from "../../targets/host/tools/slots";
import { ecKey, type SigningKey } from "../artifacts/keys";
import { writeArtifact } from "../artifacts/writer";
import { betweenMarks, blockBytes, Downloads, headBytes, largeImage, markBytes } from "./downloads";
import { deviceType, Fleet, type FleetOptions } from "./fleet";

interface Form {
	readonly key?: SigningKey;
	readonly compression?: "none" | "gzip";
	readonly format?: "mender" | "rdfm";
	readonly type?: string;
	readonly deviceTypes?: readonly string[];
}

async function artifactOf(version: string, form: Form = {}, padTo?: number): Promise<Buffer> {
	const { type = "rootfs-image", deviceTypes = [deviceType], ...rest } = form;
	const content = await makeFirmware({ version, ...(padTo !== undefined && { padTo }) });
	const payloads = [{ type, files: [{ name: "firmware.bin", content }] }];
	return writeArtifact({ name: `release-${version}`, deviceTypes, payloads, ...rest });
}

describe("artifact: an update", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	const key = ecKey();
	const withKey = (options: FleetOptions = {}): FleetOptions => ({ plain: true, ...options });

	/** A device that takes only what `key` has signed. */
	async function startWithKey(): Promise<void> {
		fleet = await Fleet.start(withKey());
		const path = join(fleet.folder, "artifact-key.pem");
		writeFileSync(path, key.publicPEM);
		await fleet.running.cutPower();
		await fleet.switchOn(["--set-file", `artifactKeys=${path}`]);
		await fleet.checked();
	}

	for (const [what, form] of [
		["uncompressed, Mender's", {}],
		["uncompressed, RDFM's", { format: "rdfm" }],
		["compressed", { compression: "gzip" }],
	] as const)
		it(`${what}: is installed, tried and confirmed`, async () => {
			fleet = await Fleet.start({ plain: true });
			fleet.offer("1.1.0", await artifactOf("1.1.0", form));
			await fleet.confirmed("1.1.0");
			await fleet.checked();
			assert.equal(fleet.server.log.of("download").length, 1);
		});

	it("signed by the configured key is installed; unsigned, by another key, or no artifact at all, is not", async () => {
		await startWithKey();
		const refused: readonly (readonly [string, Buffer, RegExp])[] = [
			["1.1.1", await artifactOf("1.1.1"), /artifact\.unsigned/],
			["1.1.2", await artifactOf("1.1.2", { key: ecKey() }), /artifact\.bad-signature/],
			["1.1.3", await makeFirmware({ version: "1.1.3" }), /artifact\.unsigned.*ESP application image/],
		];
		for (const [version, bytes, code] of refused) {
			fleet.offer(version, bytes);
			await fleet.says(code);
			await fleet.checked(200);
			assert.equal(selectedSlot(fleet.flash)?.label, "ota_0", version);
		}
		fleet.offer("1.2.0", await artifactOf("1.2.0", { key }));
		await fleet.confirmed("1.2.0");
	});

	it("for another device type is remembered and not fetched again", async () => {
		fleet = await Fleet.start({ plain: true });
		fleet.offer("1.1.0", await artifactOf("1.1.0", { deviceTypes: ["toaster"] }));
		await fleet.says(/artifact\.wrong-device/);
		for (let polls = 0; polls < 2; polls++) await fleet.checked(200);
		assert.equal(fleet.server.log.of("download").length, 1);
	});

	it("under the configured payload type is a firmware as well", async () => {
		fleet = await Fleet.start({ plain: true, settings: { imageType: "zephyr-image" } });
		fleet.offer("1.1.0", await artifactOf("1.1.0", { type: "zephyr-image" }));
		await fleet.confirmed("1.1.0");
	});
});

describe("artifact: a download that is interrupted", () => {
	let downloads: Downloads;
	afterEach(async () => {
		await downloads?.stop();
	});

	it("by the connection: goes on, compressed too", async () => {
		for (const compression of ["none", "gzip"] as const) {
			downloads = await Downloads.start();
			const { fleet } = downloads;
			const artifact = await artifactOf("1.1.0", { compression });
			fleet.server.faults.cutDownload(Math.floor(artifact.length / 2));
			fleet.offer("1.1.0", artifact);
			await fleet.confirmed("1.1.0");
			assert.deepEqual(
				downloads.requests.map(({ status }) => status),
				[200, 206],
			);
			assert.ok(downloads.sent <= artifact.length + blockBytes + 2 * headBytes);
			await downloads.stop();
		}
	});

	for (const percent of [10, 50, 90])
		it(`by a power cut at about ${percent} % of 1.5 MB: the part before the image again, and at most 64 KiB`, async function () {
			this.timeout(120_000);
			downloads = await Downloads.start();
			const { fleet } = downloads;
			const artifact = await artifactOf("1.1.0", { key: ecKey() }, largeImage);
			const before = artifact.length - largeImage;
			const cut = downloads.cutPowerAt(betweenMarks((artifact.length * percent) / 100));
			fleet.offer("1.1.0", artifact);
			await cut;
			await fleet.switchOn();
			await fleet.confirmed("1.1.0");
			const again = downloads.sent - artifact.length - 3 * headBytes;
			process.stdout.write(`      ${Math.max(0, again)} of ${artifact.length} bytes were fetched again\n`);
			assert.ok(again <= markBytes + before, `${again} bytes were fetched again`);
			const [, head, rest, ...more] = downloads.requests;
			assert.deepEqual([head?.status, head?.start, rest?.status, more.length], [206, 0, 206, 0]);
			assert.ok((rest?.start ?? 0) > 65_536);
		});

	it("by a power cut, compressed: begins afresh, and ends well", async function () {
		this.timeout(120_000);
		downloads = await Downloads.start();
		const { fleet } = downloads;
		const artifact = await artifactOf("1.1.0", { compression: "gzip" }, largeImage);
		const cut = downloads.cutPowerAt(artifact.length / 2);
		fleet.offer("1.1.0", artifact);
		await cut;
		await fleet.switchOn();
		await fleet.confirmed("1.1.0");
		assert.deepEqual(
			downloads.requests.map(({ status, start }) => [status, start]),
			[
				[200, 0],
				[200, 0],
			],
		);
	});
});

describe("artifact: memory of a chip (32 bits)", () => {
	let fleet: Fleet | undefined;
	before(function () {
		if (has32BitLibraries()) return;
		process.stdout.write("    skipped: the 32-bit libraries (gcc-multilib, libmbedtls-dev:i386) are not installed\n");
		this.skip();
	});
	afterEach(async () => {
		await fleet?.stop();
		fleet = undefined;
	});

	for (const [what, form] of [
		["signed", { key: ecKey() }],
		["compressed", { compression: "gzip" }],
	] as const)
		for (const [management, limit] of [
			["off", 65_536],
			["on", 98_304],
		] as const)
			it(`an update by a ${what} artifact over TLS fits into ${limit} bytes with management ${management}`, async function () {
				this.timeout(120_000);
				fleet = await Fleet.start({ variant: { bits: 32, mode: "debug" }, settings: { management } });
				fleet.offer("1.1.0", await artifactOf("1.1.0", form));
				await fleet.confirmed("1.1.0");
				await fleet.checked();
				const figures = fleet.running.events.filter(({ event }) => event === "memory").map(({ used }) => Number(used));
				const peak = Math.max(...figures);
				process.stdout.write(`      ${peak} bytes of XS memory at the peak\n`);
				assert.ok(figures.length > 0 && peak <= limit, `${peak} bytes`);
			});
});
