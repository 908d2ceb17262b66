import Base64 from "base64";
import { FleetlingError } from "fleetling/error/error";
import { Key } from "../../common/crypto";

/**
 * The public keys in a configured text: PEM, one or several one after the other (the old and the new one while keys are
 * being changed). Each is imported once, so that a mistake shows at the start and not with the first update.
 * `name` is that of the configuration key, for the error.
 */
export function readKeys(pem: string, name: string): readonly string[] {
	const keys = splitPEM(pem);
	try {
		for (const key of keys) Key.importPublic(key).close();
	} catch (cause) {
		throw new FleetlingError(
			"config.invalid",
			`configuration key "${name}" holds a key that cannot be used: expected public keys in PEM form, RSA (2048, 3072, 4096) or P-256`,
			{ cause },
		);
	}
	if (keys.length === 0)
		throw new FleetlingError("config.invalid", `configuration key "${name}" holds no public key: expected PEM`);
	return keys;
}

/** The blocks of a text in PEM; what is between them is left out. */
function splitPEM(text: string): string[] {
	const blocks: string[] = [];
	const ends = ["-----BEGIN ", "-----END ", "-----"] as const;
	for (let at = text.indexOf(ends[0]); at >= 0; ) {
		const end = text.indexOf(ends[1], at);
		const close = end < 0 ? -1 : text.indexOf(ends[2], end + ends[1].length);
		if (close < 0) break;
		blocks.push(text.slice(at, close + ends[2].length));
		at = text.indexOf(ends[0], close);
	}
	return blocks;
}

/**
 * Verifies `manifest.sig`: base64 over the SHA-256 of the manifest, RSA with PKCS#1 v1.5 or ECDSA P-256 as r and s one after
 * the other (64 bytes; not DER, other than where devices sign). One of `keys` has to match.
 */
export function verifySignature(keys: readonly string[], digest: ArrayBuffer, text: Uint8Array): void {
	const signature = decodeSignature(text);
	for (const pem of keys) {
		// Imported when needed: a key in the library's store costs native memory, and this happens once per update.
		const key = Key.importPublic(pem);
		try {
			if (key.verifyDigest(digest, signature, "raw")) return;
		} finally {
			key.close();
		}
	}
	const whose = keys.length === 1 ? "the configured key" : `any of the ${keys.length} configured keys`;
	throw bad(`is not from ${whose}; sign the artifact with the key that belongs to this device's configuration`);
}

function decodeSignature(bytes: Uint8Array): ArrayBuffer {
	let text = "";
	for (const byte of bytes) text += String.fromCharCode(byte);
	const base64 = text.trimEnd();
	const signature = Base64.decode(base64);
	// The decoder passes over what it does not know, and the last character may have bits to spare: one text for one signature.
	if (base64 === "" || Base64.encode(signature) !== base64) throw bad("is not base64; sign it again");
	return signature;
}

function bad(text: string): FleetlingError {
	return new FleetlingError("artifact.bad-signature", `the signature of the artifact ${text}`);
}
