/** Partition tables as ESP-IDF's tool makes them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chipSize } from "../../targets/host/image/flash";
import { decodePartitions, encodePartitions, parsePartitions } from "../../targets/host/image/partitions";
import { hostFolder } from "../../targets/host/tools/paths";

const shipped = { "partitions.csv": 4, "partitions-large.csv": 160 } as const;
const read = (name: string): string => readFileSync(join(hostFolder, name), "utf8");

/** SHA-256 of what gen_esp32part.py of ESP-IDF 6.0.1 makes of the CSV in the test. */
const referenceHash = "3e384dfeecb7ab7e4224c31edc57be8dbcca9b2d94ad14cbfc95739ea8b4aede";
const reference = `# a comment
nvs,      data, nvs,     ,        24K,
otadata,  data, ota,     ,        0x2000
phy,      data, phy,     0x11000, 4096, encrypted
factory,  app,  factory, ,        1M
ota_0,    0,    0x10,    ,        1M,
ota_1,    app,  ota_1,   ,        1M, readonly
mine,     0x40, 0x07,    ,        0x3000, encrypted:readonly
rest,     data, spiffs,  ,        -4M
`;

describe("partition tables", () => {
	for (const [name, megabytes] of Object.entries(shipped)) {
		it(`${name} has two equal slots, all that an update needs, and fits ${megabytes} MiB`, () => {
			const partitions = parsePartitions(read(name));
			const find = (label: string) => partitions.find((partition) => partition.label === label);
			assert.equal(find("ota_0")?.size, find("ota_1")?.size);
			assert.equal(find("otadata")?.size, 0x2000);
			assert.ok((find("nvs")?.size ?? 0) >= 0x4000);
			assert.equal(chipSize(partitions), megabytes << 20);
		});
	}
	it("slots of partitions-large.csv take a package of 64 MiB", () => {
		const slot = parsePartitions(read("partitions-large.csv")).find(({ label }) => label === "ota_0");
		assert.ok((slot?.size ?? 0) >= (64 << 20) + 65536);
	});
	it("the binary is, byte for byte, what ESP-IDF's tool makes", () => {
		const table = encodePartitions(parsePartitions(reference));
		assert.equal(table.length, 0xc00);
		assert.equal(createHash("sha256").update(table).digest("hex"), referenceHash);
	});
	it("empty offsets are filled in with the alignment of their type, and -4M is an end", () => {
		const partitions = parsePartitions(reference);
		const offsets = Object.fromEntries(partitions.map(({ label, offset }) => [label, offset]));
		assert.equal(offsets.nvs, 0x9000);
		assert.equal(offsets.factory, 0x20000);
		const rest = partitions.at(-1);
		assert.equal((rest?.offset ?? 0) + (rest?.size ?? 0), 4 << 20);
	});
	it("reading a table gives back what was written", () => {
		const partitions = parsePartitions(reference);
		assert.deepEqual(decodePartitions(encodePartitions(partitions)), partitions);
	});
	it("a flipped bit anywhere in a table is found", () => {
		const partitions = parsePartitions(reference);
		const table = encodePartitions(partitions);
		for (let i = 0; i < (partitions.length + 1) * 32; i++) {
			if (i >= partitions.length * 32 + 2 && i < partitions.length * 32 + 16) continue; // filler before the MD5
			const wrong = Buffer.from(table);
			wrong.writeUInt8(wrong.readUInt8(i) ^ 4, i);
			assert.throws(() => decodePartitions(wrong), /PartitionError/, `byte ${i}`);
		}
	});
	const wrong: readonly (readonly [string, RegExp])[] = [
		["", /empty/],
		["nvs, data, nvs, 0x8000, 0x4000", /line 1: nvs starts at 0x8000, before 0x9000/],
		["a, app, ota_0, 0x11000, 1M", /not a multiple of 0x10000/],
		["a, app, ota_0, , 1M\na, app, ota_1, , 1M", /two partitions a/],
		["a, app, ota_0, 0x20000, 1M\nb, app, ota_1, 0x30000, 1M", /line 2: b starts at/],
		["otadata, data, ota, , 0x3000", /must have 0x2000 bytes/],
		["nvs, data, nvs, , 0x2000", /at least 0x3000/],
		["a, app, , , 1M", /needs a subtype/],
		["a, app, ota_0, , big", /line 1: "big" is not a number/],
		["a, data, nonsense, , 1M", /is not a number/],
		["a-label-that-is-too-long, data, nvs, , 1M", /1 to 16 characters/],
		["a, app, ota_0, , 1M, secret", /unknown flag "secret"/],
	];
	for (const [csv, message] of wrong) {
		it(`refuses "${csv.replace("\n", " / ")}"`, () => {
			assert.throws(() => parsePartitions(csv), message);
		});
	}
});
