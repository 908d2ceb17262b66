/** ESP-IDF's update functions over the flash model: erase policies and error codes. */
import assert from "node:assert/strict";
import { layout, makeVersion, pattern, Workshop } from "../idf/devices";
import { states } from "../idf/otadata";
import { Shell } from "../idf/shell";

const image = makeVersion("2.0.0", 100_000);
const sizeUnknown = 0xffffffff;
const sequential = 0xfffffffe;
const sector = 0x1000;

describe("esp_ota", function () {
	this.timeout(120_000);
	const workshop = new Workshop();
	const imagePath = workshop.write("image.bin", image);
	let path: string;
	let shell: Shell;

	beforeEach(async () => {
		// The other slot is full of something else.
		path = workshop.device({ contents: { ota_0: makeVersion("1.0.0"), ota_1: pattern(layout.slotSize, 3) } });
		shell = await Shell.open(path);
		await shell.ok("boot");
	});
	afterEach(() => shell.close());
	after(() => workshop.close());

	const begin = async (size: number): Promise<number> => (await shell.ok("begin", "ota_1", size)).handle as number;
	const erases = async (): Promise<number> => (await shell.ok("region", layout.ota_1, layout.slotSize)).erases as number;
	const slot = (length: number): Buffer => workshop.read(path, layout.ota_1, length);
	async function writeAll(handle: number, step: number, from = 0): Promise<void> {
		for (let at = from; at < image.length; at += step)
			await shell.ok("ota_write", handle, imagePath, at, Math.min(step, image.length - at));
	}

	it("an unknown size erases the whole slot at once", async () => {
		const handle = await begin(sizeUnknown);
		assert.equal(await erases(), layout.slotSize / sector);
		await writeAll(handle, 5000);
		await shell.ok("end", handle);
		assert.deepEqual(slot(image.length), image);
		assert.equal(await erases(), layout.slotSize / sector);
	});
	it("a known size erases as many sectors", async () => {
		await begin(image.length);
		assert.equal(await erases(), Math.ceil(image.length / sector));
	});
	it("sequential writing erases each sector as it is entered, once", async () => {
		for (const step of [1000, 4096, 10_000, 100_000]) {
			const before = await erases();
			const handle = await begin(sequential);
			assert.equal(await erases(), before);
			await writeAll(handle, step);
			await shell.ok("end", handle);
			assert.deepEqual(slot(image.length), image);
			assert.equal((await erases()) - before, Math.ceil(image.length / sector));
		}
	});
	it("resuming erases nothing itself, and sectors only with sequential writing", async () => {
		let handle = await begin(sequential);
		for (let at = 0; at < 40_960; at += sector) await shell.ok("ota_write", handle, imagePath, at, sector);
		await shell.ok("abort", handle);
		const before = await erases();
		handle = (await shell.ok("resume", "ota_1", sequential, 40_960)).handle as number;
		assert.equal(await erases(), before);
		await writeAll(handle, sector, 40_960);
		await shell.ok("end", handle);
		assert.deepEqual(slot(image.length), image);

		handle = (await shell.ok("resume", "ota_1", 0, 40_960)).handle as number;
		await shell.fails("ESP_ERR_FLASH_OP_FAIL", "ota_write", handle, imagePath, 0, sector);
	});
	it("resuming in the middle of a sector leaves it unerased", async () => {
		const handle = (await shell.ok("resume", "ota_1", sequential, 40_000)).handle as number;
		await shell.fails("ESP_ERR_FLASH_OP_FAIL", "ota_write", handle, imagePath, 40_000, 100);
	});
	it("writing with an offset goes anywhere that is erased", async () => {
		const handle = await begin(sizeUnknown);
		const half = 50_000;
		await shell.ok("ota_write_at", handle, half, imagePath, half, image.length - half);
		await shell.ok("ota_write_at", handle, 0, imagePath, 0, half);
		await shell.ok("end", handle);
		assert.deepEqual(slot(image.length), image);
	});
	it("beginning makes the entry of the slot invalid, and nothing else", async () => {
		const entry = async (): Promise<string> => workshop.read(path, layout.otadata + sector, 4).toString("hex");
		await writeAll(await begin(sizeUnknown), 50_000);
		await shell.ok("set_boot", "ota_1");
		await shell.close();
		for (let i = 0; i < 2; i++) {
			// On trial, then aborted.
			shell = await Shell.open(path);
			await shell.ok("boot");
			await shell.close();
		}
		assert.equal(await entry(), "02000000");
		shell = await Shell.open(path);
		assert.equal((await shell.ok("boot")).label, "ota_0");
		assert.equal((await shell.ok("last_invalid")).label, "ota_1");
		await begin(sequential);
		assert.equal(await entry(), "ffffffff");
		assert.equal((await shell.ok("state", "ota_0")).state, states.valid);
	});

	describe("errors", () => {
		it("the running slot", async () => {
			await shell.fails("ESP_ERR_OTA_PARTITION_CONFLICT", "begin", "ota_0", sizeUnknown);
			await shell.fails("ESP_ERR_OTA_PARTITION_CONFLICT", "resume", "ota_0", 0, 0);
		});
		it("an update while on trial, which resuming lets pass", async () => {
			await writeAll(await begin(sizeUnknown), 50_000);
			await shell.ok("set_boot", "ota_1");
			await shell.close();
			shell = await Shell.open(path);
			assert.equal((await shell.ok("boot")).label, "ota_1");
			await shell.fails("ESP_ERR_OTA_ROLLBACK_INVALID_STATE", "begin", "ota_0", sizeUnknown);
			await shell.ok("resume", "ota_0", 0, 0);
			await shell.ok("valid");
			await shell.ok("begin", "ota_0", sequential);
		});
		it("a first byte that is not 0xE9", async () => {
			const handle = await begin(sequential);
			await shell.fails("ESP_ERR_OTA_VALIDATE_FAILED", "ota_write", handle, imagePath, 1, 100);
		});
		it("an unfinished image at the end and when chosen for boot", async () => {
			const handle = await begin(sizeUnknown);
			await shell.ok("ota_write", handle, imagePath, 0, 50_000);
			await shell.fails("ESP_ERR_OTA_VALIDATE_FAILED", "end", handle);
			await shell.fails("ESP_ERR_OTA_VALIDATE_FAILED", "set_boot", "ota_1");
			await shell.fails("ESP_ERR_NOT_FOUND", "end", handle);
		});
		it("nothing written, no such handle, a slot that is full", async () => {
			const handle = await begin(sizeUnknown);
			await shell.fails("ESP_ERR_INVALID_ARG", "end", handle);
			await shell.fails("ESP_ERR_NOT_FOUND", "abort", handle);
			await shell.fails("ESP_ERR_INVALID_ARG", "ota_write", handle, imagePath, 0, 10);
			const full = (await shell.ok("resume", "ota_1", 0, layout.slotSize - 10)).handle as number;
			await shell.fails("ESP_ERR_INVALID_SIZE", "ota_write", full, imagePath, 0, 11);
			await shell.fails("ESP_ERR_INVALID_ARG", "resume", "ota_1", 0, layout.slotSize + 1);
		});
		it("rollback without another firmware", async () => {
			await shell.fails("ESP_ERR_OTA_ROLLBACK_FAILED", "invalid");
		});
		it("the state of a slot that otadata does not know", async () => {
			await shell.fails("ESP_ERR_NOT_FOUND", "state", "ota_1");
			await shell.fails("ESP_ERR_NOT_FOUND", "describe", "ota_1");
		});
		it("writing past esp_ota into the running firmware", async () => {
			await shell.fails("ESP_ERR_OTA_PARTITION_CONFLICT", "invalidate", "ota_0");
			assert.equal((await shell.ok("describe", "ota_0")).version, "1.0.0");
		});
	});

	it("the next slot goes round, and the description is read", async () => {
		assert.equal((await shell.ok("next")).label, "ota_1");
		assert.equal((await shell.ok("next", "ota_1")).label, "ota_0");
		const description = await shell.ok("describe", "ota_0");
		assert.equal(description.version, "1.0.0");
		assert.equal(description.project, "test");
	});
	it("the last firmware can be erased with its entry once the new one is confirmed", async () => {
		await writeAll(await begin(sizeUnknown), 50_000);
		await shell.ok("set_boot", "ota_1");
		await shell.close();
		shell = await Shell.open(path);
		await shell.ok("boot");
		await shell.ok("valid");
		await shell.ok("erase_last");
		assert.ok(workshop.read(path, layout.ota_0, 1000).every((byte) => byte === 0xff));
		assert.equal((await shell.ok("can_rollback")).possible, false);
	});
});
