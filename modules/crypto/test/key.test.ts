import { assert } from "chai";
import { Key, type KeyType, sha256 } from "fleetling/crypto/crypto";
import System from "fleetling/host/system";
import Hex from "hex";
import { describe, it } from "test/harness";
import Timer from "timer";
import { fails, rejects } from "./failing";
import { ascii, bytesOf, lengthened, message, p256, rawMessage, rsa2048, rsa3072, rsa4096 } from "./vectors";

const text = ascii(message);
const hex = (buffer: ArrayBuffer | Uint8Array): string => Hex.toString(buffer);

/** A copy with one bit changed. */
function flipped(bytes: Uint8Array, index: number): Uint8Array {
	const copy = bytes.slice();
	copy[index] = (copy[index] ?? 0) ^ 0x10;
	return copy;
}

describe("Key", () => {
	it("signs with RSA what OpenSSL signs", () => {
		const key = Key.import(bytesOf(rsa2048.pkcs8));
		assert.equal(key.type, "rsa-2048");
		assert.isTrue(key.isPrivate);
		// PKCS#1 v1.5 has one signature only.
		assert.equal(hex(key.sign(text)), hex(bytesOf(rsa2048.signature)));
		assert.equal(hex(key.sign(text, "raw")), hex(bytesOf(rsa2048.signature)));
		assert.equal(hex(key.signRaw(ascii(rawMessage))), hex(bytesOf(rsa2048.rawSignature)));
		key.close();
	});

	it("verifies signatures of OpenSSL and refuses every other", () => {
		for (const { publicPEM, signature } of [rsa2048, rsa3072, rsa4096, p256]) {
			const key = Key.importPublic(publicPEM);
			const good = bytesOf(signature);
			assert.isFalse(key.isPrivate);
			assert.isTrue(key.verify(text, good), key.type);
			assert.isTrue(key.verify(text.buffer, good.buffer), key.type);
			assert.isTrue(key.verifyDigest(sha256(text), good), key.type);
			assert.isFalse(key.verify(ascii(`${message} `), good), key.type);
			assert.isFalse(key.verifyDigest(sha256(ascii("")), good), key.type);
			for (let index = 0; index < good.length; index += 5)
				assert.isFalse(key.verify(text, flipped(good, index)), `${key.type}, byte ${index}`);
			for (const bad of [
				new Uint8Array(0),
				good.subarray(1),
				good.subarray(0, -1),
				lengthened(good),
				new Uint8Array(good.length),
				new Uint8Array(good.length).fill(0xff),
			]) {
				assert.isFalse(key.verify(text, bad), `${key.type}, ${bad.length} bytes`);
				assert.isFalse(key.verify(text, bad, "raw"), `${key.type}, ${bad.length} bytes, raw`);
			}
			key.close();
		}
	});

	it("does not take a signature by one key for one by another", () => {
		const key = Key.importPublic(rsa3072.publicPEM);
		assert.isFalse(key.verify(text, bytesOf(rsa2048.signature)));
		assert.isFalse(key.verify(text, bytesOf(p256.signature)));
		key.close();
	});

	it("verifies the ECDSA signature of RFC 6979 appendix A.2.5", () => {
		const header = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
		const x = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
		const y = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
		const r = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
		const s = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
		const key = Key.importPublic(pem("PUBLIC KEY", new Uint8Array(Hex.toBuffer(header + x + y))));
		const signature = new Uint8Array(Hex.toBuffer(r + s));
		assert.isTrue(key.verify(ascii("sample"), signature, "raw"));
		assert.isFalse(key.verify(ascii("sample"), signature, "der"));
		assert.isFalse(key.verify(ascii("test"), signature, "raw"));
		key.close();
	});

	it("writes ECDSA signatures as DER or raw", () => {
		const key = Key.import(bytesOf(p256.pkcs8));
		for (let count = 0; count < 20; count++) {
			const der = key.sign(text);
			const raw = key.sign(text, "raw");
			assert.equal(raw.byteLength, 64);
			assert.equal(new Uint8Array(der)[0], 0x30);
			assert.isTrue(key.verify(text, der));
			assert.isTrue(key.verify(text, raw, "raw"));
			assert.isFalse(key.verify(text, raw));
			assert.isFalse(key.verify(text, der, "raw"));
		}
		key.close();
	});

	it("gives the public key in the form that OpenSSL gives it", () => {
		for (const [key, expected] of [
			[Key.import(bytesOf(rsa2048.pkcs8)), rsa2048.publicPEM],
			[Key.import(bytesOf(p256.pkcs8)), p256.publicPEM],
			[Key.importPublic(rsa3072.publicPEM), rsa3072.publicPEM],
			[Key.importPublic(rsa4096.publicPEM), rsa4096.publicPEM],
			[Key.importPublic(rsa2048.publicPKCS1), rsa2048.publicPEM],
		] as const) {
			assert.equal(key.publicPEM, expected);
			assert.equal(key.publicPEM, expected);
			key.close();
		}
	});

	for (const type of ["p-256", "rsa-2048"] as const satisfies readonly KeyType[]) {
		it(`makes a ${type} key that survives storing`, async () => {
			const key = await Key.generate(type);
			assert.equal(key.type, type);
			const der = key.export();
			const again = Key.import(der);
			assert.equal(again.type, type);
			assert.equal(again.publicPEM, key.publicPEM);
			assert.equal(hex(again.export()), hex(der));
			const other = Key.importPublic(key.publicPEM);
			assert.isTrue(other.verify(text, again.sign(text)));
			const different = await Key.generate(type);
			assert.notEqual(different.publicPEM, key.publicPEM);
			assert.isFalse(different.verify(text, key.sign(text)));
			for (const each of [key, again, other, different]) each.close();
		});
	}

	it("makes RSA-3072 while timers run", async () => {
		let ticks = 0;
		const before = System.ticks();
		const timer = Timer.repeat(() => ticks++, 5);
		const key = await Key.generate("rsa-3072");
		const duration = System.ticks() - before;
		Timer.clear(timer);
		assert.equal(key.type, "rsa-3072");
		// A blocked loop would have had at most one; how many fit is up to the machine.
		assert.isAtLeast(ticks, 3, `${ticks} ticks in ${duration} ms`);
		assert.isTrue(key.verify(text, key.sign(text)));
		key.close();
	});

	it("makes several keys at once, and uses others meanwhile", async () => {
		const others = [Key.import(bytesOf(p256.pkcs8)), Key.import(bytesOf(rsa2048.pkcs8))];
		const making = [Key.generate("rsa-3072"), Key.generate("p-256"), Key.generate("p-256")];
		for (const key of others) {
			assert.isTrue(key.verify(text, key.sign(text)));
			// Does not wait for the generation, which takes several times as long.
			const start = System.ticks();
			key.close();
			assert.isBelow(System.ticks() - start, 1000);
		}
		const keys = await Promise.all(making);
		assert.deepEqual(
			keys.map((key) => key.type),
			["rsa-3072", "p-256", "p-256"],
		);
		assert.equal(new Set(keys.map((key) => key.publicPEM)).size, 3);
		for (const key of keys) key.close();
	});

	it("signs 1 to n - 11 bytes as they are", () => {
		const key = Key.import(bytesOf(rsa2048.pkcs8));
		for (const length of [1, 20, 245]) assert.equal(key.signRaw(new Uint8Array(length).fill(0x5a)).byteLength, 256);
		for (const length of [0, 246, 4096])
			fails("crypto.bad-argument", () => key.signRaw(new Uint8Array(length)), /signs 1 to 245 bytes/);
		key.close();
		const ec = Key.import(bytesOf(p256.pkcs8));
		fails("crypto.wrong-key-type", () => ec.signRaw(new Uint8Array(20)));
		ec.close();
	});

	it("does not do with a public key what takes a private one", () => {
		for (const pem of [rsa2048.publicPEM, p256.publicPEM]) {
			const key = Key.importPublic(pem);
			fails("crypto.not-private", () => key.sign(text));
			fails("crypto.not-private", () => key.signRaw(text));
			fails("crypto.not-private", () => key.export());
			key.close();
		}
	});

	it("cannot be used when closed, but closed again", () => {
		for (const der of [rsa2048.pkcs8, p256.pkcs8]) {
			const key = Key.import(bytesOf(der));
			key.close();
			key.close();
			fails("crypto.closed", () => key.sign(text));
			fails("crypto.closed", () => key.verify(text, bytesOf(rsa2048.signature)));
			fails("crypto.closed", () => key.verify(text, bytesOf(p256.signature)));
			fails("crypto.closed", () => key.verifyDigest(sha256(text), bytesOf(p256.signature)));
			fails("crypto.closed", () => key.export());
			fails("crypto.closed", () => key.publicPEM);
			if (key.type !== "p-256") fails("crypto.closed", () => key.signRaw(text));
		}
	});

	it("refuses arguments of the wrong kind", async () => {
		const key = Key.import(bytesOf(p256.pkcs8));
		for (const value of ["text", 7, null, undefined, {}]) {
			const bad = value as unknown as ArrayBuffer;
			fails("crypto.bad-argument", () => key.sign(bad));
			fails("crypto.bad-argument", () => key.verify(bad, text));
			fails("crypto.bad-argument", () => key.verify(text, bad));
			fails("crypto.bad-argument", () => key.verifyDigest(bad, text));
			fails("crypto.bad-argument", () => Key.import(bad));
		}
		fails("crypto.bad-argument", () => key.verifyDigest(new ArrayBuffer(31), text), /32 bytes, not 31/);
		key.close();
		for (const type of ["rsa-1024", "toString", "", undefined])
			await rejects("crypto.bad-argument", Key.generate(type as KeyType), /only rsa-2048, rsa-3072, p-256/);
	});

	it("comes and goes a thousand times and leaves nothing", () => {
		const der = bytesOf(p256.pkcs8);
		const cycle = () => {
			for (let count = 0; count < 500; count++) {
				const key = Key.import(der);
				key.verifyDigest(der.subarray(0, 32), new ArrayBuffer(64), "raw");
				key.close();
			}
		};
		cycle();
		const before = System.memory({});
		cycle();
		const after = System.memory({});
		assert.isAtMost(after.slotsPeak, before.slotsPeak * 1.05);
		assert.isAtMost(after.chunksPeak, before.chunksPeak * 1.05);
	});

	it("gives its place back when it is dropped without close()", () => {
		const der = bytesOf(p256.pkcs8);
		// Many more than the 32 places of Mbed TLS 2.28.
		for (let count = 0; count < 200; count++) assert.equal(Key.import(der).type, "p-256");
	});

	it("says so when too many are open", () => {
		const der = bytesOf(p256.pkcs8);
		const keys: Key[] = [];
		try {
			// Later versions of the library have no limit but memory.
			for (let count = 0; count < 100; count++) keys.push(Key.import(der));
		} catch (error) {
			fails(
				"crypto.no-memory",
				() => {
					throw error;
				},
				/close those that are not needed/,
			);
			assert.isAtLeast(keys.length, 16);
		} finally {
			for (const key of keys) key.close();
		}
		Key.import(der).close();
	});
});

/** PEM from elsewhere than the code under test. */
function pem(label: string, bytes: Uint8Array): string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	let body = "";
	for (let index = 0; index < bytes.length; index += 3) {
		const rest = bytes.length - index;
		const group = ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
		for (let digit = 0; digit < 4; digit++) body += digit > rest ? "=" : alphabet[(group >> (18 - 6 * digit)) & 63];
	}
	return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}
