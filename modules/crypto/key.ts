import { frozen } from "fleetling/frozen/frozen";
import { FleetlingError } from "../error/error";
import { type Bytes, viewOf } from "./bytes";
import { signatureFromDER, signatureToDER } from "./ecdsa";
import { bytesOrFailure, failure, statuses } from "./failure";
import { encodePEM } from "./pem";
import { decodePrivateKey, encodePrivateKey } from "./private-key";
import PSAKey, { type PSAKind, type PSAMode, type PSAStatus } from "./psakey";
import { decodePublicKey, encodePublicKey, type Family, type PlainKey, unsupported } from "./public-key";

/** The kinds of key pair that can be made. */
export type KeyType = "rsa-2048" | "rsa-3072" | "p-256";

/** The kinds that can be imported: others sign updates with RSA-4096, which would take a device minutes to make. */
export type ImportedKeyType = KeyType | "rsa-4096";

/** How an ECDSA signature is written: SEQUENCE { r, s } as X.509, TLS and JSON requests have it, or r and s one after the other. RSA has one form only. */
export type SignatureForm = "der" | "raw";

const specifications: Readonly<Record<KeyType, { readonly family: Family; readonly bits: number }>> = frozen({
	"rsa-2048": { family: "rsa", bits: 2048 },
	"rsa-3072": { family: "rsa", bits: 3072 },
	"p-256": { family: "p-256", bits: 256 },
});

const kinds: Readonly<Record<Family, { readonly pair: PSAKind; readonly public: PSAKind }>> = frozen({
	rsa: { pair: 0, public: 1 },
	"p-256": { pair: 2, public: 3 },
});

const modes = frozen({ message: 0, digest: 1, raw: 2 } as const satisfies Record<string, PSAMode>);

/** NIST SP 800-57 part 1: shorter RSA keys are not to be relied upon. */
const minimumBits = 2048;

/** PKCS#1 padding of type 1 takes this many bytes at least (RFC 8017 section 9.2). */
const paddingLength = 11;

/** What PSA answers to a signature that does not hold; the last two to one that is no number below the modulus. */
const refusals: readonly PSAStatus[] = frozen([
	statuses.invalidSignature,
	statuses.invalidPadding,
	statuses.invalidArgument,
	statuses.genericError,
]);

/**
 * A key pair, or a public key to verify with. The private key stays in the library's key store; only export() takes it out.
 * Holds native memory and one of the store's places (32 in Mbed TLS 2.28) until close().
 */
export class Key {
	readonly type: ImportedKeyType;
	/** Whether there is a private key. */
	readonly isPrivate: boolean;
	readonly #native: PSAKey;
	readonly #family: Family;

	private constructor(native: PSAKey, type: ImportedKeyType, family: Family, isPrivate: boolean) {
		this.#native = native;
		this.#family = family;
		this.type = type;
		this.isPrivate = isPrivate;
	}

	/**
	 * Makes a key pair on a thread of its own: JavaScript goes on meanwhile. RSA takes seconds on a device, up to half a minute.
	 * @throws (rejects) crypto.bad-argument for another type, crypto.no-memory, crypto.failed
	 */
	static generate(type: KeyType): Promise<Key> {
		return new Promise((resolve, reject) => {
			const specification = Object.hasOwn(specifications, type) ? specifications[type] : undefined;
			if (specification === undefined)
				throw new FleetlingError(
					"crypto.bad-argument",
					`a key of type ${type} cannot be made, only ${Object.keys(specifications).join(", ")}`,
				);
			const { family, bits } = specification;
			const native = new PSAKey();
			// Called by the machine's loop: resolve and reject are all it does, and neither throws.
			const started = native.generate(kinds[family].pair, bits, (status) => {
				if (status === statuses.success) resolve(new Key(native, type, family, true));
				else reject(failure(status, `making a key of type ${type}`));
			});
			if (started !== statuses.success) throw failure(started, `making a key of type ${type}`);
		});
	}

	/**
	 * A key pair from DER: what export() gave, or PKCS#8, PKCS#1 or SEC 1 from elsewhere.
	 * @throws crypto.bad-der, crypto.bad-key, crypto.unsupported-key, crypto.weak-key, crypto.no-memory
	 */
	static import(der: Bytes): Key {
		return Key.#load(decodePrivateKey(viewOf(der, "the private key")), true);
	}

	/**
	 * A public key from PEM, "BEGIN PUBLIC KEY" (SubjectPublicKeyInfo) or "BEGIN RSA PUBLIC KEY" (PKCS#1).
	 * @throws crypto.bad-pem, crypto.bad-der, crypto.bad-key, crypto.unsupported-key, crypto.weak-key, crypto.no-memory
	 */
	static importPublic(pem: string): Key {
		return Key.#load(decodePublicKey(pem), false);
	}

	static #load({ family, bytes }: PlainKey, isPrivate: boolean): Key {
		const what = isPrivate ? "the private key" : "the public key";
		const native = new PSAKey();
		const status = native.import(kinds[family][isPrivate ? "pair" : "public"], bytes);
		const bits = native.bits;
		const type = typeOf(family, bits);
		if (status === statuses.success && type !== undefined) return new Key(native, type, family, isPrivate);

		native.close();
		if (status === statuses.insufficientMemory) throw failure(status, `loading ${what}`);
		if (status === statuses.notSupported) throw unsupported(what, "the library does not take its size");
		if (status !== statuses.success)
			throw new FleetlingError(
				"crypto.bad-key",
				`${what} is well-formed, but its numbers are not those of a key (PSA status ${status})`,
			);
		if (bits < minimumBits)
			throw new FleetlingError(
				"crypto.weak-key",
				`${what} has ${bits} bits; RSA keys need at least ${minimumBits} to be relied upon`,
			);
		throw unsupported(what, `it is RSA with ${bits} bits`);
	}

	/**
	 * The public key as SubjectPublicKeyInfo in PEM: lines of 64 characters, LF, a final newline. The same key always gives the same
	 * text, which servers compare byte for byte.
	 * @throws crypto.closed
	 */
	get publicPEM(): string {
		return encodePEM("PUBLIC KEY", this.#encodePublic());
	}

	/**
	 * The public key as SubjectPublicKeyInfo in DER.
	 * @throws crypto.closed
	 */
	get publicDER(): ArrayBuffer {
		return this.#encodePublic().buffer;
	}

	#encodePublic(): Uint8Array<ArrayBuffer> {
		const bytes = bytesOrFailure(this.#native.exportPublic(), "exporting the public key");
		return encodePublicKey({ family: this.#family, bytes: new Uint8Array(bytes) });
	}

	/**
	 * The private key in the clear, as PKCS#8 DER, to be stored where only this device can read it. Never to be sent or logged.
	 * @throws crypto.not-private for a public key, crypto.closed
	 */
	export(): ArrayBuffer {
		this.#needPrivate("exported");
		const bytes = new Uint8Array(bytesOrFailure(this.#native.exportPrivate(), "exporting the private key"));
		const der = encodePrivateKey({ family: this.#family, bytes });
		bytes.fill(0);
		return der.buffer;
	}

	/**
	 * Signs the SHA-256 of `data`: RSASSA-PKCS1-v1_5, or ECDSA in the form asked for.
	 * @throws crypto.not-private for a public key, crypto.closed, crypto.bad-argument when `data` is no buffer
	 */
	sign(data: Bytes, form: SignatureForm = "der"): ArrayBuffer {
		this.#needPrivate("used to sign");
		const signature = bytesOrFailure(this.#native.sign(modes.message, viewOf(data, "what is signed")), "signing");
		return this.#family === "rsa" || form === "raw" ? signature : signatureToDER(new Uint8Array(signature)).buffer;
	}

	/**
	 * The RSA private-key operation on `bytes` in PKCS#1 padding of type 1, without a hash or its name: what TLS 1.1 did, and what a
	 * peer can turn back into the bytes with the public key.
	 * @throws crypto.wrong-key-type when the key is not RSA, crypto.bad-argument unless there are 1 to (size of the key - 11) bytes,
	 * crypto.not-private, crypto.closed
	 */
	signRaw(bytes: Bytes): ArrayBuffer {
		this.#needPrivate("used to sign");
		if (this.#family !== "rsa")
			throw new FleetlingError(
				"crypto.wrong-key-type",
				`a key of type ${this.type} cannot sign bytes as they are; this takes an RSA key`,
			);
		const view = viewOf(bytes, "what is signed");
		const limit = this.#native.bits / 8 - paddingLength;
		// A closed key has no size; the operation itself says so.
		if (limit > 0 && (view.length < 1 || view.length > limit))
			throw new FleetlingError(
				"crypto.bad-argument",
				`a key of type ${this.type} signs 1 to ${limit} bytes as they are, not ${view.length}`,
			);
		return bytesOrFailure(this.#native.sign(modes.raw, view), "signing");
	}

	/**
	 * Whether `signature` is one of `data` by this key: RSASSA-PKCS1-v1_5 or ECDSA over SHA-256. False for whatever is no such
	 * signature, malformed or of another length included.
	 * @throws crypto.closed, crypto.bad-argument when an argument is no buffer
	 */
	verify(data: Bytes, signature: Bytes, form: SignatureForm = "der"): boolean {
		return this.#verify(modes.message, viewOf(data, "what is verified"), signature, form);
	}

	/**
	 * verify() for data that have been hashed on their way: `digest` is their SHA-256.
	 * @throws crypto.closed, crypto.bad-argument when an argument is no buffer or the digest has not 32 bytes
	 */
	verifyDigest(digest: Bytes, signature: Bytes, form: SignatureForm = "der"): boolean {
		const view = viewOf(digest, "the digest");
		if (view.length !== 32) throw new FleetlingError("crypto.bad-argument", `a SHA-256 digest has 32 bytes, not ${view.length}`);
		return this.#verify(modes.digest, view, signature, form);
	}

	#verify(mode: PSAMode, data: Uint8Array, signature: Bytes, form: SignatureForm): boolean {
		// Told apart here: a status for a wrong argument means a wrong signature further down.
		if (this.#native.bits === 0) throw failure(statuses.invalidHandle, "verifying");
		const view = viewOf(signature, "the signature");
		const plain = this.#family === "rsa" || form === "raw" ? view : signatureFromDER(view);
		if (plain === undefined) return false;
		const status = this.#native.verify(mode, data, plain);
		if (status === statuses.success) return true;
		if (refusals.includes(status)) return false;
		throw failure(status, "verifying");
	}

	/** For modules in C, which get the key's identifier from it (psakey.h). */
	get native(): PSAKey {
		return this.#native;
	}

	/** Destroys the key in memory. May be called again; everything else fails with crypto.closed afterwards. */
	close(): void {
		this.#native.close();
	}

	#needPrivate(use: string): void {
		if (!this.isPrivate) throw new FleetlingError("crypto.not-private", `a public key cannot be ${use}; this takes a key pair`);
	}
}

function typeOf(family: Family, bits: number): ImportedKeyType | undefined {
	if (family === "p-256") return "p-256";
	const types: Readonly<Record<number, ImportedKeyType>> = { 2048: "rsa-2048", 3072: "rsa-3072", 4096: "rsa-4096" };
	return types[bits];
}
