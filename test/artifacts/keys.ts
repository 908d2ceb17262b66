/** Key pairs that sign artifacts. */
import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";

export interface SigningKey {
	readonly kind: "rsa" | "p-256";
	/** In the forms that mender-artifact reads: PKCS#1 and SEC 1. */
	readonly privatePEM: string;
	/** What goes into a device's configuration. */
	readonly publicPEM: string;
	/** The content of manifest.sig. */
	sign(manifest: Buffer): string;
}

export function rsaKey(bits: 2048 | 3072 | 4096 = 3072): SigningKey {
	const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: bits });
	return signingKey("rsa", privateKey, publicKey);
}

export function ecKey(): SigningKey {
	const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	return signingKey("p-256", privateKey, publicKey);
}

function signingKey(kind: SigningKey["kind"], privateKey: KeyObject, publicKey: KeyObject): SigningKey {
	return {
		kind,
		privatePEM: String(privateKey.export({ type: kind === "rsa" ? "pkcs1" : "sec1", format: "pem" })),
		publicPEM: String(publicKey.export({ type: "spki", format: "pem" })),
		// r and s one after the other, which Node calls by the name of its standard.
		sign: (manifest) =>
			createSign("sha256").update(manifest).sign({ key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64"),
	};
}
