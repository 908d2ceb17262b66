import { assert } from "chai";
import { randomBytes } from "fleetling/crypto/crypto";
import { describe, it } from "test/harness";
import { fails } from "./failing";

describe("randomBytes", () => {
	it("gives as many bytes as asked for", () => {
		for (const count of [0, 1, 16, 4096, 65536]) assert.equal(randomBytes(count).byteLength, count);
	});

	it("gives other bytes each time, of all values", () => {
		const seen = new Set<number>();
		const bytes = new Uint8Array(randomBytes(8192));
		for (const byte of bytes) seen.add(byte);
		// That one of 256 values is missing among 8192 has a probability of about 10^-12.
		assert.equal(seen.size, 256);
		assert.notDeepEqual(new Uint8Array(randomBytes(16)), new Uint8Array(randomBytes(16)));
	});

	it("refuses counts that are none", () => {
		for (const count of [-1, 1.5, 65537, Number.NaN, Number.POSITIVE_INFINITY, "4" as unknown as number])
			fails("crypto.bad-argument", () => randomBytes(count));
	});
});
