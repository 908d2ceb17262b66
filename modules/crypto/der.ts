import { frozen } from "fleetling/frozen/frozen";
import { FleetlingError } from "../error/error";

/** The tags of ASN.1 (X.690) that keys, signatures and certificate requests use. */
export const tags = frozen({
	integer: 0x02,
	bitString: 0x03,
	octetString: 0x04,
	null: 0x05,
	oid: 0x06,
	utf8String: 0x0c,
	printableString: 0x13,
	ia5String: 0x16,
	sequence: 0x30,
	set: 0x31,
	/** Context-specific and constructed, number 0. */
	context0: 0xa0,
} as const);

export type Tag = (typeof tags)[keyof typeof tags];

/** One element: tag, length, and `contents` one after the other. */
export function encode(tag: Tag, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
	const length = contents.reduce((sum, part) => sum + part.length, 0);
	// DER: the short form below 128, otherwise the number of length bytes and no leading zeros among them.
	const header: number[] = [tag];
	if (length < 0x80) header.push(length);
	else if (length < 0x100) header.push(0x81, length);
	else header.push(0x82, length >> 8, length & 0xff);

	const result = new Uint8Array(header.length + length);
	result.set(header);
	let position = header.length;
	for (const part of contents) {
		result.set(part, position);
		position += part.length;
	}
	return result;
}

/** A non-negative INTEGER from its bytes, most significant first: no leading zeros except the one that keeps it from being negative. */
export function encodeUnsigned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	let start = 0;
	while (start < bytes.length - 1 && bytes[start] === 0) start++;
	const digits = bytes.subarray(start);
	return (digits[0] ?? 0) < 0x80 ? encode(tags.integer, digits) : encode(tags.integer, Uint8Array.of(0), digits);
}

/** An OBJECT IDENTIFIER from its dotted form (X.690 section 8.19). */
export function encodeOID(dotted: string): Uint8Array<ArrayBuffer> {
	const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
	const bytes: number[] = [];
	for (const arc of [first * 40 + second, ...others]) {
		const septets = [arc & 0x7f];
		for (let rest = arc >>> 7; rest > 0; rest >>>= 7) septets.unshift((rest & 0x7f) | 0x80);
		bytes.push(...septets);
	}
	return encode(tags.oid, Uint8Array.from(bytes));
}

/** A BIT STRING of whole bytes. */
export function encodeBits(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	return encode(tags.bitString, Uint8Array.of(0), bytes);
}

/**
 * Reads elements one after the other. Strict: definite and shortest lengths only, nothing beyond the end.
 * Every fault is crypto.bad-der.
 */
export class Reader {
	readonly #bytes: Uint8Array;
	/** What is being read, for error texts. */
	readonly #what: string;
	#position = 0;

	constructor(bytes: Uint8Array, what: string) {
		this.#bytes = bytes;
		this.#what = what;
	}

	/** The tag of the next element; undefined at the end. */
	get next(): number | undefined {
		return this.#bytes[this.#position];
	}

	/** The contents of the next element, which must have this tag. */
	read(tag: Tag): Uint8Array {
		const found = this.next;
		if (found === undefined) throw this.fault("is truncated");
		if (found !== tag) throw this.fault(`has tag 0x${found.toString(16)} where 0x${tag.toString(16)} belongs`);
		this.#position++;
		const length = this.#length();
		const start = this.#position;
		if (length > this.#bytes.length - start) throw this.fault("is truncated");
		this.#position += length;
		return this.#bytes.subarray(start, this.#position);
	}

	/** A reader for the contents of the next element. */
	enter(tag: Tag): Reader {
		return new Reader(this.read(tag), this.#what);
	}

	/** An INTEGER that is not negative, without leading zeros. */
	readUnsigned(): Uint8Array {
		const bytes = this.read(tags.integer);
		const [first, second] = bytes;
		if (first === undefined) throw this.fault("has an integer without digits");
		if (first >= 0x80) throw this.fault("has a negative integer");
		if (first !== 0) return bytes;
		if (second !== undefined && second < 0x80) throw this.fault("has an integer with needless zeros");
		return second === undefined ? bytes : bytes.subarray(1);
	}

	/** An OBJECT IDENTIFIER in dotted form. */
	readOID(): string {
		const bytes = this.read(tags.oid);
		const arcs: number[] = [];
		let arc = 0;
		bytes.forEach((byte, index) => {
			// 2^21 is more than any arc that is known here; refusing larger ones keeps the shift from overflowing.
			if (arc >= 1 << 21) throw this.fault("has an object identifier that is too large");
			arc = (arc << 7) | (byte & 0x7f);
			if (byte < 0x80) {
				arcs.push(arc);
				arc = 0;
			} else if (index === bytes.length - 1) throw this.fault("has a truncated object identifier");
		});
		const [head, ...rest] = arcs;
		if (head === undefined) throw this.fault("has an empty object identifier");
		const first = Math.min(Math.floor(head / 40), 2);
		return [first, head - first * 40, ...rest].join(".");
	}

	/** A BIT STRING of whole bytes. */
	readBits(): Uint8Array {
		const bytes = this.read(tags.bitString);
		if (bytes[0] !== 0) throw this.fault("has a bit string that is not made of whole bytes");
		return bytes.subarray(1);
	}

	/** Makes sure that nothing follows. */
	end(): void {
		if (this.#position < this.#bytes.length) throw this.fault(`has ${this.#bytes.length - this.#position} bytes too many`);
	}

	fault(text: string): FleetlingError {
		return new FleetlingError("crypto.bad-der", `${this.#what} is not valid DER: it ${text}`);
	}

	#length(): number {
		const first = this.#bytes[this.#position++];
		if (first === undefined) throw this.fault("is truncated");
		if (first < 0x80) return first;
		const count = first & 0x7f;
		// Keys and signatures are far below 64 KB, and DER has no indefinite length.
		if (count === 0 || count > 2) throw this.fault("has a length that is indefinite or too large");
		let length = 0;
		for (let index = 0; index < count; index++) {
			const byte = this.#bytes[this.#position++];
			if (byte === undefined) throw this.fault("is truncated");
			length = (length << 8) | byte;
		}
		if (length < 0x80 || (count === 2 && length < 0x100)) throw this.fault("has a length that is not in its shortest form");
		return length;
	}
}
