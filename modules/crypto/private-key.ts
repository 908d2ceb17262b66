import { encode, encodeUnsigned, Reader, tags } from "./der";
import { encodeAlgorithm, oids, type PlainKey, readAlgorithm, unsupported } from "./public-key";

const what = "the private key";

/** Bytes of a P-256 private key. */
const scalarLength = 32;

/** PrivateKeyInfo (PKCS#8, RFC 5208 section 5) around a key. It says itself what kind it is, so that nothing needs to be stored beside it. */
export function encodePrivateKey(key: PlainKey): Uint8Array<ArrayBuffer> {
	if (key.family === "rsa") return wrap(key, key.bytes);
	const inner = encode(tags.sequence, encodeUnsigned(Uint8Array.of(1)), encode(tags.octetString, key.bytes));
	const result = wrap(key, inner);
	inner.fill(0);
	return result;
}

function wrap(key: PlainKey, inner: Uint8Array): Uint8Array<ArrayBuffer> {
	const version = encodeUnsigned(Uint8Array.of(0));
	const contents = encode(tags.octetString, inner);
	const result = encode(tags.sequence, version, encodeAlgorithm(key.family), contents);
	contents.fill(0);
	return result;
}

/**
 * A private key from DER: PKCS#8, PKCS#1 (RSA) or SEC 1 (EC). The bytes are those of `der`, not a copy.
 * @throws crypto.bad-der, crypto.unsupported-key
 */
export function decodePrivateKey(der: Uint8Array): PlainKey {
	const outer = new Reader(der, what);
	const key = outer.enter(tags.sequence);
	outer.end();
	const version = readVersion(key);
	// What follows the version tells the three forms apart: an algorithm, a number, the private key.
	switch (key.next) {
		case tags.sequence:
			return readPKCS8(key, version);
		case tags.integer:
			return readRSA(der);
		case tags.octetString:
			return readEC(key, version, true);
		default:
			throw key.fault("is neither PKCS#8 nor PKCS#1 nor SEC 1");
	}
}

function readVersion(reader: Reader): number {
	const bytes = reader.readUnsigned();
	if (bytes.length > 1) throw reader.fault("has an unknown version");
	return bytes[0] ?? 0;
}

/** After the version. Attributes, and the public key of version 1 (RFC 5958), are not needed. */
function readPKCS8(info: Reader, version: number): PlainKey {
	if (version > 1) throw info.fault("has an unknown version of PKCS#8");
	const family = readAlgorithm(info, what);
	const bytes = info.read(tags.octetString);
	if (family === "rsa") return readRSA(bytes);
	const inner = new Reader(bytes, what);
	const key = inner.enter(tags.sequence);
	inner.end();
	return readEC(key, readVersion(key), false);
}

/** RSAPrivateKey (RFC 8017 appendix A.1.2): the version and eight numbers. The library checks the numbers themselves. */
function readRSA(der: Uint8Array): PlainKey {
	const outer = new Reader(der, what);
	const key = outer.enter(tags.sequence);
	outer.end();
	if (readVersion(key) !== 0) throw unsupported(what, "it is an RSA key with more than two primes");
	for (let count = 0; count < 8; count++) key.readUnsigned();
	key.end();
	return { family: "rsa", bytes: der };
}

/** ECPrivateKey (RFC 5915 section 3) after the version. The public key in it, if any, is not needed: it follows from the private one. */
function readEC(key: Reader, version: number, mustNameCurve: boolean): PlainKey {
	if (version !== 1) throw key.fault("has an unknown version of an EC key");
	const bytes = key.read(tags.octetString);
	if (key.next === tags.context0) {
		const parameters = key.enter(tags.context0);
		const curve = parameters.readOID();
		parameters.end();
		if (curve !== oids.p256) throw unsupported(what, `its curve is ${curve}`);
	} else if (mustNameCurve) throw unsupported(what, "it does not name its curve");
	if (bytes.length !== scalarLength) throw key.fault("has a number of the wrong length for P-256");
	return { family: "p-256", bytes };
}
