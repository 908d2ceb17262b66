/**
 * The device's signature: RSASSA-PKCS1-v1_5 with SHA-256 over the exact bytes of the body, and which forms of base64 and PEM
 * the real server takes (facts B.2). Verified with Node's crypto.
 */
import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";

const alphabet = /[A-Za-z0-9+/]/;

/**
 * Base64 as Python decodes it by default: foreign characters are skipped (so blanks are tolerated, and base64url loses its
 * `-` and `_`), padding is required. Undefined when the padding is wrong.
 */
export function decodeBase64(text: string): Buffer | undefined {
	let digits = "";
	let pads = 0;
	for (const character of text) {
		if (character === "=") {
			pads += 1;
			if (digits.length % 4 >= 2 && (digits.length % 4) + pads >= 4) return Buffer.from(digits, "base64");
		} else if (alphabet.test(character)) {
			digits += character;
			pads = 0;
		}
	}
	return digits.length % 4 === 0 ? Buffer.from(digits, "base64") : undefined;
}

/**
 * An RSA public key from PEM: SPKI or PKCS#1 inside either label, any line ends, at least three lines, nothing before the
 * first dash. Undefined for everything else, EC keys included.
 */
export function importPublicKey(pem: string): KeyObject | undefined {
	const label = /^-----BEGIN ([^\r\n]*)-----\s+/.exec(pem)?.[1];
	if (label === undefined || /-----END (.*)-----\s*$/.exec(pem)?.[1] !== label) return undefined;
	const lines = pem.replaceAll(" ", "").trim().split(/\s+/);
	if (lines.length < 3) return undefined;
	const der = decodeBase64(lines.slice(1, -1).join(""));
	if (!der) return undefined;
	for (const type of ["spki", "pkcs1"] as const) {
		try {
			const key = createPublicKey({ key: der, format: "der", type });
			return key.asymmetricKeyType === "rsa" ? key : undefined;
		} catch {
			// Not this form: the next one is tried.
		}
	}
	return undefined;
}

/** True if `signature` (base64) over `body` was made with the private half of `pem`. Never throws. */
export function verifySignature(body: Uint8Array, pem: string, signature: string): boolean {
	const bytes = decodeBase64(signature);
	const key = importPublicKey(pem);
	if (!bytes || !key) return false;
	try {
		return verify("sha256", body, { key, padding: constants.RSA_PKCS1_PADDING }, bytes);
	} catch {
		return false;
	}
}
