import { assert } from "chai";
import { SHA256, sha256 } from "fleetling/crypto/crypto";
import System from "fleetling/host/system";
import Hex from "hex";
import { describe, it } from "test/harness";
import { fails } from "./failing";
import { ascii } from "./vectors";

const hex = (buffer: ArrayBuffer): string => Hex.toString(buffer).toLowerCase();

/** Examples of NIST for SHA-256 (FIPS 180-2 appendix B, and the CSRC example values). */
const known: readonly (readonly [string, string])[] = [
	["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
	["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
	[
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	],
	[
		"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
	],
];

describe("sha256", () => {
	it("gives the answers of NIST", () => {
		for (const [text, digest] of known) assert.equal(hex(sha256(ascii(text))), digest);
	});

	it("gives the answer of NIST for a million letters", () => {
		const block = new Uint8Array(1000).fill(0x61);
		const hash = new SHA256();
		for (let count = 0; count < 1000; count++) hash.update(block);
		assert.equal(hex(hash.digest()), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	});

	it("gives the same in pieces as in one, wherever it is cut", () => {
		const bytes = Uint8Array.from({ length: 200 }, (_, index) => (index * 7) & 0xff);
		const whole = hex(sha256(bytes));
		for (let cut = 0; cut <= bytes.length; cut++)
			assert.equal(hex(new SHA256().update(bytes, 0, cut).update(bytes, cut).digest()), whole, `cut at ${cut}`);
	});

	it("takes buffers, views and parts of them", () => {
		const bytes = ascii("--abc--");
		const expected = known[1]?.[1];
		assert.equal(hex(new SHA256().update(bytes.buffer, 2, 3).digest()), expected);
		assert.equal(hex(new SHA256().update(bytes.subarray(2, 5)).digest()), expected);
		assert.equal(hex(new SHA256().update(bytes.subarray(1), 1, 3).digest()), expected);
		assert.equal(hex(new SHA256().update(new DataView(bytes.buffer, 2, 3)).digest()), expected);
		assert.equal(hex(sha256(bytes.buffer.slice(2, 5))), expected);
		assert.equal(hex(new SHA256().update(new ArrayBuffer(0)).digest()), known[0]?.[1]);
		assert.equal(hex(new SHA256().update(bytes, 7).update(bytes, 3, 0).digest()), known[0]?.[1]);
	});

	it("clones a hash, which both then go their own way", () => {
		const hash = new SHA256().update(ascii("ab"));
		const copy = hash.clone();
		assert.equal(hex(copy.clone().digest()), hex(sha256(ascii("ab"))));
		hash.update(ascii("c"));
		copy.update(ascii("x"));
		assert.equal(hex(hash.digest()), known[1]?.[1]);
		assert.equal(hex(copy.digest()), hex(sha256(ascii("abx"))));
	});

	it("refuses ranges outside of the bytes", () => {
		const hash = new SHA256();
		const bytes = new Uint8Array(8);
		for (const [offset, length] of [
			[9, undefined],
			[0, 9],
			[8, 1],
			[-1, undefined],
			[0, -1],
			[4, 2147483647],
		] as const)
			fails("crypto.bad-argument", () => hash.update(bytes, offset, length));
		// None of them has left a trace.
		assert.equal(hex(hash.digest()), known[0]?.[1]);
	});

	it("refuses what is no buffer", () => {
		const hash = new SHA256();
		for (const value of ["text", 12, null, undefined, {}, [1, 2]]) {
			fails("crypto.bad-argument", () => hash.update(value as unknown as ArrayBuffer));
			fails("crypto.bad-argument", () => sha256(value as unknown as ArrayBuffer));
		}
		hash.close();
	});

	it("cannot be used after its end", () => {
		const finished = new SHA256();
		finished.digest();
		const closed = new SHA256();
		closed.close();
		closed.close();
		for (const hash of [finished, closed]) {
			fails("crypto.closed", () => hash.update(new ArrayBuffer(1)));
			fails("crypto.closed", () => hash.digest());
			fails("crypto.closed", () => hash.clone());
			hash.close();
		}
	});

	it("allocates nothing per update", () => {
		const hash = new SHA256();
		const block = new Uint8Array(4096);
		// Filled once before they count, so that filling them again takes no memory.
		const before = System.memory({});
		const after = System.memory({});
		const update = (count: number) => {
			for (let index = 0; index < count; index++) hash.update(block, 0, 4096);
		};
		update(1);
		System.memory(before);
		update(500);
		System.memory(after);
		hash.close();
		assert.equal(after.chunksUsed, before.chunksUsed);
		assert.equal(after.slotsUsed, before.slotsUsed);
	});

	it("frees what it holds: 1000 hashes, closed or finished", () => {
		const bytes = ascii("abc");
		for (let count = 0; count < 500; count++) {
			new SHA256().update(bytes).close();
			assert.equal(new SHA256().update(bytes).digest().byteLength, 32);
		}
	});
});
