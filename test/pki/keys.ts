/** Key pairs for certificates, through Node's WebCrypto. */
import { webcrypto } from "node:crypto";

/** "rsa" is RSA-2048, "ec" is P-256; the others are for certificates that ought to be refused or that are unusual. */
export type KeyKind = "rsa" | "rsa-1024" | "rsa-3072" | "rsa-4096" | "ec" | "p-384" | "p-521";

export type Hash = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";

export interface KeyPair {
	readonly kind: KeyKind;
	readonly privateKey: webcrypto.CryptoKey;
	readonly publicKey: webcrypto.CryptoKey;
	/** PKCS#8. */
	readonly pem: string;
}

const rsa = (modulusLength: number): webcrypto.RsaHashedKeyGenParams => ({
	name: "RSASSA-PKCS1-v1_5",
	modulusLength,
	publicExponent: Uint8Array.of(1, 0, 1),
	hash: "SHA-256",
});

const algorithms: Readonly<Record<KeyKind, webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams>> = {
	rsa: rsa(2048),
	"rsa-1024": rsa(1024),
	"rsa-3072": rsa(3072),
	"rsa-4096": rsa(4096),
	ec: { name: "ECDSA", namedCurve: "P-256" },
	"p-384": { name: "ECDSA", namedCurve: "P-384" },
	"p-521": { name: "ECDSA", namedCurve: "P-521" },
};

/** DER as PEM. */
export function toPEM(label: string, der: ArrayBuffer | Uint8Array): string {
	const text = Buffer.from(new Uint8Array(der)).toString("base64");
	return `-----BEGIN ${label}-----\n${text.replace(/(.{64})(?=.)/g, "$1\n")}\n-----END ${label}-----\n`;
}

export async function generateKey(kind: KeyKind): Promise<KeyPair> {
	const pair = (await webcrypto.subtle.generateKey(algorithms[kind], true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
	const pem = toPEM("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", pair.privateKey));
	return { kind, ...pair, pem };
}

/** How a certificate is signed with a key of that kind. WebCrypto binds an RSA key to one hash, so that another one needs another handle. */
export async function signing(
	pair: KeyPair,
	hash: Hash,
): Promise<{ readonly key: webcrypto.CryptoKey; readonly algorithm: webcrypto.Algorithm }> {
	if (!pair.kind.startsWith("rsa")) return { key: pair.privateKey, algorithm: { name: "ECDSA", hash } as webcrypto.Algorithm };
	const algorithm = { name: "RSASSA-PKCS1-v1_5", hash };
	if (hash === "SHA-256") return { key: pair.privateKey, algorithm };
	const der = await webcrypto.subtle.exportKey("pkcs8", pair.privateKey);
	return { key: await webcrypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]), algorithm };
}
