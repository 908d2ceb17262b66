/** The flash chip of the host device: NOR rules, power cuts, figures. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { layout, Workshop } from "../idf/devices";
import { powerCut, Shell } from "../idf/shell";

/** A place that nothing else uses. */
const place = layout.ota_1;
const sector = 0x1000;
const block = 0x10000;
const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");

describe("flash model", function () {
	this.timeout(120_000);
	const workshop = new Workshop();
	let path: string;
	let shell: Shell;

	beforeEach(async () => {
		path = workshop.device();
		shell = await Shell.open(path);
	});
	afterEach(() => shell.close());
	after(() => workshop.close());

	const read = async (address: number, length: number): Promise<string> => String((await shell.ok("read", address, length)).data);

	describe("rules of NOR flash", () => {
		it("writing clears bits, and bits that are clear already may be written as such", async () => {
			await shell.ok("write", place, "f0ff");
			await shell.ok("write", place, "300f");
			assert.equal(await read(place, 4), "300fffff");
		});
		it("a write that wants to set a bit fails, is counted, and has cleared what it could", async () => {
			await shell.ok("write", place, "0f");
			await shell.fails("ESP_ERR_FLASH_OP_FAIL", "write", place, "f3");
			assert.equal(await read(place, 1), "03");
			assert.equal((await shell.ok("counters")).violations, 1);
			assert.match(shell.output, /0x00050000/);
		});
		it("a wrong bit is found anywhere in a long write", async () => {
			const length = 300;
			for (const at of [0, 31, 32, 100, 287, 288, 299]) {
				await shell.ok("erase", place, sector);
				await shell.ok("write", place + at, "fe");
				await shell.fails("ESP_ERR_FLASH_OP_FAIL", "write", place, "ff".repeat(length));
			}
		});
		it("erasing sets a whole sector and nothing else", async () => {
			await shell.ok("write", place - 1, "000000");
			await shell.ok("write", place + sector - 1, "0000");
			await shell.ok("erase", place, sector);
			assert.equal(await read(place - 1, 2), "00ff");
			assert.equal(await read(place + sector - 1, 2), "ff00");
		});
		it("only whole sectors on their boundaries can be erased", async () => {
			await shell.fails("ESP_ERR_INVALID_ARG", "erase", place + 16, sector);
			await shell.fails("ESP_ERR_INVALID_ARG", "erase", place, 100);
		});
		it("nothing is behind the end", async () => {
			await shell.fails("ESP_ERR_INVALID_ARG", "write", layout.chipSize - 1, "0000");
			await shell.fails("ESP_ERR_INVALID_ARG", "read", layout.chipSize, 1);
			await shell.fails("ESP_ERR_INVALID_ARG", "erase", layout.chipSize, sector);
		});
		it("what was written stays when the process ends", async () => {
			await shell.ok("write", place, hex("stays"));
			await shell.close();
			assert.equal(workshop.read(path, place, 5).toString(), "stays");
		});
	});

	describe("figures", () => {
		it("blocks of 64 KiB are erased by one command where they fit", async () => {
			await shell.ok("erase", place + block - 2 * sector, 2 * sector + block + sector);
			const counters = await shell.ok("counters");
			assert.equal(counters.blockErases, 1);
			assert.equal(counters.sectorErases, 3);
			assert.equal(counters.operations, 4);
			assert.deepEqual(await shell.ok("region", place + block, block), { error: "ESP_OK", erases: 16, writes: 0 });
		});
		it("writes and wear are counted, and the count goes on from where it is told to", async () => {
			await shell.ok("operation", 1000);
			await shell.ok("write", place, "00112233");
			for (let i = 0; i < 3; i++) await shell.ok("erase", place, sector);
			const counters = await shell.ok("counters");
			assert.equal(counters.operations, 1004);
			assert.equal(counters.bytesWritten, 4);
			assert.equal(counters.worst, 3);
			assert.equal(counters.worstAddress, place);
		});
	});

	describe("opening", () => {
		it("a flash that is in use cannot be opened a second time", async () => {
			const second = new Shell();
			const answer = await second.run("open", path);
			assert.match(String(answer.text), /in use by another device/);
			await second.close();
		});
		it("a missing file and one of an impossible size are refused", async () => {
			const second = new Shell();
			assert.match(String((await second.run("open", workshop.path("none"))).text), /No such file/);
			assert.match(String((await second.run("open", workshop.write("odd", Buffer.alloc(70_000)))).text), /multiple of 64 KiB/);
			assert.match(String((await second.run("open", workshop.write("empty", Buffer.alloc(0)))).text), /multiple of 64 KiB/);
			await second.close();
		});
	});

	describe("power cuts", () => {
		const cutAt = async (operation: number, mode: string, seed: number, ...words: (string | number)[]): Promise<Buffer> => {
			await shell.ok("cut", operation, mode, seed);
			assert.equal(await shell.ends(...words), powerCut);
			return readFileSync(path);
		};
		const data = "00".repeat(256);

		it("before an operation nothing of it has happened, after it all", async () => {
			let flash = await cutAt(1, "before", 1, "write", place, data);
			assert.equal(flash.readUInt8(place), 0xff);
			shell = await Shell.open(path);
			flash = await cutAt(1, "after", 1, "write", place, data);
			assert.ok(flash.subarray(place, place + 256).every((byte) => byte === 0));
			shell = await Shell.open(path);
			flash = await cutAt(1, "before", 1, "erase", place, sector);
			assert.equal(flash.readUInt8(place), 0);
			shell = await Shell.open(path);
			flash = await cutAt(1, "after", 1, "erase", place, sector);
			assert.equal(flash.readUInt8(place), 0xff);
		});
		it("operations are counted, so that any one can be hit", async () => {
			await shell.ok("cut", 3, "before", 1);
			await shell.ok("write", place, "00");
			await shell.ok("write", place + 1, "00");
			assert.equal(await shell.ends("write", place + 2, "00"), powerCut);
			assert.deepEqual([...workshop.read(path, place, 3)], [0, 0, 0xff]);
		});
		it("a torn write is a prefix, at most one unit of stray bits, and nothing behind it", async () => {
			const lengths = new Set<number>();
			for (let seed = 1; seed <= 20; seed++) {
				const flash = await cutAt(1, "torn", seed, "write", place, data);
				const bytes = flash.subarray(place, place + 256);
				const prefix = bytes.findIndex((byte) => byte !== 0);
				const rest = bytes.subarray(prefix + 16);
				assert.ok(prefix >= 0, "nothing is missing");
				assert.ok(
					rest.every((byte) => byte === 0xff),
					`seed ${seed}`,
				);
				assert.ok(flash.subarray(place + 256, place + 512).every((byte) => byte === 0xff));
				lengths.add(prefix);
				shell = await Shell.open(path);
				await shell.ok("erase", place, sector);
				await shell.ok("operation", 0);
			}
			assert.ok(lengths.size > 10, "writes tear in different places");
		});
		it("the same seed tears the same way", async () => {
			const first = await cutAt(1, "torn", 7, "write", place, data);
			shell = await Shell.open(path);
			await shell.ok("erase", place, sector);
			await shell.close();
			shell = await Shell.open(path);
			const second = await cutAt(1, "torn", 7, "write", place, data);
			assert.deepEqual(second, first);
		});
		it("a torn erase leaves one part blank and only sets bits in the other", async () => {
			await shell.ok("write", place, "a5".repeat(1000));
			await shell.close();
			shell = await Shell.open(path);
			const flash = await cutAt(1, "torn", 3, "erase", place, sector);
			const bytes = flash.subarray(place, place + 1000);
			assert.ok(
				bytes.every((byte) => (byte & 0xa5) === 0xa5),
				"bits were cleared by an erase",
			);
			assert.ok(
				flash.subarray(place, place + sector).some((byte) => byte !== 0xff),
				"nothing is missing",
			);
			assert.equal(flash.readUInt8(place + sector), 0xff);
			assert.ok(
				flash.subarray(layout.ota_0, layout.ota_0 + 16).some((byte) => byte !== 0xff),
				"another place was erased",
			);
		});
	});
});
