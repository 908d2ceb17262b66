import type { Bytes } from "./bytes";

/** What a key is. The numbers are those of PSAKind in psakeystore.h. */
type PSAKind = 0 | 1 | 2 | 3;

/** What is signed: 0 the message, 1 its SHA-256, 2 the bytes as they are (RSA only). The numbers are those in psakey.c. */
type PSAMode = 0 | 1 | 2;

/** A status of PSA: 0 is success, errors are negative. */
type PSAStatus = number;

/**
 * A key in PSA's key store. Formats are PSA's own: RSA keys as PKCS#1 DER, private P-256 keys as 32 bytes, public P-256 keys as an
 * uncompressed point, ECDSA signatures as r and s of 32 bytes each. The class Key speaks DER and PEM.
 */
export default class PSAKey {
	constructor();
	/** Destroys the key. May be called again. */
	close(): void;
	/** Makes a key on a thread of its own; `callback` is called when it is there or has failed. */
	generate(kind: PSAKind, bits: number, callback: (this: PSAKey, status: PSAStatus) => void): PSAStatus;
	import(kind: PSAKind, bytes: Bytes): PSAStatus;
	/** Size of the key, 0 when there is none. */
	readonly bits: number;
	exportPublic(): ArrayBuffer | PSAStatus;
	exportPrivate(): ArrayBuffer | PSAStatus;
	sign(mode: PSAMode, data: Bytes): ArrayBuffer | PSAStatus;
	verify(mode: PSAMode, data: Bytes, signature: Bytes): PSAStatus;
}

export type { PSAKind, PSAMode, PSAStatus };
