/** Key-value storage in ESP-IDF's format: bytes in flash, recycling of pages, power cuts at every operation. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { makeFlash } from "../../targets/host/image/flash";
import { buildProgram } from "../idf/build";
import { crc32 } from "../idf/crc";
import { layout, pattern, Workshop } from "../idf/devices";
import { readStorage, type Value } from "../idf/nvs-reader";
import { Shell } from "../idf/shell";

const readWrite = 1;
const purging = 2;
const pageSize = 4096;
/** FLEETLING_SEED makes the sweep another one; the figure that it prints leads back to it. */
const seed = Number(process.env.FLEETLING_SEED ?? 2);

describe("non-volatile storage", function () {
	this.timeout(300_000);
	const workshop = new Workshop();
	let path: string;
	let shell: Shell;
	let handle: number;

	async function start(): Promise<void> {
		shell = await Shell.open(path);
		await shell.ok("nvs_init");
		handle = (await shell.ok("nvs_open", "test", readWrite)).handle as number;
	}
	const restart = async (): Promise<void> => {
		await shell.close();
		await start();
	};
	const partition = (): Buffer => workshop.read(path, layout.storage, layout.storageSize);
	const stored = (): ReadonlyMap<string, Value> => readStorage(partition()).values.get("test") ?? new Map<string, Value>();
	const textOf = (value: Value | undefined): string | undefined => value?.data.toString("utf8").replace(/\0$/, "");

	beforeEach(async () => {
		path = workshop.device();
		await start();
	});
	afterEach(() => shell.close());
	after(() => workshop.close());

	describe("format", () => {
		it("a first value makes exactly these bytes", async () => {
			await shell.ok("set_u8", handle, "answer", 42);
			const flash = partition();
			const header = Buffer.alloc(32, 0xff);
			header.writeUInt32LE(0xfffffffe, 0);
			header.writeUInt32LE(0, 4);
			header.writeUInt8(0xfe, 8);
			header.writeUInt32LE(crc32(header.subarray(4, 28)), 28);
			assert.equal(flash.toString("hex", 0, 32), header.toString("hex"));
			assert.equal(flash.toString("hex", 32, 40), "faffffffffffffff", "states: two entries written");
			const item = (namespace: number, type: number, key: string, value: string): string => {
				const entry = Buffer.alloc(32, 0xff);
				entry.set([namespace, type, 1, 0xff]);
				entry.fill(0, 8, 24).write(key, 8);
				entry.write(value, 24, "hex");
				entry.writeUInt32LE(crc32(entry.subarray(0, 4), entry.subarray(8)), 4);
				return entry.toString("hex");
			};
			assert.equal(flash.toString("hex", 64, 96), item(0, 0x01, "test", "01"));
			assert.equal(flash.toString("hex", 96, 128), item(1, 0x01, "answer", "2a"));
			assert.ok(flash.subarray(128).every((byte) => byte === 0xff));
		});
		it("values of every type are where another reader of the format looks for them", async () => {
			await shell.ok("set_u8", handle, "u8", 200);
			await shell.ok("set_i32", handle, "i32", -5);
			await shell.ok("set_u64", handle, "u64", "0x123456789abcdef0");
			await shell.ok("set_str", handle, "text", "hello");
			const blob = pattern(6000, 1);
			await shell.ok("set_blob", handle, "blob", blob.toString("hex"));
			const values = stored();
			assert.deepEqual([...values.keys()].sort(), ["blob", "i32", "text", "u64", "u8"]);
			assert.deepEqual(values.get("u8"), { type: 0x01, data: Buffer.from("c8", "hex") });
			assert.deepEqual(values.get("i32"), { type: 0x14, data: Buffer.from("fbffffff", "hex") });
			assert.deepEqual(values.get("u64"), { type: 0x08, data: Buffer.from("f0debc9a78563412", "hex") });
			assert.equal(textOf(values.get("text")), "hello");
			assert.deepEqual(values.get("blob")?.data, blob);
		});
		it("values survive a restart and are listed once", async () => {
			await shell.ok("set_str", handle, "text", "hello");
			await shell.ok("set_blob", handle, "blob", pattern(5000, 2).toString("hex"));
			await restart();
			assert.equal((await shell.ok("get", handle, "blob")).data, pattern(5000, 2).toString("hex"));
			assert.deepEqual((await shell.ok("list", handle)).keys, ["text", "blob"]);
		});
		it("a replaced value leaves its bytes behind, unless purging was asked for", async () => {
			const find = (text: string): number => partition().indexOf(text);
			await shell.ok("set_str", handle, "secret", "first-secret");
			await shell.ok("set_str", handle, "secret", "other-secret");
			assert.notEqual(find("first-secret"), -1);
			const purger = (await shell.ok("nvs_open", "test", purging)).handle as number;
			await shell.ok("set_str", purger, "secret", "third-secret");
			assert.equal(find("other-secret"), -1);
		});
	});

	describe("recycling of pages", () => {
		it("hundreds of changes to a few keys take the pages in turn and lose nothing", async () => {
			await shell.ok("set_str", handle, "constant", "stays");
			for (let i = 0; i < 600; i++) await shell.ok("set_str", handle, `key${i % 5}`, `value-${i}-${"x".repeat(i % 90)}`);
			const values = stored();
			assert.equal(textOf(values.get("constant")), "stays");
			for (let i = 595; i < 600; i++) assert.equal(textOf(values.get(`key${i % 5}`)), `value-${i}-${"x".repeat(i % 90)}`);
			const erases: number[] = [];
			for (let page = 0; page < layout.storageSize / pageSize; page++)
				erases.push((await shell.ok("region", layout.storage + page * pageSize, pageSize)).erases as number);
			// The first page keeps what never changes; ESP-IDF does not move that for the sake of wear.
			const [, ...turning] = erases;
			assert.ok(Math.min(...turning) >= 3, `erases: ${erases}`);
			assert.ok(Math.max(...turning) - Math.min(...turning) <= 1, `erases: ${erases}`);
			await restart();
			assert.equal((await shell.ok("get", handle, "constant")).data, Buffer.from("stays\0").toString("hex"));
		});
		it("one page is always free, also when the storage is full", async () => {
			let count = 0;
			while ((await shell.run("set_blob", handle, `k${count}`, pattern(300, count).toString("hex"))).error === "ESP_OK") count++;
			assert.ok(count > 20);
			assert.ok(readStorage(partition()).freePages >= 1);
			await restart();
			for (let i = 0; i < count; i++)
				assert.equal((await shell.ok("get", handle, `k${i}`)).data, pattern(300, i).toString("hex"), `k${i}`);
			await shell.ok("erase_key", handle, "k3");
			await shell.ok("set_blob", handle, "k3", "00");
		});
		it("a blob that no longer fits leaves the old one whole", async () => {
			const old = pattern(4500, 1);
			await shell.ok("set_blob", handle, "blob", old.toString("hex"));
			await shell.ok("set_blob", handle, "other", pattern(2500, 2).toString("hex"));
			await shell.fails("ESP_ERR_NVS_NOT_ENOUGH_SPACE", "set_blob", handle, "blob", pattern(9000, 3).toString("hex"));
			assert.deepEqual(stored().get("blob")?.data, old);
			await restart();
			assert.equal((await shell.ok("get", handle, "blob")).data, old.toString("hex"));
		});
	});

	describe("errors", () => {
		it("keys and namespaces are at most 15 characters long", async () => {
			await shell.ok("set_u8", handle, "fifteen-letters", 1);
			await shell.fails("ESP_ERR_NVS_KEY_TOO_LONG", "set_u8", handle, "sixteen--letters", 1);
			await shell.fails("ESP_ERR_NVS_KEY_TOO_LONG", "nvs_open", "sixteen--letters", readWrite);
		});
		it("what is not there, not open, read-only or too long", async () => {
			await shell.fails("ESP_ERR_NVS_NOT_FOUND", "get", handle, "missing");
			await shell.fails("ESP_ERR_NVS_NOT_FOUND", "erase_key", handle, "missing");
			await shell.fails("ESP_ERR_NVS_INVALID_HANDLE", "set_u8", 99, "key", 1);
			await shell.fails("ESP_ERR_NVS_NOT_FOUND", "nvs_open", "nobody", 0);
			const reader = (await shell.ok("nvs_open", "test", 0)).handle as number;
			await shell.fails("ESP_ERR_NVS_READ_ONLY", "set_u8", reader, "key", 1);
			await shell.fails("ESP_ERR_NVS_VALUE_TOO_LONG", "set_blob", handle, "key", "00".repeat(3 * 4000 + 1));
			await shell.fails("ESP_ERR_NVS_VALUE_TOO_LONG", "set_str", handle, "key", "x".repeat(4000));
		});
		it("a storage without a free page, and one from a newer format, are told apart and made anew", async () => {
			await shell.ok("set_u8", handle, "key", 1);
			await shell.close();
			const flash = readFileSync(path);
			const page = flash.subarray(layout.storage, layout.storage + pageSize);
			const without = Buffer.from(flash);
			for (let i = 1; i < layout.storageSize / pageSize; i++) {
				const copy = Buffer.from(page);
				copy.writeUInt32LE(0xfffffffc, 0);
				copy.writeUInt32LE(i + 1, 4);
				copy.writeUInt32LE(crc32(copy.subarray(4, 28)), 28);
				without.set(copy, layout.storage + i * pageSize);
			}
			const newer = Buffer.from(flash);
			newer.writeUInt8(0xfd, layout.storage + 8);
			newer.writeUInt32LE(crc32(newer.subarray(layout.storage + 4, layout.storage + 28)), layout.storage + 28);
			for (const [bytes, error] of [
				[without, "ESP_ERR_NVS_NO_FREE_PAGES"],
				[newer, "ESP_ERR_NVS_NEW_VERSION_FOUND"],
			] as const) {
				writeFileSync(path, bytes);
				shell = await Shell.open(path);
				await shell.fails(error, "nvs_init");
				assert.equal((await shell.ok("host_nvs_init")).erased, true);
				await shell.ok("nvs_open", "test", readWrite);
				await shell.close();
			}
			await start();
		});
		it("garbage in a page is given up, the rest is kept", async () => {
			await shell.ok("set_str", handle, "text", "hello");
			await shell.close();
			const flash = readFileSync(path);
			flash.set(pattern(pageSize, 9), layout.storage + pageSize);
			flash.writeUInt8(0, layout.storage + 2 * pageSize + 100);
			writeFileSync(path, flash);
			await start();
			assert.equal((await shell.ok("get", handle, "text")).data, Buffer.from("hello\0").toString("hex"));
			for (let i = 0; i < 300; i++) await shell.ok("set_str", handle, "text", `hello-${i}`);
			assert.equal(textOf(stored().get("text")), "hello-299");
		});
	});

	it("power cuts at every operation, and again during repair, lose nothing", async () => {
		const flash = workshop.path("sweep.flash");
		makeFlash({ path: flash, size: 0x10000, partitions: "nvs, data, nvs, 0x9000, 0x4000\n" });
		const { stdout } = await promisify(execFile)(buildProgram("nvs-sweep"), [flash, String(seed), "200", "50", workshop.folder], {
			maxBuffer: 1 << 28,
		});
		const lines = stdout
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line) as Record<string, unknown>);
		const summary = lines.pop();
		assert.equal(summary?.failures, 0, JSON.stringify(summary));
		assert.ok((summary.cuts as number) > 500, JSON.stringify(summary));
		assert.ok((summary.pageErases as number) >= 5, "pages were recycled on the way");
		// The same states, read by somebody else.
		assert.ok(lines.length > 5, `${lines.length} samples`);
		for (const { sample, values } of lines) {
			const storage = readStorage(readFileSync(String(sample)).subarray(0x9000, 0xd000));
			const found = [...(storage.values.get("sweep") ?? [])].map(
				([key, { type, data }]) => [key, `${type.toString(16).padStart(2, "0")}:${data.toString("hex")}`] as const,
			);
			assert.deepEqual(Object.fromEntries(found.sort()), values, String(sample));
			assert.ok(storage.freePages >= 1);
		}
	});
});
