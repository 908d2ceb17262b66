import { frozen } from "fleetling/frozen/frozen";
import TextEncoder from "text/encoder";
import { FleetlingError } from "../error/error";
import { encode, encodeBits, encodeOID, encodeUnsigned, type Tag, tags } from "./der";
import type { Key } from "./key";
import { encodePEM } from "./pem";

/** The name that a certificate is asked for. */
export interface Subject {
	readonly commonName: string;
	/** Two letters (ISO 3166). */
	readonly country?: string;
	readonly state?: string;
	readonly locality?: string;
	readonly organization?: string;
	readonly organizationalUnit?: string;
	readonly serialNumber?: string;
	readonly emailAddress?: string;
}

interface Attribute {
	readonly oid: string;
	readonly tag: Tag;
	/** Upper bound in characters (RFC 5280 appendix A.1). */
	readonly maximum: number;
	/** What the type of string can hold; anything where absent. */
	readonly alphabet?: RegExp;
}

/** PrintableString (X.680 section 41.4). */
const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/** Type of string and bounds from RFC 5280 appendix A.1, in the order in which names are usually written: from the country down. */
const attributes: Readonly<Record<keyof Subject, Attribute>> = frozen({
	country: { oid: "2.5.4.6", tag: tags.printableString, maximum: 2, alphabet: /^[A-Z]{2}$/ },
	state: { oid: "2.5.4.8", tag: tags.utf8String, maximum: 128 },
	locality: { oid: "2.5.4.7", tag: tags.utf8String, maximum: 128 },
	organization: { oid: "2.5.4.10", tag: tags.utf8String, maximum: 64 },
	organizationalUnit: { oid: "2.5.4.11", tag: tags.utf8String, maximum: 64 },
	commonName: { oid: "2.5.4.3", tag: tags.utf8String, maximum: 64 },
	serialNumber: { oid: "2.5.4.5", tag: tags.printableString, maximum: 64, alphabet: printable },
	// biome-ignore lint/suspicious/noControlCharactersInRegex: IA5String is ASCII
	emailAddress: { oid: "1.2.840.113549.1.9.1", tag: tags.ia5String, maximum: 255, alphabet: /^[\x00-\x7f]*$/ },
});

/**
 * A certificate request (PKCS#10, RFC 2986) in PEM, signed with SHA-256 by the key it is for.
 * @throws crypto.bad-argument when a part of the subject is missing, too long or has characters it cannot have,
 * crypto.not-private, crypto.closed
 */
export function csr(key: Key, subject: Subject): string {
	const info = encode(
		tags.sequence,
		encodeUnsigned(Uint8Array.of(0)),
		encodeName(subject),
		new Uint8Array(key.publicDER),
		// No attributes; the empty set of them must be there.
		encode(tags.context0),
	);
	const signature = new Uint8Array(key.sign(info));
	return encodePEM("CERTIFICATE REQUEST", encode(tags.sequence, info, signatureAlgorithm(key), encodeBits(signature)));
}

/** sha256WithRSAEncryption (RFC 4055 section 5) or ecdsa-with-SHA256 (RFC 5758 section 3.2), the former with NULL, the latter without. */
function signatureAlgorithm(key: Key): Uint8Array {
	return key.type === "p-256"
		? encode(tags.sequence, encodeOID("1.2.840.10045.4.3.2"))
		: encode(tags.sequence, encodeOID("1.2.840.113549.1.1.11"), encode(tags.null));
}

function encodeName(subject: Subject): Uint8Array {
	const encoder = new TextEncoder();
	const parts: Uint8Array[] = [];
	for (const name of Object.keys(attributes) as (keyof Subject)[]) {
		const value = subject[name];
		if (value === undefined && name !== "commonName") continue;
		const { oid, tag, maximum, alphabet } = attributes[name];
		if (typeof value !== "string" || value.length === 0)
			throw new FleetlingError("crypto.bad-argument", `${name} of the certificate request must be a text that is not empty`);
		if ([...value].length > maximum)
			throw new FleetlingError("crypto.bad-argument", `${name} of the certificate request has more than ${maximum} characters`);
		if (alphabet !== undefined && !alphabet.test(value))
			throw new FleetlingError(
				"crypto.bad-argument",
				`${name} of the certificate request has characters that are not allowed there`,
			);
		parts.push(encode(tags.set, encode(tags.sequence, encodeOID(oid), encode(tag, encoder.encode(value)))));
	}
	return encode(tags.sequence, ...parts);
}
