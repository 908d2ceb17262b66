/** The whole firmware: from an offer to a confirmed boot, and everything that must not become one. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { decodePartitions, findPartition, tableLength, tableOffset } from "../../targets/host/image/partitions";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { selectedSlot } from "../../targets/host/tools/slots";
import { Fleet, mac, oldVersion } from "./fleet";

describe("device: an update", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	it("is installed, tried and confirmed, over TLS", async () => {
		fleet = await Fleet.start();
		await fleet.offerFirmware("1.1.0");
		await fleet.confirmed("1.1.0");
		await fleet.checked();
		assert.equal(selectedSlot(fleet.flash)?.label, "ota_1");
		assert.deepEqual(
			fleet.running.boots.map(({ version, state, reset }) => [version, state, reset]),
			[
				[oldVersion, "valid", "power-on"],
				["1.1.0", "pending-verify", "restart"],
			],
		);
		assert.equal(fleet.server.log.of("download").length, 1);
		assert.ok(!fleet.running.output.includes("token="), "the log shows a token");
	});

	it("goes back and forth between the slots, downgrades included", async () => {
		fleet = await Fleet.start({ plain: true });
		for (const version of ["1.1.0", "1.2.0", "1.0.9"]) {
			await fleet.offerFirmware(version);
			await fleet.confirmed(version);
			await fleet.checked();
		}
		assert.equal(selectedSlot(fleet.flash)?.label, "ota_1");
	});

	it("follows http links of a server that speaks TLS to the same place with TLS", async () => {
		fleet = await Fleet.start({ server: { link: { scheme: "http" } } });
		await fleet.offerFirmware("1.1.0");
		await fleet.confirmed("1.1.0");
		for (const record of fleet.server.log.of("download")) assert.equal(record.headers.authorization, undefined);
	});

	it("is not fetched when it is the version that runs", async () => {
		fleet = await Fleet.start({ plain: true });
		// The server never offers that by itself (facts B.3): a defective one does.
		const image = await makeFirmware({ version: oldVersion });
		fleet.offer("9.9.9", image);
		await fleet.says(new RegExp(`version ${oldVersion.replaceAll(".", "\\.")}|same version|already`), 20_000);
		await fleet.checked(200);
		await fleet.checked(200);
		assert.equal(selectedSlot(fleet.flash)?.label, "ota_0");
		assert.ok(fleet.server.log.of("download").length <= 1, "fetched more than once");
	});
});

interface BadPackage {
	readonly name: string;
	readonly make: (fleet: Fleet) => Promise<void>;
	/** Stable code on the console. */
	readonly code: RegExp;
	/** Downloads that may happen in three polls. */
	readonly downloads: number;
}

/** First byte of whatever the bootloader takes for an image. */
const imageMagic = 0xe9;

function firstByteOf(label: string, path: string): number | undefined {
	const flash = readFileSync(path);
	const partitions = decodePartitions(flash.subarray(tableOffset, tableOffset + tableLength));
	return flash[findPartition(partitions, label).offset];
}

const flipped = (image: Buffer, at: number): Buffer => {
	const copy = Buffer.from(image);
	copy[at] = (copy[at] ?? 0) ^ 1;
	return copy;
};

const badPackages: readonly BadPackage[] = [
	{
		name: "an offer whose hash is wrong",
		make: async (fleet) => {
			fleet.server.faults.rewriteOffer({ sha256: "0".repeat(64) }, { times: Number.POSITIVE_INFINITY });
			await fleet.offerFirmware("1.1.0");
		},
		code: /update\.[\w-]*hash[\w-]*|update\.mismatch/,
		downloads: 1,
	},
	{
		name: "a package that is larger than the slot",
		make: async (fleet) => void (await fleet.offerFirmware("1.1.0", { padTo: 0x1e0000 + 65_536 })),
		code: /update\.too-large|image\.too-large|ota\.too-large/,
		downloads: 1,
	},
	{
		name: "a package that is no image",
		make: async (fleet) => void fleet.offer("1.1.0", randomBytes(100_000)),
		code: /image\.|update\./,
		downloads: 1,
	},
	{
		name: "an empty package",
		make: async (fleet) => void fleet.offer("1.1.0", Buffer.alloc(0)),
		code: /image\.|update\./,
		downloads: 1,
	},
	{
		name: "an image for another chip",
		make: async (fleet) => void (await fleet.offerFirmware("1.1.0", { chipId: 9 })),
		code: /image\.wrong-chip|image\.[\w-]*chip/,
		downloads: 1,
	},
	{
		name: "an image that is cut short",
		make: async (fleet) => void fleet.offer("1.1.0", (await makeFirmware({ version: "1.1.0" })).subarray(0, 200_000)),
		code: /image\.|update\./,
		downloads: 1,
	},
	{
		name: "an image with a flipped bit",
		make: async (fleet) => void fleet.offer("1.1.0", flipped(await makeFirmware({ version: "1.1.0" }), 100_001)),
		code: /image\.|update\./,
		downloads: 1,
	},
	{
		name: "an image whose appended hash is wrong",
		make: async (fleet) => {
			const image = await makeFirmware({ version: "1.1.0" });
			fleet.offer("1.1.0", flipped(image, image.length - 1));
		},
		code: /image\.|update\./,
		downloads: 1,
	},
];

describe("device: what must not be installed", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	for (const { name, make, code, downloads } of badPackages) {
		it(name, async () => {
			fleet = await Fleet.start({ plain: true });
			await make(fleet);
			await fleet.says(code);
			for (let polls = 0; polls < 3; polls++) await fleet.checked(200);
			assert.equal(fleet.running.boots.length, 1, "it restarted");
			assert.deepEqual(selectedSlot(fleet.flash), { label: "ota_0", state: "valid" });
			assert.notEqual(firstByteOf("ota_1", fleet.flash), imageMagic, "a damaged ota_0 would have the bootloader take it");
			assert.ok(fleet.server.log.of("download").length <= downloads, `${fleet.server.log.of("download").length} downloads`);
			// A good one is taken afterwards: nothing is left in a state from which it cannot.
			fleet.server.faults.clear();
			await fleet.offerFirmware("1.2.0");
			await fleet.confirmed("1.2.0");
		});
	}

	it("a body that ends before its length is fetched again, and installed when it is whole", async () => {
		fleet = await Fleet.start({ plain: true });
		fleet.server.faults.cutDownload(200_000, { times: 2 });
		await fleet.offerFirmware("1.1.0");
		await fleet.confirmed("1.1.0", 90_000);
		assert.ok(fleet.server.log.of("download").length >= 2);
	});
});

describe("device: firmware that fails on trial", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	const cases = [
		{ fault: "crash", reason: "panic" },
		{ fault: "hang", reason: "watchdog" },
		{ fault: "offline", reason: "restart" },
	] as const;
	for (const { fault, reason } of cases) {
		it(`${fault}: rolled back, remembered, not tried again until something else is offered`, async () => {
			fleet = await Fleet.start({ plain: true, settings: { checkInSeconds: "5" }, arguments: ["--watchdog", "2"] });
			await fleet.offerFirmware("1.1.0", { fault });
			await fleet.running.until(
				"the old firmware is back",
				({ boots }) => boots.length >= 3 && boots.at(-1)?.version === oldVersion,
				45_000,
			);
			const [, trial, back] = fleet.running.boots;
			assert.deepEqual([trial?.version, trial?.state], ["1.1.0", "pending-verify"]);
			assert.equal(back?.reset, reason);
			await fleet.says(/update.*version 1\.1\.0 was rolled back/);
			for (let polls = 0; polls < 3; polls++) await fleet.checked(200);
			assert.equal(fleet.server.log.of("download").length, 1, "it was fetched again");
			assert.equal(fleet.running.boots.length, 3, "it was tried again");
			await fleet.offerFirmware("1.2.0");
			await fleet.confirmed("1.2.0");
			assert.equal(fleet.server.devices.find(mac) !== undefined, true);
		});
	}

	it("a firmware that its configuration keeps from starting is rolled back at once, and not left waiting for a person", async () => {
		// The longest trial that can be configured: nobody waits for its end here.
		fleet = await Fleet.start({ plain: true, settings: { checkInSeconds: "3600" } });
		await fleet.offerFirmware("1.1.0", { config: { blockBytes: 7 } });
		await fleet.says(/config\.invalid: configuration key "blockBytes" is "7"/);
		await fleet.says(/update.*version 1\.1\.0 was rolled back/);
		assert.equal(fleet.running.version, oldVersion);
	});

	it("a power cut on trial does not condemn it", async () => {
		fleet = await Fleet.start({ plain: true });
		await fleet.offerFirmware("1.1.0");
		await fleet.running.until("the trial boot", ({ version }) => version === "1.1.0");
		await fleet.running.cutPower();
		await fleet.switchOn();
		await fleet.running.until("a boot", ({ boots }) => boots.length > 0);
		// The cut came before or after the confirmation: either way the device ends with the new version.
		await fleet.confirmed("1.1.0", 60_000);
	});
});
