import { assert } from "chai";
import { crc32 } from "fleetling/update/readers/crc32";
import { Gunzip } from "fleetling/update/readers/gzip";
import type { ByteSink } from "fleetling/update/readers/octets";
import Hex from "hex";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { bytesOf, gzip, gzipHead, joined, noise } from "./writing";

/** Of Python's gzip at its best: 200 times the sentence in `sentence`, with dynamic Huffman codes and matches. */
const sentence = "A device proves who it is, polls its server, and boots on trial. ";
const compressed =
	"1f8b0800000000000203edccc10d83301000c156ae00941e2885044bb16471c846a6fdd0411a98e7ee63d6d8cbac9f1267cf5946dcdf8c7a451d4b9cd9da7862c4287d96bec476ecf1ce7c4e1e71f5bab557ac00000000000000000000000000000000000000000000000000000000000000000000000000000000000000c07fe0072e770a61c8320000";

function gunzip(bytes: Uint8Array, piece: number, checked = true): number[] {
	const result: number[] = [];
	let finished = false;
	const sink: ByteSink = {
		write(block, start, end) {
			for (let at = start; at < end; at++) result.push(block[at] ?? -1);
		},
		finish() {
			finished = true;
		},
		close() {},
	};
	const reader = new Gunzip(sink, { size: bytes.byteLength, what: "it", checked });
	const buffer = new Uint8Array(piece + 2);
	try {
		for (let at = 0; at < bytes.byteLength; at += piece) {
			const part = bytes.subarray(at, at + piece);
			buffer.set(part, 1);
			reader.write(buffer, 1, 1 + part.byteLength);
			buffer.fill(0xee);
		}
		reader.finish();
		assert.isTrue(finished);
	} finally {
		reader.close();
		reader.close();
	}
	return result;
}

describe("gzip", () => {
	const content = noise(5000);
	const real = new Uint8Array(Hex.toBuffer(compressed));
	const text = [...bytesOf(sentence.repeat(200))];

	for (const piece of [1, 3, 8, 1024, 4096, 16384]) {
		it(`gives what was stored, in pieces of ${piece} bytes`, () => assert.deepEqual(gunzip(gzip(content), piece), [...content]));
		it(`gives what was compressed, in pieces of ${piece} bytes`, () => assert.deepEqual(gunzip(real, piece), text));
	}

	it("of nothing gives nothing", () => assert.deepEqual(gunzip(gzip(new Uint8Array(0)), 1), []));

	const extra = [4, 0, 1, 2, 3, 4];
	const name = [...bytesOf("name.tar"), 0];
	const comment = [...bytesOf("made by hand"), 0];
	const heads = [
		["a text mark", 1, []],
		["an extra field", 4, extra],
		["an empty extra field", 4, [0, 0]],
		["a name", 8, name],
		["a comment", 16, comment],
		["a checksum of its own", 2, [1, 2]],
		["everything", 31, [...extra, ...name, ...comment, 1, 2]],
	] as const;
	for (const [what, flags, rest] of heads)
		for (const piece of [1, 4096])
			it(`may have a head with ${what}, in pieces of ${piece} bytes`, () =>
				assert.deepEqual(gunzip(gzip(content, gzipHead(flags, rest)), piece), [...content]));

	const changed = (at: number, value: number): Uint8Array => {
		const bytes = gzip(content);
		bytes[at < 0 ? bytes.byteLength + at : at] = value;
		return bytes;
	};
	const good = gzip(content);
	const refused = [
		["another magic", changed(0, 0), "not compressed with gzip"],
		["another method", changed(2, 7), "not compressed with gzip"],
		["unknown flags", changed(3, 0x20), "unknown kind"],
		["a damaged block", changed(11, 0), "damaged"],
		["a wrong CRC-32", changed(-8, good[good.byteLength - 8] === 1 ? 2 : 1), "does not decompress"],
		["a wrong length", changed(-1, 9), "does not decompress"],
		["no end", good.subarray(0, 4000), "ends too early"],
		["no tail", good.subarray(0, good.byteLength - 8), "ends too early"],
		["a head alone", gzipHead(), "ends too early"],
		["half a head", gzipHead().subarray(0, 5), "ends too early"],
		["a second member", joined(good, good), "behind the end"],
		[
			"something behind it",
			joined(good.subarray(0, good.byteLength - 8), noise(20), good.subarray(good.byteLength - 8)),
			"behind the end",
		],
	] as const;
	for (const [what, bytes, text] of refused)
		for (const piece of [1, 4096])
			it(`refuses ${what} in pieces of ${piece} bytes`, () =>
				rejects("artifact.bad-gzip", () => gunzip(bytes, piece), text).then(() => {}));

	it("refuses a single byte too much", async () => {
		for (const source of [good, real])
			for (const count of [1, 2, 3, 7])
				for (const piece of [1, 4096]) {
					const body = source.byteLength - 8;
					const bytes = joined(source.subarray(0, body), noise(count), source.subarray(body));
					await rejects("artifact.bad-gzip", () => gunzip(bytes, piece));
				}
	});

	it("refuses a head without end", () =>
		rejects("artifact.too-large", () =>
			gunzip(gzip(content, gzipHead(8, [...noise(2000).map((byte) => byte | 1), 0])), 512),
		).then(() => {}));

	it("does not look at the CRC-32 when told so, but at the length", async () => {
		assert.deepEqual(gunzip(changed(-8, 77), 4096, false), [...content]);
		await rejects("artifact.bad-gzip", () => gunzip(changed(-1, 9), 4096, false));
	});

	it("passes on what its sink throws", () => {
		const failure = new RangeError("from the sink");
		const sink: ByteSink = {
			write() {
				throw failure;
			},
			finish() {},
			close() {},
		};
		const reader = new Gunzip(sink, { size: good.byteLength, what: "it", checked: true });
		let caught: unknown;
		try {
			reader.write(good, 0, good.byteLength);
		} catch (error) {
			caught = error;
		}
		assert.strictEqual(caught, failure);
		reader.close();
	});

	it("says so when there is no memory for the window, which is no fault of what was compressed", () => {
		const options = { size: good.byteLength, what: "it", checked: true };
		const sink: ByteSink = { write() {}, finish() {}, close() {} };
		const inflater = (): never => {
			throw new Error("no memory");
		};
		const reader = new Gunzip(sink, { ...options, inflater });
		return rejects("artifact.no-memory", () => reader.write(good, 0, good.byteLength), "43 KB").then(() => reader.close());
	});

	it("has the CRC of everyone else", () => {
		assert.equal(crc32(bytesOf("123456789")) >>> 0, 0xcbf43926);
		assert.equal(crc32(bytesOf("56789"), crc32(bytesOf("1234"))) >>> 0, 0xcbf43926);
	});
});
