import { assert } from "chai";
import { encode, encodeOID, encodeUnsigned, Reader, tags } from "fleetling/crypto/der";
import { signatureFromDER, signatureToDER } from "fleetling/crypto/ecdsa";
import Hex from "hex";
import { describe, it } from "test/harness";
import { fails } from "./failing";

const hex = (bytes: Uint8Array): string => Hex.toString(bytes).toLowerCase();
/** Hex's own function knows no empty text. */
const from = (text: string): Uint8Array =>
	text === "" ? new Uint8Array(0) : new Uint8Array(Hex.toBuffer(text.replace(/ /g, "")));
const reader = (text: string): Reader => new Reader(from(text), "the test");

describe("DER", () => {
	it("writes lengths in their shortest form", () => {
		for (const [length, header] of [
			[0, "0400"],
			[127, "047f"],
			[128, "048180"],
			[255, "0481ff"],
			[256, "04820100"],
			[65535, "0482ffff"],
		] as const) {
			const bytes = encode(tags.octetString, new Uint8Array(length));
			assert.equal(hex(bytes.subarray(0, header.length / 2)), header);
			assert.equal(new Reader(bytes, "the test").read(tags.octetString).length, length);
		}
	});

	it("writes numbers without needless zeros and never negative", () => {
		for (const [number, der] of [
			["00", "020100"],
			["7f", "02017f"],
			["80", "02020080"],
			["0001", "020101"],
			["000080", "02020080"],
			["0100", "02020100"],
		] as const)
			assert.equal(hex(encodeUnsigned(from(number))), der);
	});

	it("writes and reads object identifiers", () => {
		for (const [dotted, der] of [
			["1.2.840.113549.1.1.11", "06092a864886f70d01010b"],
			["1.2.840.10045.3.1.7", "06082a8648ce3d030107"],
			["2.5.4.3", "0603550403"],
			["2.999", "06028837"],
			["0.9", "060109"],
		] as const) {
			assert.equal(hex(encodeOID(dotted)), der);
			assert.equal(reader(der).readOID(), dotted);
		}
	});

	it("reads numbers", () => {
		assert.equal(hex(reader("020100").readUnsigned()), "00");
		assert.equal(hex(reader("02020080").readUnsigned()), "80");
		assert.equal(hex(reader("02017f").readUnsigned()), "7f");
	});

	it("refuses what is not DER", () => {
		const cases: readonly (readonly [string, (r: Reader) => unknown])[] = [
			["", (r) => r.read(tags.sequence)],
			["30", (r) => r.read(tags.sequence)],
			["3001", (r) => r.read(tags.sequence)],
			["3081", (r) => r.read(tags.sequence)],
			["308200", (r) => r.read(tags.sequence)],
			// indefinite; longer than 65535; not the shortest form
			["3080 0000", (r) => r.read(tags.sequence)],
			["3083 000001 00", (r) => r.read(tags.sequence)],
			["3081 01 00", (r) => r.read(tags.sequence)],
			["3082 0001 00", (r) => r.read(tags.sequence)],
			["3100", (r) => r.read(tags.sequence)],
			["0200", (r) => r.readUnsigned()],
			["020180", (r) => r.readUnsigned()],
			["02020001", (r) => r.readUnsigned()],
			["0600", (r) => r.readOID()],
			["060188", (r) => r.readOID()],
			["0606 8888 8888 8801", (r) => r.readOID()],
			["0300", (r) => r.readBits()],
			["030201fe", (r) => r.readBits()],
			[
				"300000",
				(r) => {
					r.read(tags.sequence);
					r.end();
				},
			],
		];
		for (const [text, action] of cases) fails("crypto.bad-der", () => action(reader(text)), /^the test is not valid DER: it /);
	});
});

describe("ECDSA signatures", () => {
	const raw = (r: string, s: string): Uint8Array => from(r.padStart(64, "0") + s.padStart(64, "0"));

	it("become DER and raw again", () => {
		for (const signature of [
			raw("1", "1"),
			raw("80", "7f"),
			raw("ff".repeat(32), "80".repeat(32)),
			raw("00ff".repeat(16), "7f".repeat(32)),
		]) {
			const der = signatureToDER(signature);
			const back = signatureFromDER(der);
			assert.deepEqual(back && hex(back), hex(signature));
		}
		assert.equal(hex(signatureToDER(raw("80", "7f"))), "3007020200800201 7f".replace(" ", ""));
	});

	it("that are malformed are none", () => {
		for (const text of [
			"",
			"00",
			"3000",
			"3003020101",
			"3006020101020101 00",
			"3009020101020101020101",
			"3006020181020101",
			"300702020001020101",
			"30060201010201",
			// r of 33 bytes
			`3026 0221 01${"00".repeat(32)} 020101`,
		])
			assert.isUndefined(signatureFromDER(from(text)), text);
	});
});
