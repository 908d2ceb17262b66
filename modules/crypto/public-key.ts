import { frozen } from "fleetling/frozen/frozen";
import { FleetlingError } from "../error/error";
import { encode, encodeBits, encodeOID, Reader, tags } from "./der";
import { decodePEM } from "./pem";

/** The two kinds of key that exist here. */
export type Family = "rsa" | "p-256";

/** A key in the form that PSA takes and gives, and what kind it is. */
export interface PlainKey {
	readonly family: Family;
	readonly bytes: Uint8Array;
}

export const oids = frozen({
	rsaEncryption: "1.2.840.113549.1.1.1",
	ecPublicKey: "1.2.840.10045.2.1",
	p256: "1.2.840.10045.3.1.7",
} as const);

/** Length of an uncompressed P-256 point: 0x04, x, y. */
const pointLength = 65;

/** AlgorithmIdentifier of a key (RFC 3279 section 2.3.1, RFC 5480 section 2.1.1). */
export function encodeAlgorithm(family: Family): Uint8Array<ArrayBuffer> {
	return family === "rsa"
		? encode(tags.sequence, encodeOID(oids.rsaEncryption), encode(tags.null))
		: encode(tags.sequence, encodeOID(oids.ecPublicKey), encodeOID(oids.p256));
}

/**
 * Reads the AlgorithmIdentifier of a key.
 * @throws crypto.unsupported-key when it is neither RSA nor P-256
 */
export function readAlgorithm(reader: Reader, what: string): Family {
	const algorithm = reader.enter(tags.sequence);
	const oid = algorithm.readOID();
	if (oid === oids.rsaEncryption) {
		// NULL, which some writers leave out.
		if (algorithm.next !== undefined) algorithm.read(tags.null);
		algorithm.end();
		return "rsa";
	}
	if (oid !== oids.ecPublicKey) throw unsupported(what, `its algorithm is ${oid}`);
	// Curves that are written out instead of named are refused with the same words.
	const curve = algorithm.next === tags.oid ? algorithm.readOID() : "not a named one";
	if (curve !== oids.p256) throw unsupported(what, `its curve is ${curve}`);
	algorithm.end();
	return "p-256";
}

/** SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). */
export function encodePublicKey(key: PlainKey): Uint8Array<ArrayBuffer> {
	return encode(tags.sequence, encodeAlgorithm(key.family), encodeBits(key.bytes));
}

/**
 * A public key from PEM: SubjectPublicKeyInfo ("PUBLIC KEY") or PKCS#1 ("RSA PUBLIC KEY").
 * @throws crypto.bad-pem, crypto.bad-der, crypto.unsupported-key
 */
export function decodePublicKey(pem: string): PlainKey {
	const what = "the public key";
	const { label, bytes } = decodePEM(pem, what);
	const outer = new Reader(bytes, what);
	switch (label) {
		case "RSA PUBLIC KEY":
			checkPublicRSA(outer);
			return { family: "rsa", bytes };
		case "PUBLIC KEY":
			return readSubjectPublicKey(outer, what);
		default:
			throw new FleetlingError("crypto.bad-pem", `${what} must be PEM of a PUBLIC KEY or RSA PUBLIC KEY, not of a ${label}`);
	}
}

function readSubjectPublicKey(outer: Reader, what: string): PlainKey {
	const info = outer.enter(tags.sequence);
	outer.end();
	const family = readAlgorithm(info, what);
	const bytes = info.readBits();
	info.end();
	if (family === "rsa") checkPublicRSA(new Reader(bytes, what));
	// PSA knows no compressed points; the length decides the curve there, so a wrong one must not reach it.
	else if (bytes.length !== pointLength || bytes[0] !== 4)
		throw unsupported(what, "its point is not an uncompressed one of P-256");
	return { family, bytes };
}

/** RSAPublicKey (RFC 8017 appendix A.1.1): two numbers and nothing else. The library checks the numbers themselves. */
function checkPublicRSA(outer: Reader): void {
	const numbers = outer.enter(tags.sequence);
	outer.end();
	numbers.readUnsigned();
	numbers.readUnsigned();
	numbers.end();
}

export function unsupported(what: string, why: string): FleetlingError {
	return new FleetlingError(
		"crypto.unsupported-key",
		`${what} cannot be used: ${why}; supported are RSA (2048, 3072 and 4096 bits) and P-256`,
	);
}
