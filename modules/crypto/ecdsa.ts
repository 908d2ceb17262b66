import { FleetlingError } from "../error/error";
import { encode, encodeUnsigned, Reader, tags } from "./der";

/** Bytes of each of the two numbers of a P-256 signature. */
const half = 32;

/** SEQUENCE { r, s } (RFC 3279 section 2.2.3) from r and s one after the other. */
export function signatureToDER(raw: Uint8Array): Uint8Array<ArrayBuffer> {
	return encode(tags.sequence, encodeUnsigned(raw.subarray(0, half)), encodeUnsigned(raw.subarray(half)));
}

/** r and s one after the other, or undefined when `der` is not the DER of two numbers that fit. */
export function signatureFromDER(der: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
	try {
		const outer = new Reader(der, "the signature");
		const numbers = outer.enter(tags.sequence);
		outer.end();
		const r = numbers.readUnsigned();
		const s = numbers.readUnsigned();
		numbers.end();
		if (r.length > half || s.length > half) return undefined;
		const raw = new Uint8Array(2 * half);
		raw.set(r, half - r.length);
		raw.set(s, 2 * half - s.length);
		return raw;
	} catch (error) {
		if (error instanceof FleetlingError && error.code === "crypto.bad-der") return undefined;
		throw error;
	}
}
