import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { Identity, type Parsed, Trust } from "./native";

/** The certificate authorities that a device believes, parsed once and shared by its connections. */
export class TrustStore {
	readonly #native = new Trust();

	/**
	 * @param pem one or more CA certificates. A self-signed server certificate may be listed too: it is then trusted as it is.
	 * @throws tls.bad-authority when none of them can be used
	 */
	constructor(pem: string) {
		const parsed = this.#native.parse(pem);
		if (parsed !== 0) throw describeAuthority(pem, parsed);
	}

	/** Certificates in use. */
	get count(): number {
		return this.#native.count;
	}

	/** Certificates of the PEM text that the library cannot use (an unknown key type or a damaged one, for instance). */
	get skipped(): number {
		return this.#native.skipped;
	}

	/** For TLSSocket. */
	get native(): Trust {
		return this.#native;
	}

	/** Frees the certificates. Connections that use them keep theirs until they are closed; new ones cannot be made. */
	close(): void {
		this.#native.close();
	}
}

function describeAuthority(pem: string, parsed: Parsed): FleetlingError {
	if (parsed === 1) return new FleetlingError("tls.no-memory", "There is no memory to hold the CA certificates.");
	const what = pem.trim() === "" ? "is empty" : pem.includes("-----BEGIN CERTIFICATE-----") ? "cannot be read" : "is not PEM";
	return new FleetlingError(
		"tls.bad-authority",
		`The text that should hold the CA certificate ${what}. Give at least one certificate in PEM form ("-----BEGIN CERTIFICATE-----") with an RSA or NIST-curve key.`,
	);
}

/**
 * A private key for a client certificate: PEM, DER (PKCS#8, PKCS#1 or SEC 1), or something that exports DER, such as a Key
 * of fleetling/crypto. Exported bytes are wiped once the library has them.
 */
export type PrivateKey = string | ArrayBuffer | Uint8Array | { export(): ArrayBuffer };

const identityFailures: Readonly<Record<Exclude<Parsed, 0>, readonly [ErrorCode, string]>> = frozen({
	1: ["tls.no-memory", "There is no memory to hold the client certificate."],
	2: [
		"tls.bad-identity",
		"The client certificate cannot be read: give the device's certificate in PEM form, followed by its intermediates.",
	],
	3: [
		"tls.bad-identity",
		"A certificate in the client's chain cannot be read: give all of them in PEM form, the device's own first.",
	],
	4: ["tls.bad-identity", "The private key of the client certificate cannot be read: give it as PEM or DER without a password."],
	5: [
		"tls.bad-identity",
		"The private key does not belong to the client certificate: the first certificate must be the device's own.",
	],
});

/** A client certificate, ready for use. @throws tls.bad-identity, tls.no-memory */
export function makeIdentity(certificate: string | undefined, key: PrivateKey | undefined): Identity {
	if (certificate === undefined || key === undefined)
		throw new FleetlingError("tls.bad-identity", "A client certificate needs both the certificate and its private key.");
	const identity = new Identity();
	const parsed = parseIdentity(identity, certificate, key);
	if (parsed === 0) return identity;
	throw new FleetlingError(...identityFailures[parsed]);
}

function parseIdentity(identity: Identity, certificate: string, key: PrivateKey): Parsed {
	if (typeof key === "string" || key instanceof ArrayBuffer || key instanceof Uint8Array) return identity.parse(certificate, key);
	const exported = new Uint8Array(key.export());
	try {
		return identity.parse(certificate, exported);
	} finally {
		exported.fill(0);
	}
}
