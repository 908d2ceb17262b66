/** Application images as esptool makes and reads them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeFlash } from "../../targets/host/image/flash";
import { ImageError, makeImage, parseImage } from "../../targets/host/image/image";
import { decodePartitions, parsePartitions } from "../../targets/host/image/partitions";
import { hostFolder } from "../../targets/host/tools/paths";
import { pattern, Workshop } from "../idf/devices";

const date = new Date(Date.UTC(2026, 10, 7, 8, 9, 10));
const options = {
	version: "1.2.3",
	projectName: "fleetling",
	secureVersion: 5,
	date,
	segments: [{ data: pattern(20_001, 1) }, { data: pattern(300, 2) }],
};

/** The names under which Debian and Espressif install it. */
const esptool = ["esptool", "esptool.py"].find((name) => spawnSync(name, ["version"]).status === 0);

describe("application images", () => {
	const image = makeImage(options);

	it("has the bytes of the format where they belong", () => {
		assert.equal(image.length % 16, 0);
		assert.equal(image.readUInt8(0), 0xe9);
		assert.equal(image.readUInt8(1), 3, "segments: description and two");
		assert.equal(image.readUInt16LE(12), 0, "chip: ESP32");
		assert.equal(image.readUInt8(23), 1, "hash appended");
		assert.equal(image.readUInt32LE(28), 256);
		assert.equal(image.readUInt32LE(32), 0xabcd5432);
		assert.equal(image.readUInt32LE(36), 5, "secure version");
		assert.equal(image.toString("latin1", 48, 54), "1.2.3\0");
		assert.equal(image.toString("latin1", 80, 90), "fleetling\0");
		assert.equal(image.toString("latin1", 112, 121), "08:09:10\0");
		assert.equal(image.toString("latin1", 128, 140), "Nov  7 2026\0");
		const body = image.subarray(0, image.length - 32);
		assert.equal(image.toString("hex", body.length), createHash("sha256").update(body).digest("hex"));
		// The checksum over the data of all segments, whose headers are at 24, 288 and 288 + 8 + 20004.
		let checksum = 0xef;
		for (const [start, length] of [
			[32, 256],
			[296, 20_004],
			[20_308, 300],
		] as const)
			for (const byte of image.subarray(start, start + length)) checksum ^= byte;
		assert.equal(body.at(-1), checksum);
	});
	it("comes back from parsing", () => {
		const parsed = parseImage(Buffer.concat([image, Buffer.alloc(1000, 0xff)]));
		assert.equal(parsed.length, image.length);
		assert.equal(parsed.description.version, "1.2.3");
		assert.equal(parsed.description.projectName, "fleetling");
		assert.equal(parsed.description.secureVersion, 5);
		assert.equal(parsed.description.date, "Nov  7 2026");
		assert.deepEqual(parsed.segments[1]?.data.subarray(0, 20_001), pattern(20_001, 1));
		assert.deepEqual(parsed.segments[2]?.data, pattern(300, 2));
		assert.equal(parsed.sha256, image.toString("hex", image.length - 32));
	});
	it("equal sources make equal images, without a date too", () => {
		assert.deepEqual(makeImage(options), image);
		const { date: _, ...undated } = options;
		assert.deepEqual(makeImage(undated), makeImage(undated));
		assert.equal(parseImage(makeImage(undated)).description.date, "");
	});
	it("a flipped bit anywhere is found, and so is a missing end", () => {
		for (let i = 0; i < image.length; i += i < 320 || i > image.length - 40 ? 1 : 97) {
			const wrong = Buffer.from(image);
			wrong.writeUInt8(wrong.readUInt8(i) ^ 0x20, i);
			// The last bit of the byte that says whether there is a hash makes the image one without.
			if (i !== 23) assert.throws(() => parseImage(wrong), ImageError, `byte ${i}`);
		}
		for (const end of [0, 10, 24, 100, 300, image.length - 33])
			assert.throws(() => parseImage(image.subarray(0, end)), ImageError);
	});
	it("refuses what does not fit", () => {
		assert.throws(() => makeImage({ ...options, version: "x".repeat(32) }), /longer than 31 bytes/);
		assert.throws(
			() => makeImage({ ...options, segments: Array.from({ length: 16 }, () => ({ data: pattern(4, 1) })) }),
			/at most 15 segments/,
		);
		assert.throws(() => makeImage({ ...options, segments: [{ address: 0x3f400000, data: pattern(4, 1) }] }), /bytes into a page/);
	});
	const checkWith = (tool: string): void => {
		const workshop = new Workshop();
		const path = workshop.write("image.bin", image);
		const { stdout, status } = spawnSync(tool, ["--chip", "esp32", "image_info", "--version", "2", path], { encoding: "utf8" });
		workshop.close();
		assert.equal(status, 0, stdout);
		assert.match(stdout, /Checksum: 0x[0-9a-f]{2} \(valid\)/i);
		assert.match(stdout, /Validation hash: [0-9a-f]{64} \(valid\)/i);
		assert.match(stdout, /App version: 1\.2\.3/);
		assert.match(stdout, /Project name: fleetling/);
	};
	if (esptool === undefined)
		it.skip("esptool reads it and finds it valid (skipped: esptool is not installed, and is in neither Debian 12 nor npm)", () => {});
	else it("esptool reads it and finds it valid", () => checkWith(esptool));
});

describe("flash files", () => {
	const workshop = new Workshop();
	const csv = readFileSync(join(hostFolder, "partitions.csv"), "utf8");
	after(() => workshop.close());

	it("hold the table, what is given, and blank flash", () => {
		const image = makeImage(options);
		const path = workshop.path("device.flash");
		makeFlash({ path, partitions: csv, contents: { ota_1: image } });
		const flash = readFileSync(path);
		assert.equal(flash.length, 4 << 20);
		const partitions = parsePartitions(csv);
		assert.deepEqual(decodePartitions(flash.subarray(0x8000)), partitions);
		const slot = partitions.find(({ label }) => label === "ota_1");
		assert.ok(slot);
		assert.deepEqual(flash.subarray(slot.offset, slot.offset + image.length), image);
		for (const [start, end] of [
			[0, 0x8000],
			[0x9000, slot.offset],
			[slot.offset + image.length, flash.length],
		] as const)
			assert.ok(flash.subarray(start, end).every((byte) => byte === 0xff));
	});
	it("refuse what does not fit or has no place", () => {
		const path = workshop.path("none.flash");
		assert.throws(
			() => makeFlash({ path, partitions: csv, contents: { nvs: Buffer.alloc(0x4001) } }),
			/nvs has 16384 bytes, not the 16385/,
		);
		assert.throws(() => makeFlash({ path, partitions: csv, contents: { nothing: Buffer.alloc(1) } }), /no partition "nothing"/);
		assert.throws(() => makeFlash({ path, partitions: csv, size: 0x10000 }), /too small/);
	});
});
