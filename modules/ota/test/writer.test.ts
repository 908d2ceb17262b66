import { assert } from "chai";
import Flash from "fleetling/host/flash";
import * as ota from "fleetling/ota/ota";
import { describe, it } from "test/harness";
import { fails, makeDevice, makeImage, slotAddress, slotBytes, slotSize } from "./fixture";

const tag = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const otherTag = new Uint8Array(16).fill(7);

function writeAll(writer: ota.Writer, image: Uint8Array, step: number): void {
	for (let at = writer.position; at < image.length; at += step) writer.write(image.subarray(at, at + step));
}

function sameAs(image: Uint8Array): void {
	const found = slotBytes("ota_1", 0, image.length);
	for (let i = 0; i < image.length; i++) if (found[i] !== image[i]) throw new Error(`byte ${i} differs`);
}

describe("writing a slot", () => {
	it("pieces of any length make the image", () => {
		const image = makeImage({ version: "2.0.0", size: 200_003 });
		for (const step of [1021, 4096, 16384, 70_000, 300_000]) {
			makeDevice();
			const writer = new ota.Writer({ size: image.length });
			writeAll(writer, image, step);
			assert.equal(writer.position, image.length);
			const slot = writer.finish();
			assert.equal(slot.label, "ota_1");
			assert.equal(slot.description?.version, "2.0.0");
			sameAs(image);
			assert.equal(ota.next().label, "ota_0", "nothing is activated");
		}
	});
	it("takes ArrayBuffers", () => {
		const image = makeImage();
		makeDevice();
		const writer = new ota.Writer();
		writer.write(image.buffer as ArrayBuffer);
		assert.equal(writer.finish().description?.version, "1.0.0");
	});
	it("erases in blocks of 64 KiB, only as far as needed, and at most one for a write of 4096 bytes", () => {
		const image = makeImage({ size: 300_000 });
		makeDevice();
		const writer = new ota.Writer({ size: image.length });
		let most = 0;
		for (let at = 0; at < image.length; at += 4096) {
			const before = Flash.counters;
			writer.write(image.subarray(at, at + 4096));
			const { sectorErases, blockErases } = Flash.counters;
			most = Math.max(most, blockErases - before.blockErases + (sectorErases - before.sectorErases));
		}
		writer.finish();
		assert.equal(most, 1);
		assert.equal(Flash.counters.blockErases - Math.ceil(image.length / 65536), 32, "32 for making the flash");
		assert.equal(Flash.counters.violations, 0);
	});
	it("writes over a slot that held something else", () => {
		makeDevice();
		Flash.erase(slotAddress.ota_1, slotSize);
		Flash.write(slotAddress.ota_1, new Uint8Array(slotSize));
		const image = makeImage({ size: 100_000 });
		const writer = new ota.Writer();
		writeAll(writer, image, 4096);
		writer.finish();
		sameAs(image);
		assert.equal(slotBytes("ota_1", 0x20000, 1)[0], 0, "what the image does not need is not erased");
	});
	it("an image may fill the slot to its last byte, with and without marks", () => {
		const image = makeImage({ size: slotSize - 24 - 8 - 256 - 32 - 16 });
		assert.equal(image.length, slotSize);
		for (const options of [{ size: image.length }, {}, { tag }]) {
			makeDevice();
			const writer = new ota.Writer(options);
			writeAll(writer, image, 8192);
			writer.finish();
			sameAs(image);
		}
	});
	it("an image that does not fit is refused, at once when its size is known", () => {
		makeDevice();
		fails("ota.too-large", () => new ota.Writer({ size: slotSize + 1 }));
		const writer = new ota.Writer({ tag });
		const block = new Uint8Array(65536).fill(0xe9);
		for (let at = 0; at < slotSize; at += block.length) writer.write(block);
		fails("ota.too-large", () => writer.write(new Uint8Array(1)));
		fails("ota.closed", () => writer.write(new Uint8Array(1)));
	});
	it("what is no image is refused with its first byte", () => {
		makeDevice();
		const writer = new ota.Writer();
		fails("image.not-an-image", () => writer.write(new Uint8Array([0x50, 0x4b, 3, 4])));
		fails("ota.closed", () => writer.write(makeImage()));
	});
	it("an image that is cut short is refused, wherever", () => {
		const image = makeImage({ size: 5000 });
		for (const end of [1, 20, 30, 300, 5000, image.length - 33, image.length - 1]) {
			makeDevice();
			const writer = new ota.Writer();
			writer.write(image.subarray(0, end));
			fails("image.truncated", () => writer.finish());
		}
		makeDevice();
		const writer = new ota.Writer();
		fails("image.truncated", () => writer.finish());
	});
	it("a damaged image and one for another chip are refused", () => {
		const damaged = makeImage();
		damaged[500] = (damaged[500] ?? 0) ^ 0x40;
		makeDevice();
		let writer = new ota.Writer();
		writer.write(damaged);
		fails("image.corrupt", () => writer.finish());
		makeDevice();
		writer = new ota.Writer();
		writer.write(makeImage({ chip: 9 }));
		fails("image.wrong-chip", () => writer.finish());
	});
	it("the running slot is refused, and any slot while on trial", () => {
		makeDevice();
		fails("ota.running", () => new ota.Writer({ label: "ota_0" }));
		fails("ota.no-slot", () => new ota.Writer({ label: "ota_9" }));
		const writer = new ota.Writer();
		writer.write(makeImage());
		ota.activate(writer.finish().label);
		Flash.boot();
		fails("ota.on-trial", () => new ota.Writer());
	});
	it("writing into an activated slot takes its activation back first", () => {
		makeDevice();
		const first = new ota.Writer();
		first.write(makeImage({ version: "1.1.0" }));
		ota.activate(first.finish().label);
		const second = new ota.Writer();
		assert.equal(ota.next().label, "ota_0");
		second.write(makeImage().subarray(0, 100));
		second.close();
		assert.equal(Flash.boot().label, "ota_0");
		assert.equal(ota.running().state, "valid");
	});
	it("close is idempotent, and finish ends the writer", () => {
		makeDevice();
		const writer = new ota.Writer();
		writer.write(makeImage());
		writer.finish();
		fails("ota.closed", () => writer.finish());
		writer.close();
		writer.close();
		fails("ota.closed", () => writer.write(new Uint8Array(1)));
	});
});

describe("going on after a cut", () => {
	const image = makeImage({ size: 250_000 });
	const begin = (bytes: number, options: ota.WriterOptions): void => {
		makeDevice();
		const writer = new ota.Writer(options);
		writeAll(writer, image.subarray(0, bytes), 4096);
		writer.close();
	};
	it("whole blocks of 64 KiB are remembered", () => {
		for (const [bytes, offset] of [
			[0, 0],
			[65535, 0],
			[65536, 65536],
			[200_000, 196_608],
		] as const) {
			begin(bytes, { tag });
			assert.equal(ota.resumable(tag), offset);
			assert.equal(ota.resumable(otherTag), 0);
		}
	});
	it("writing goes on from there and makes the same image", () => {
		begin(150_000, { tag, size: image.length });
		Flash.boot();
		const offset = ota.resumable(tag);
		assert.equal(offset, 131_072);
		const writer = new ota.Writer({ tag, size: image.length, offset });
		assert.equal(writer.position, offset);
		writeAll(writer, image, 4096);
		writer.finish();
		sameAs(image);
		assert.equal(Flash.counters.violations, 0);
	});
	it("marks go on after a second cut", () => {
		begin(100_000, { tag });
		const writer = new ota.Writer({ tag, offset: ota.resumable(tag) });
		writeAll(writer, image.subarray(0, 140_000), 4096);
		writer.close();
		assert.equal(ota.resumable(tag), 131_072);
	});
	it("another package starts afresh", () => {
		begin(150_000, { tag });
		new ota.Writer({ tag: otherTag }).close();
		assert.equal(ota.resumable(tag), 0);
		assert.equal(ota.resumable(otherTag), 0);
	});
	it("writing without a tag forgets the marks", () => {
		begin(150_000, { tag });
		new ota.Writer({ offset: 65536 }).close();
		assert.equal(ota.resumable(tag), 0);
	});
	it("offsets that the marks do not vouch for are refused", () => {
		begin(150_000, { tag });
		fails("ota.bad-offset", () => new ota.Writer({ tag, offset: 65536 }));
		fails("ota.bad-offset", () => new ota.Writer({ tag, offset: 196_608 }));
		fails("ota.bad-offset", () => new ota.Writer({ offset: 1000 }));
		fails("ota.bad-offset", () => new ota.Writer({ offset: -4096 }));
		fails("ota.bad-tag", () => ota.resumable(new Uint8Array(15)));
		fails("ota.bad-tag", () => new ota.Writer({ tag: new Uint8Array(17) }));
	});
	it("without a tag, writing goes on at any multiple of 4096", () => {
		begin(150_000, {});
		const writer = new ota.Writer({ offset: 36 * 4096 });
		writeAll(writer, image, 4096);
		writer.finish();
		sameAs(image);
	});
	it("invalidation forgets the marks", () => {
		begin(150_000, { tag });
		ota.invalidate("ota_1");
		assert.equal(ota.resumable(tag), 0);
	});
	it("an image that needs the place of the marks has none", () => {
		const large = makeImage({ size: slotSize - 5000 });
		makeDevice();
		const writer = new ota.Writer({ tag, size: slotSize });
		writeAll(writer, large.subarray(0, 100_000), 4096);
		writer.close();
		assert.equal(ota.resumable(tag), 0);
	});
});
