/** Certificate authorities for tests and the demo, and certificates of every wanted and unwanted kind. */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
	AuthorityKeyIdentifierExtension,
	BasicConstraintsExtension,
	cryptoProvider,
	ExtendedKeyUsageExtension,
	type Extension,
	KeyUsageFlags,
	KeyUsagesExtension,
	SubjectAlternativeNameExtension,
	SubjectKeyIdentifierExtension,
	type X509Certificate,
	X509CertificateGenerator,
} from "@peculiar/x509";
import { generateKey, type Hash, type KeyKind, type KeyPair, signing, toPEM } from "./keys";

cryptoProvider.set(webcrypto);

/** What a certificate's extended key usage allows. */
export type Usage = "server" | "client" | "code-signing";

const usageOIDs: Readonly<Record<Usage, string>> = {
	server: "1.3.6.1.5.5.7.3.1",
	client: "1.3.6.1.5.5.7.3.2",
	"code-signing": "1.3.6.1.5.5.7.3.3",
};

/** What a certificate's key usage allows. */
export type KeyUsage = "sign" | "encipher" | "certify" | "agree";

const keyUsageFlags: Readonly<Record<KeyUsage, KeyUsageFlags>> = {
	sign: KeyUsageFlags.digitalSignature,
	encipher: KeyUsageFlags.keyEncipherment,
	certify: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
	agree: KeyUsageFlags.keyAgreement,
};

const day = 86_400_000;

interface Common {
	readonly key?: KeyKind;
	/** A day ago unless told, so that clocks may differ. */
	readonly notBefore?: Date;
	/** A year from now unless told. */
	readonly notAfter?: Date;
	/** Hash of the signature that the issuer makes; SHA-256 unless told. */
	readonly hash?: Hash;
}

export interface AuthorityOptions extends Common {
	/** Common name. */
	readonly name: string;
	/** Basic constraints' CA flag; false makes an authority that must not be one. */
	readonly ca?: boolean;
	readonly keyUsage?: readonly KeyUsage[];
}

export interface CertificateOptions extends Common {
	/** Common name; the first of `names` or `ips` unless told. */
	readonly commonName?: string;
	/** DNS names, wildcards allowed. */
	readonly names?: readonly string[];
	readonly ips?: readonly string[];
	/** Absent: ["server"]. Empty: no extended key usage extension. */
	readonly usage?: readonly Usage[];
	/** Absent: sign and encipher. Empty: no key usage extension. */
	readonly keyUsage?: readonly KeyUsage[];
	readonly ca?: boolean;
	/** Leaves out the subject alternative names: only the common name tells whom it is for. */
	readonly withoutNames?: boolean;
	readonly serialNumber?: string;
}

export interface Issued {
	readonly certPEM: string;
	/** PKCS#8. */
	readonly keyPEM: string;
	/** The certificate and the intermediates above it, without the root: what a server sends. */
	readonly chainPEM: string;
	readonly der: ArrayBuffer;
}

/** What signs. */
interface Signer {
	readonly name: string;
	readonly pair: KeyPair;
	/** The key by which its certificates name it as their issuer. Its own, unless it is an impostor. */
	readonly identifier: CryptoKey;
}

const pemOf = (certificate: X509Certificate): string => toPEM("CERTIFICATE", certificate.rawData);

const escapeName = (name: string): string => name.replace(/([,=+<>#;"\\])/g, "\\$1");

const dates = (options: Common): { readonly notBefore: Date; readonly notAfter: Date } => ({
	notBefore: options.notBefore ?? new Date(Date.now() - day),
	notAfter: options.notAfter ?? new Date(Date.now() + 365 * day),
});

/** Signs a certificate for `pair`; without an issuer it signs itself. */
async function sign(
	subject: string,
	pair: KeyPair,
	issuer: Signer | undefined,
	options: Common & { readonly serialNumber?: string },
	extensions: readonly Extension[],
): Promise<X509Certificate> {
	const signer = issuer?.pair ?? pair;
	const { key, algorithm } = await signing(signer, options.hash ?? "SHA-256");
	const identifiers = [
		await SubjectKeyIdentifierExtension.create(pair.publicKey),
		await AuthorityKeyIdentifierExtension.create(issuer?.identifier ?? pair.publicKey),
	];
	return X509CertificateGenerator.create({
		...(options.serialNumber === undefined ? {} : { serialNumber: options.serialNumber }),
		subject: `CN=${escapeName(subject)}`,
		issuer: issuer?.name ?? `CN=${escapeName(subject)}`,
		...dates(options),
		signingAlgorithm: algorithm,
		publicKey: pair.publicKey,
		signingKey: key,
		extensions: [...extensions, ...identifiers],
	});
}

const keyUsageExtension = (usages: readonly KeyUsage[]): readonly Extension[] =>
	usages.length === 0
		? []
		: [
				new KeyUsagesExtension(
					usages.reduce((flags, usage) => flags | keyUsageFlags[usage], 0),
					true,
				),
			];

const commonNameOf = (options: CertificateOptions): string =>
	options.commonName ?? options.names?.[0] ?? options.ips?.[0] ?? "nobody";

function leafExtensions(options: CertificateOptions): readonly Extension[] {
	const usages = options.usage ?? ["server"];
	const names = [
		...(options.names ?? []).map((value) => ({ type: "dns" as const, value })),
		...(options.ips ?? []).map((value) => ({ type: "ip" as const, value })),
	];
	return [
		new BasicConstraintsExtension(options.ca ?? false, undefined, true),
		...keyUsageExtension(options.keyUsage ?? ["sign", "encipher"]),
		...(usages.length === 0 ? [] : [new ExtendedKeyUsageExtension(usages.map((usage) => usageOIDs[usage]))]),
		...(names.length === 0 || options.withoutNames ? [] : [new SubjectAlternativeNameExtension(names)]),
	];
}

export class Authority {
	readonly certPEM: string;
	readonly keyPEM: string;
	/** This authority's certificate and those above it, without the root; empty for a root. */
	readonly intermediatesPEM: string;
	readonly #signer: Signer;

	private constructor(signer: Signer, certPEM: string, intermediatesPEM: string) {
		this.#signer = signer;
		this.certPEM = certPEM;
		this.keyPEM = signer.pair.pem;
		this.intermediatesPEM = intermediatesPEM;
	}

	static async create(options: AuthorityOptions, parent?: Authority): Promise<Authority> {
		const pair = await generateKey(options.key ?? "ec");
		const certificate = await sign(options.name, pair, parent === undefined ? undefined : parent.#signer, options, [
			new BasicConstraintsExtension(options.ca ?? true, undefined, true),
			...keyUsageExtension(options.keyUsage ?? ["certify"]),
		]);
		const certPEM = pemOf(certificate);
		const signer = { name: certificate.subject, pair, identifier: pair.publicKey };
		return new Authority(signer, certPEM, parent ? certPEM + parent.intermediatesPEM : "");
	}

	/** An authority below this one. */
	createAuthority(options: AuthorityOptions): Promise<Authority> {
		return Authority.create(options, this);
	}

	/**
	 * An authority that calls itself like this one, key identifier included, but has another key: only their signatures show
	 * that its certificates are forged. Servers are to send the genuine certificates after the forged one: that is the attack.
	 */
	async impersonate(): Promise<Authority> {
		const pair = await generateKey(this.#signer.pair.kind);
		return new Authority({ ...this.#signer, pair }, this.certPEM, this.intermediatesPEM || this.certPEM);
	}

	/** A certificate and its key. */
	async issue(options: CertificateOptions): Promise<Issued> {
		const pair = await generateKey(options.key ?? "ec");
		return this.issueFor(pair, options);
	}

	/** A certificate for a key that exists. */
	async issueFor(pair: KeyPair, options: CertificateOptions): Promise<Issued> {
		const certificate = await sign(commonNameOf(options), pair, this.#signer, options, leafExtensions(options));
		const certPEM = pemOf(certificate);
		return { certPEM, keyPEM: pair.pem, chainPEM: certPEM + this.intermediatesPEM, der: certificate.rawData };
	}
}

export const createAuthority = (options: AuthorityOptions): Promise<Authority> => Authority.create(options);

/** A server certificate that nobody but itself has signed. */
export async function selfSign(options: CertificateOptions): Promise<Issued> {
	const pair = await generateKey(options.key ?? "ec");
	const certificate = await sign(commonNameOf(options), pair, undefined, options, leafExtensions(options));
	const certPEM = pemOf(certificate);
	return { certPEM, keyPEM: pair.pem, chainPEM: certPEM, der: certificate.rawData };
}

/** Moments relative to now, for notBefore and notAfter. */
export const days = (count: number): Date => new Date(Date.now() + count * day);
