import { assert } from "chai";
import { Key } from "fleetling/crypto/crypto";
import { decodePEM, encodePEM } from "fleetling/crypto/pem";
import { FleetlingError } from "fleetling/error/error";
import Hex from "hex";
import { describe, it } from "test/harness";
import { fails } from "./failing";
import { bytesOf, lengthened, p256, rsa2048, unsupported, weak } from "./vectors";

const hex = (buffer: ArrayBuffer | Uint8Array): string => Hex.toString(buffer);

/** Imports, and closes what should not have been accepted. */
const importKey = (der: Uint8Array): string => {
	const key = Key.import(der);
	key.close();
	return key.type;
};
const importPublic = (pem: string): string => {
	const key = Key.importPublic(pem);
	key.close();
	return key.type;
};

/** With byte `index` replaced. */
function patched(bytes: Uint8Array, index: number, byte: number): Uint8Array {
	const copy = bytes.slice();
	copy[index] = byte;
	return copy;
}

describe("importing a private key", () => {
	it("takes PKCS#8, PKCS#1 and SEC 1 of one key for the same", () => {
		for (const [forms, publicPEM] of [
			[[rsa2048.pkcs8, rsa2048.pkcs1], rsa2048.publicPEM],
			[[p256.pkcs8, p256.sec1], p256.publicPEM],
		] as const) {
			const exported = forms.map((form) => {
				const key = Key.import(bytesOf(form));
				assert.equal(key.publicPEM, publicPEM);
				const der = hex(key.export());
				key.close();
				return der;
			});
			assert.equal(exported[0], exported[1]);
		}
		// What OpenSSL writes for RSA is what we write.
		const key = Key.import(bytesOf(rsa2048.pkcs1));
		assert.equal(hex(key.export()), hex(bytesOf(rsa2048.pkcs8)));
		key.close();
	});

	it("takes a view into a larger buffer", () => {
		const der = bytesOf(p256.pkcs8);
		const larger = new Uint8Array(der.length + 20);
		larger.set(der, 7);
		const key = Key.import(larger.subarray(7, 7 + der.length));
		assert.equal(key.publicPEM, p256.publicPEM);
		key.close();
	});

	it("refuses every truncation", () => {
		for (const form of [rsa2048.pkcs8, rsa2048.pkcs1, p256.pkcs8, p256.sec1]) {
			const der = bytesOf(form);
			for (let length = 0; length < der.length; length++) fails("crypto.bad-der", () => importKey(der.subarray(0, length)));
		}
	});

	it("refuses what follows a key", () => {
		for (const form of [rsa2048.pkcs8, rsa2048.pkcs1, p256.pkcs8, p256.sec1])
			fails("crypto.bad-der", () => importKey(lengthened(bytesOf(form))), /1 bytes too many/);
	});

	it("never signs wrongly with a key of which a byte has changed", () => {
		const codes = new Set<string>();
		const data = new Uint8Array(8);
		for (const form of [rsa2048.pkcs8, p256.pkcs8, p256.sec1]) {
			const der = bytesOf(form);
			// All of the structure; of the numbers of RSA every 43rd byte.
			for (let index = 0; index < der.length; index += index < 48 ? 1 : 43) {
				for (const change of [0x01, 0x80, 0xff]) {
					let key: Key | undefined;
					try {
						key = Key.import(patched(der, index, (der[index] ?? 0) ^ change));
						assert.isTrue(key.verify(data, key.sign(data)), `byte ${index}`);
					} catch (error) {
						if (!(error instanceof FleetlingError)) throw error;
						// Where the damaged modulus has small factors the library may not find numbers that blind the operation, by
						// chance: it then says that random numbers failed.
						if (error.code !== "crypto.failed") codes.add(error.code);
					} finally {
						key?.close();
					}
				}
			}
		}
		// The library notices some damaged numbers when it loads the key and the others when it signs.
		assert.equal([...codes].sort().join(" "), "crypto.bad-der crypto.bad-key crypto.unsupported-key");
	});

	it("refuses numbers that are no key", () => {
		const der = bytesOf(p256.pkcs8);
		// The scalar is the 32 bytes that SEC 1 has behind its first 7.
		const scalar = bytesOf(p256.sec1).subarray(7, 39);
		const start = hex(der).indexOf(hex(scalar)) / 2;
		assert.isAbove(start, 0);
		const zero = der.slice();
		zero.fill(0, start, start + 32);
		fails("crypto.bad-key", () => importKey(zero));
		const large = der.slice();
		large.fill(0xff, start, start + 32);
		fails("crypto.bad-key", () => importKey(large));
	});

	it("refuses kinds and sizes that it does not support, and says which", () => {
		fails("crypto.weak-key", () => importKey(bytesOf(weak.pkcs8)), /1024 bits/);
		fails("crypto.unsupported-key", () => importKey(bytesOf(unsupported.p384PKCS8)), /1\.3\.132\.0\.34/);
		fails("crypto.unsupported-key", () => importKey(bytesOf(unsupported.p384SEC1)), /1\.3\.132\.0\.34/);
		fails("crypto.unsupported-key", () => importKey(bytesOf(unsupported.ed25519PKCS8)), /1\.3\.101\.112/);
	});

	it("refuses what is no key at all", () => {
		for (const bytes of [new Uint8Array(0), new Uint8Array(64), new Uint8Array(64).fill(0xff), Uint8Array.of(0x30, 0)])
			fails("crypto.bad-der", () => importKey(bytes));
	});
});

describe("importing a public key", () => {
	it("takes SubjectPublicKeyInfo and PKCS#1 as they come", () => {
		const variants: readonly string[] = [
			rsa2048.publicPEM,
			rsa2048.publicPKCS1,
			rsa2048.publicPEM.trimEnd(),
			rsa2048.publicPEM.replaceAll("\n", "\r\n"),
			`The key of the fleet:\n\n${rsa2048.publicPEM}\nand something after it\n`,
			rsa2048.publicPEM.replace(/([^-])\n([^-])/g, "$1$2"),
		];
		for (const variant of variants) {
			const key = Key.importPublic(variant);
			assert.equal(key.publicPEM, rsa2048.publicPEM);
			key.close();
		}
	});

	it("refuses what is no PEM of a public key", () => {
		const good = p256.publicPEM;
		const cases: readonly string[] = [
			"",
			"MFkwEwYHKoZIzj0CAQYI",
			good.replace("BEGIN", "BEGUN"),
			good.replace("END", "AND"),
			good.replace("END PUBLIC", "END RSA PUBLIC"),
			good.replace("M", "*"),
			good.replace("M", ""),
			good.replace("\nM", "\n=M"),
			"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
			good.replaceAll("PUBLIC KEY", "PRIVATE KEY"),
			good.replaceAll("PUBLIC KEY", "CERTIFICATE"),
			good.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n"),
		];
		for (const text of cases) fails("crypto.bad-pem", () => importPublic(text));
		for (const value of [undefined, null, 7, new ArrayBuffer(4)])
			fails("crypto.bad-pem", () => importPublic(value as unknown as string), /not a string/);
	});

	it("refuses truncated and lengthened DER", () => {
		for (const source of [rsa2048.publicPEM, rsa2048.publicPKCS1, p256.publicPEM]) {
			const { label, bytes } = decodePEM(source, "the test");
			for (let length = 1; length < bytes.length; length += 3)
				fails("crypto.bad-der", () => importPublic(encodePEM(label, bytes.subarray(0, length))));
			fails("crypto.bad-der", () => importPublic(encodePEM(label, lengthened(bytes))));
		}
	});

	it("refuses a point that is not on the curve", () => {
		const { bytes } = decodePEM(p256.publicPEM, "the test");
		const last = bytes.length - 1;
		fails("crypto.bad-key", () => importPublic(encodePEM("PUBLIC KEY", patched(bytes, last, (bytes[last] ?? 0) ^ 1))));
	});

	it("refuses an RSA key whose exponent is even", () => {
		const { bytes } = decodePEM(rsa2048.publicPEM, "the test");
		fails("crypto.bad-key", () => importPublic(encodePEM("PUBLIC KEY", patched(bytes, bytes.length - 1, 0))));
	});

	it("refuses kinds and sizes that it does not support, and says which", () => {
		fails("crypto.weak-key", () => importPublic(weak.publicPEM), /1024 bits/);
		fails("crypto.unsupported-key", () => importPublic(unsupported.rsa2560), /2560 bits/);
		fails("crypto.unsupported-key", () => importPublic(unsupported.p384), /1\.3\.132\.0\.34/);
		fails("crypto.unsupported-key", () => importPublic(unsupported.secp256k1), /1\.3\.132\.0\.10/);
		fails("crypto.unsupported-key", () => importPublic(unsupported.ed25519), /1\.3\.101\.112/);
		fails("crypto.unsupported-key", () => importPublic(p256.compressedPEM), /point/);
		fails("crypto.unsupported-key", () => importPublic(p256.explicitPEM), /not a named one/);
	});
});
