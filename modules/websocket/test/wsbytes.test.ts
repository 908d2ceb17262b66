import { assert } from "chai";
import WSBytes from "fleetling/websocket/wsbytes";
import { describe, it } from "test/harness";
import { ascii, hex, hexOf } from "./octets";

describe("websocket/wsbytes: sha1", () => {
	// FIPS 180-4's own examples, and a length on each side of where padding needs another block.
	for (const [text, expected] of [
		["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
		["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
		["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"],
		["a".repeat(55), "c1c8bbdc22796e28c0e15163d20899b65621d65a"],
		["a".repeat(56), "c2db330f6083854c99d4b5bfb6e8f29f201be699"],
		["a".repeat(64), "0098ba824b5c16427bd7a1122a5a442a25ec644d"],
	] as const)
		it(`of ${text.length} bytes, "${text.slice(0, 3)}…"`, () => {
			const digest = WSBytes.sha1(ascii(text));
			assert.instanceOf(digest, ArrayBuffer);
			assert.equal(hexOf(digest as ArrayBuffer), expected);
		});
	it("takes a part of a buffer", () => {
		assert.equal(hexOf(WSBytes.sha1(ascii("xxabcyy").subarray(2, 5)) as ArrayBuffer), "a9993e364706816aba3e25717850c26c9cd0d89d");
	});
});

describe("websocket/wsbytes: mask", () => {
	it("gives the examples of RFC 6455 section 5.7", () => {
		const frame = hex("81 85 37fa213d 48656c6c6f");
		WSBytes.mask(frame, 6, 5);
		assert.equal(hexOf(frame), "818537fa213d7f9f4d5158");
	});
	it("agrees with the definition for every length and position, and touches nothing else", () => {
		for (let at = 4; at < 12; at++) {
			for (let length = 0; length < 20; length++) {
				const frame = Uint8Array.from({ length: 40 }, (_, i) => (i * 37 + 11) & 255);
				const expected = frame.map((byte, i) =>
					i < at || i >= at + length ? byte : byte ^ (frame[at - 4 + ((i - at) & 3)] ?? 0),
				);
				WSBytes.mask(frame, at, length);
				assert.deepEqual(frame, expected);
			}
		}
	});
	it("works in a view that does not begin its buffer", () => {
		const buffer = hex("ffff 01020304 00000000 eeee");
		WSBytes.mask(buffer.subarray(2, 10), 4, 4);
		assert.equal(hexOf(buffer), "ffff0102030401020304eeee");
	});
	for (const [payload, length] of [
		[3, 1],
		[-1, 1],
		[4, 5],
		[9, 0],
		[4, -1],
		[8, 1],
		[2147483647, 1],
		[4, 2147483647],
	] as const)
		it(`refuses payload ${payload}, length ${length} in 8 bytes`, () => {
			assert.throws(() => WSBytes.mask(new Uint8Array(8), payload, length), RangeError);
		});
});

/** Sequences of one, two, three bytes and four, and what Unicode says of them. */
const samples: readonly (readonly [bytes: string, verdict: "valid" | "invalid" | "incomplete"])[] = [
	["", "valid"],
	["00", "valid"],
	["7f", "valid"],
	["c280", "valid"],
	["dfbf", "valid"],
	["e0a080", "valid"],
	["ed9fbf", "valid"],
	["ee8080", "valid"],
	["efbfbf", "valid"],
	["f0908080", "valid"],
	["f48fbfbf", "valid"],
	["efbbbf", "valid"],
	["48656c6c6f 20 f09f9880 21", "valid"],
	["80", "invalid"],
	["bf", "invalid"],
	["c0", "invalid"],
	["c1bf", "invalid"],
	["c280 80", "invalid"],
	["c27f", "invalid"],
	["c2c0", "invalid"],
	["e09f", "invalid"],
	["eda0", "invalid"],
	["edbf", "invalid"],
	["f08f", "invalid"],
	["f490", "invalid"],
	["f5", "invalid"],
	["f8", "invalid"],
	["fe", "invalid"],
	["ff", "invalid"],
	["e18041", "invalid"],
	["f1808041", "invalid"],
	["c2", "incomplete"],
	["e0", "incomplete"],
	["e0a0", "incomplete"],
	["ed80", "incomplete"],
	["f0", "incomplete"],
	["f090", "incomplete"],
	["f09080", "incomplete"],
	["f48fbf", "incomplete"],
];
const verdictOf = (state: number): string => (state === 0 ? "valid" : state < 0 ? "invalid" : "incomplete");

/** RFC 3629 from the other end: every character encoded, and nothing else. */
function encode(point: number): number[] {
	if (point < 0x80) return [point];
	if (point < 0x800) return [0xc0 | (point >> 6), 0x80 | (point & 63)];
	if (point < 0x10000) return [0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)];
	return [0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)];
}

describe("websocket/wsbytes: utf8", () => {
	for (const [text, verdict] of samples) {
		it(`${text === "" ? "nothing" : text}: ${verdict}, at every cut, with ASCII around`, () => {
			for (const before of [0, 1, 3, 4, 5]) {
				const bytes = new Uint8Array([...ascii("a".repeat(before)), ...hex(text)]);
				assert.equal(verdictOf(WSBytes.utf8(0, bytes, bytes.length)), verdict, `after ${before}`);
				for (let cut = 0; cut <= bytes.length; cut++) {
					const state = WSBytes.utf8(0, bytes, cut);
					const rest = bytes.subarray(cut);
					assert.equal(verdictOf(WSBytes.utf8(state, rest, rest.length)), verdict, `after ${before}, cut at ${cut}`);
				}
			}
		});
	}
	it("takes every character, and refuses every surrogate", () => {
		for (let point = 0; point <= 0x10ffff; point += point < 0x11000 ? 1 : 97) {
			const bytes = Uint8Array.from(encode(point));
			const surrogate = point >= 0xd800 && point <= 0xdfff;
			assert.equal(WSBytes.utf8(0, bytes, bytes.length), surrogate ? -1 : 0, point.toString(16));
		}
	});
	it("accepts of all pairs of bytes just those that stand for something", () => {
		let valid = 0;
		const pair = new Uint8Array(2);
		for (let first = 0; first < 256; first++) {
			for (let second = 0; second < 256; second++) {
				pair[0] = first;
				pair[1] = second;
				if (WSBytes.utf8(0, pair, 2) === 0) valid++;
			}
		}
		// Two characters of ASCII, or one of U+0080 to U+07FF.
		assert.equal(valid, 128 * 128 + (0x800 - 0x80));
	});
	it("stays invalid", () => {
		assert.equal(WSBytes.utf8(-1, ascii("a"), 1), -1);
	});
	it("reads no further than it is told, and no further than there is", () => {
		assert.equal(WSBytes.utf8(0, hex("41ff"), 1), 0);
		assert.throws(() => WSBytes.utf8(0, hex("41ff"), 3), RangeError);
		assert.throws(() => WSBytes.utf8(0, hex("41ff"), -1), RangeError);
	});
});
