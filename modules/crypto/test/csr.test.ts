import { assert } from "chai";
import { csr, Key, type Subject } from "fleetling/crypto/crypto";
import { Reader, tags } from "fleetling/crypto/der";
import { decodePEM } from "fleetling/crypto/pem";
import Hex from "hex";
import { describe, it } from "test/harness";
import { fails } from "./failing";
import { bytesOf, p256, rsa2048 } from "./vectors";

interface Parsed {
	/** What is signed, header included. */
	readonly info: Uint8Array;
	readonly names: readonly (readonly [string, number, string])[];
	readonly publicKey: string;
	readonly algorithm: string;
	readonly signature: Uint8Array;
}

function parse(pem: string): Parsed {
	const { label, bytes } = decodePEM(pem, "the request");
	assert.equal(label, "CERTIFICATE REQUEST");
	const outer = new Reader(bytes, "the request");
	const request = outer.enter(tags.sequence);
	outer.end();
	const contents = request.read(tags.sequence);
	const info = new Reader(contents, "the request");
	assert.equal(Hex.toString(info.readUnsigned()), "00");
	const names: [string, number, string][] = [];
	const name = info.enter(tags.sequence);
	while (name.next !== undefined) {
		const pair = name.enter(tags.set).enter(tags.sequence);
		const oid = pair.readOID();
		const tag = pair.next ?? 0;
		names.push([oid, tag, Array.from(pair.read(tag as 0x0c), (byte) => String.fromCharCode(byte)).join("")]);
		pair.end();
	}
	const publicKey = Hex.toString(info.read(tags.sequence));
	assert.equal(info.read(tags.context0).length, 0);
	info.end();
	const algorithm = request.enter(tags.sequence).readOID();
	const signature = request.readBits();
	request.end();
	const start = contents.byteOffset - bytes.byteOffset - (contents.length < 256 ? 3 : 4);
	return {
		info: bytes.slice(start, start + contents.length + (contents.length < 256 ? 3 : 4)),
		names,
		publicKey,
		algorithm,
		signature,
	};
}

describe("csr", () => {
	it("holds the name and the key, signed by the key", () => {
		for (const [der, publicPEM, algorithm] of [
			[rsa2048.pkcs8, rsa2048.publicPEM, "1.2.840.113549.1.1.11"],
			[p256.pkcs8, p256.publicPEM, "1.2.840.10045.4.3.2"],
		] as const) {
			const key = Key.import(bytesOf(der));
			const parsed = parse(csr(key, { commonName: "device-0001, the long-named sensor in the greenhouse" }));
			assert.deepEqual(parsed.names, [["2.5.4.3", tags.utf8String, "device-0001, the long-named sensor in the greenhouse"]]);
			assert.equal(parsed.algorithm, algorithm);
			const { bytes } = decodePEM(publicPEM, "the key");
			assert.isTrue(Hex.toString(bytes).endsWith(parsed.publicKey));
			assert.isTrue(key.verify(parsed.info, parsed.signature));
			key.close();
		}
	});

	it("writes all parts of a name in their order and type", () => {
		const key = Key.import(bytesOf(p256.pkcs8));
		const { names } = parse(
			csr(key, {
				emailAddress: "fleet@example.com",
				commonName: "a",
				serialNumber: "24:6F:28:00:00:01",
				organizationalUnit: "Sensors",
				organization: "Example",
				locality: "Gotham",
				state: "NY",
				country: "US",
			}),
		);
		assert.deepEqual(names, [
			["2.5.4.6", tags.printableString, "US"],
			["2.5.4.8", tags.utf8String, "NY"],
			["2.5.4.7", tags.utf8String, "Gotham"],
			["2.5.4.10", tags.utf8String, "Example"],
			["2.5.4.11", tags.utf8String, "Sensors"],
			["2.5.4.3", tags.utf8String, "a"],
			["2.5.4.5", tags.printableString, "24:6F:28:00:00:01"],
			["1.2.840.113549.1.9.1", tags.ia5String, "fleet@example.com"],
		]);
		key.close();
	});

	it("counts characters, not bytes, and encodes them as UTF-8", () => {
		const key = Key.import(bytesOf(p256.pkcs8));
		const { names } = parse(csr(key, { commonName: "ü".repeat(64) }));
		assert.equal(names[0]?.[2], "\u00c3\u00bc".repeat(64));
		fails("crypto.bad-argument", () => csr(key, { commonName: "ü".repeat(65) }), /commonName .* more than 64/);
		key.close();
	});

	it("refuses names that no certificate can have", () => {
		const key = Key.import(bytesOf(p256.pkcs8));
		const cases: readonly (readonly [Partial<Subject>, RegExp])[] = [
			[{}, /commonName/],
			[{ commonName: "" }, /commonName/],
			[{ commonName: 7 as unknown as string }, /commonName/],
			[{ commonName: "a", country: "USA" }, /country/],
			[{ commonName: "a", country: "us" }, /country/],
			[{ commonName: "a", organization: "" }, /organization /],
			[{ commonName: "a", serialNumber: "a_b" }, /serialNumber/],
			[{ commonName: "a", emailAddress: "ü@example.com" }, /emailAddress/],
			[{ commonName: "a", state: "x".repeat(129) }, /state/],
		];
		for (const [subject, text] of cases) fails("crypto.bad-argument", () => csr(key, subject as Subject), text);
		key.close();
	});

	it("takes a key pair that is open", () => {
		const publicKey = Key.importPublic(p256.publicPEM);
		fails("crypto.not-private", () => csr(publicKey, { commonName: "a" }));
		publicKey.close();
		fails("crypto.closed", () => csr(publicKey, { commonName: "a" }));
	});
});
