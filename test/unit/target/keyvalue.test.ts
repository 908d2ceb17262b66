/// <reference path="../../../targets/host/idf/flashcontrol.d.ts" />

import storage from "embedded:storage/key-value";
import { assert } from "chai";
import Flash from "fleetling/host/flash";
import { beforeEach, describe, it } from "test/harness";

const numberFormats = {
	uint8: [0, 255],
	int8: [-128, 127],
	uint16: [0, 65535],
	int16: [-32768, 32767],
	uint32: [0, 4294967295],
	int32: [-2147483648, 2147483647],
} as const;

type Format = "buffer" | "string" | keyof typeof numberFormats | "uint64" | "int64";
const formats: readonly Format[] = ["buffer", "string", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"];

/** The target's interface names the formats that Fleetling uses; the storage has all of ECMA-419's. */
interface Store {
	format: Format;
	read(key: string, buffer?: ArrayBuffer | Uint8Array): unknown;
	write(key: string, value: unknown): void;
	delete(key: string): void;
	close(): void;
	[Symbol.iterator](): IterableIterator<string>;
}
const open = (storage as unknown as { open(options: object): Store }).open;

function throws(body: () => unknown, text: string): void {
	let message: string | undefined;
	try {
		body();
	} catch (error) {
		message = String(error);
	}
	assert.include(message ?? "no exception", text);
}

describe("key-value storage", () => {
	beforeEach(() => Flash.make(0x10000, [["nvs", 1, 2, 0x9000, 0x4000]]));

	it("a missing key reads as undefined, in every format", () => {
		for (const format of formats) assert.isUndefined(open({ path: "test", format }).read("missing"));
	});
	it("buffers and strings come back as they went", () => {
		const store = open({ path: "test" });
		assert.equal(store.format, "buffer");
		for (const length of [0, 1, 31, 32, 33, 4000, 6000]) {
			const value = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff);
			store.write("blob", value);
			assert.deepEqual(Array.from(new Uint8Array(store.read("blob") as ArrayBuffer)), Array.from(value));
		}
		store.delete("blob");
		store.format = "string";
		for (const text of ["", "a", "Grüße, 世界 🚀", "x".repeat(3999)]) {
			store.write("text", text);
			assert.equal(store.read("text"), text);
		}
	});
	it("a view writes its own bytes only, and reading can fill a buffer", () => {
		const store = open({ path: "test", format: "buffer" });
		store.write("view", new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 4));
		const buffer = new Uint8Array(8).fill(9);
		assert.equal(store.read("view", buffer), 3);
		assert.deepEqual(Array.from(buffer), [2, 3, 4, 9, 9, 9, 9, 9]);
		throws(() => store.read("view", new ArrayBuffer(2)), "more than the buffer");
	});
	it("numbers keep their range, and out of it is an error", () => {
		for (const [format, [low, high]] of Object.entries(numberFormats)) {
			const store = open({ path: "test", format });
			for (const value of [low, high, 1]) {
				store.write(format, value);
				assert.equal(store.read(format), value);
			}
			throws(() => store.write(format, low - 1), "does not fit");
			throws(() => store.write(format, high + 1), "does not fit");
			throws(() => store.write(format, Number.NaN), "does not fit");
			assert.equal(store.read(format), 1);
		}
	});
	it("64-bit numbers are BigInts", () => {
		const unsigned = open({ path: "test", format: "uint64" });
		unsigned.write("u", 0xffffffffffffffffn);
		assert.equal(unsigned.read("u"), 0xffffffffffffffffn);
		const signed = open({ path: "test", format: "int64" });
		// Not the lowest number of all: XS 13.3 makes -0 of it.
		signed.write("i", -0x7fffffffffffffffn);
		assert.equal(signed.read("i"), -0x7fffffffffffffffn);
	});
	it("a value of another type throws, and can be replaced by one", () => {
		const text = open({ path: "test", format: "string" });
		text.write("key", "text");
		for (const format of formats)
			if (format !== "string") throws(() => open({ path: "test", format }).read("key"), "is not of format");
		const number = open({ path: "test", format: "uint32" });
		number.write("key", 7);
		assert.equal(number.read("key"), 7);
		throws(() => text.read("key"), "is not of format");
		assert.deepEqual([...number], ["key"]);
	});
	it("keys and paths have at most 15 characters", () => {
		const store = open({ path: "fifteen-letters", format: "string" });
		store.write("fifteen-letters", "x");
		assert.equal(store.read("fifteen-letters"), "x");
		throws(() => store.write("sixteen--letters", "x"), "15 characters");
		throws(() => store.read("sixteen--letters"), "15 characters");
		throws(() => store.read(""), "15 characters");
		throws(() => open({ path: "sixteen--letters" }), "15 characters");
	});
	it("deleting is idempotent, and domains are apart", () => {
		const one = open({ path: "one", format: "string" });
		const two = open({ path: "two/", format: "string" });
		one.write("key", "1");
		two.write("key", "2");
		one.delete("key");
		one.delete("key");
		assert.isUndefined(one.read("key"));
		assert.equal(two.read("key"), "2");
	});
	it("lists its keys, each once, blobs of several pages included", () => {
		const store = open({ path: "test", format: "buffer" });
		store.write("large", new Uint8Array(5000));
		store.write("small", new Uint8Array(3));
		store.write("small", new Uint8Array(4));
		store.format = "uint8";
		store.write("number", 1);
		assert.deepEqual([...store].sort(), ["large", "number", "small"]);
	});
	it("opened for reading it does not write; a domain that is not there cannot be read", () => {
		throws(() => open({ path: "test", mode: "r" }), "ESP_ERR_NVS_NOT_FOUND");
		open({ path: "test", format: "string" }).write("key", "1");
		const store = open({ path: "test", format: "string", mode: "r" });
		assert.equal(store.read("key"), "1");
		throws(() => store.write("key", "2"), "for reading only");
		throws(() => store.delete("key"), "for reading only");
	});
	it("refuses what it does not know, and everything after close", () => {
		throws(() => open({ path: "test", format: "float" }), "unsupported format");
		throws(() => open({ path: "test", mode: "w" }), "invalid mode");
		const store = open({ path: "test" });
		store.close();
		store.close();
		throws(() => store.read("key"), "closed");
	});
	it("writing the same value again does not touch the flash", () => {
		const store = open({ path: "test", format: "string" });
		store.write("key", "same");
		const before = Flash.counters.operations;
		store.write("key", "same");
		assert.equal(Flash.counters.operations, before);
	});
	it("when it is full a write fails and the old values stand", () => {
		const store = open({ path: "test", format: "buffer" });
		const value = (size: number): Uint8Array => new Uint8Array(size).fill(size & 0xff);
		store.write("a", value(4000));
		store.write("b", value(4000));
		throws(() => store.write("a", value(4001)), "ESP_ERR_NVS_NOT_ENOUGH_SPACE");
		assert.equal((store.read("a") as ArrayBuffer).byteLength, 4000);
		assert.equal((store.read("b") as ArrayBuffer).byteLength, 4000);
		store.delete("b");
		store.write("a", value(4001));
		assert.equal((store.read("a") as ArrayBuffer).byteLength, 4001);
	});
});
