import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import TextDecoder from "text/decoder";

export type Kind = "nil" | "boolean" | "integer" | "float" | "text" | "bytes" | "array" | "map" | "extension";

/**
 * What the bytes from 0xc0 to 0xdf begin (github.com/msgpack/msgpack, spec.md): a kind, and how many bytes of a number or of
 * a length follow. 0xc1 begins nothing.
 */
const forms: readonly (readonly [kind: Kind, width: number] | undefined)[] = frozen([
	...[["nil", 0] as const, undefined, ["boolean", 0] as const, ["boolean", 0] as const],
	...[["bytes", 1] as const, ["bytes", 2] as const, ["bytes", 4] as const],
	...[["extension", 1] as const, ["extension", 2] as const, ["extension", 4] as const],
	...[["float", 4] as const, ["float", 8] as const],
	...[["integer", 1] as const, ["integer", 2] as const, ["integer", 4] as const, ["integer", 8] as const],
	...[["integer", 1] as const, ["integer", 2] as const, ["integer", 4] as const, ["integer", 8] as const],
	...[["extension", 0] as const, ["extension", 0] as const, ["extension", 0] as const],
	...[["extension", 0] as const, ["extension", 0] as const],
	...[["text", 1] as const, ["text", 2] as const, ["text", 4] as const],
	...[["array", 2] as const, ["array", 4] as const, ["map", 2] as const, ["map", 4] as const],
]);

/** First of the signed integers, and of the extensions whose length is in their first byte. */
const signed = 0xd0;
const fixedExtension = 0xd4;

/**
 * Reads MessagePack, value by value, as whoever asks expects them; what nobody asks for is skipped.
 *
 * Nothing is built up: a tree of objects would take many times the memory of the message, XS never frees the names of members,
 * and how deep it goes would be the sender's choice. So neither size nor nesting can do any harm, and nothing is copied: bytes
 * are a view of the message.
 *
 * All of it throws FleetlingError server.bad-answer for bytes that are not what was asked for.
 */
export class MessagePackReader {
	readonly #bytes: Uint8Array;
	readonly #what: string;
	#at = 0;
	/** Of the value whose head was read last: its number, its length in bytes or entries. */
	#number = 0;

	/** @param what names the message in errors */
	constructor(bytes: Uint8Array, what: string) {
		this.#bytes = bytes;
		this.#what = what;
	}

	/** Nothing may follow the message. */
	end(): void {
		if (this.#at < this.#bytes.length) throw this.bad(`goes on after its end, with ${this.#bytes.length - this.#at} bytes`);
	}

	/** Number of entries. */
	map(): number {
		this.expect("map");
		return this.#number;
	}

	/** Number of values. */
	array(): number {
		this.expect("array");
		return this.#number;
	}

	/** A text of at most `most` bytes. */
	text(most: number): string {
		this.expect("text");
		if (this.#number > most) throw this.bad(`has a text of ${this.#number} bytes instead of up to ${most}`);
		const bytes = this.take(this.#number);
		try {
			return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
		} catch (cause) {
			throw this.bad("has a text that is not UTF-8", cause);
		}
	}

	/** A text as bytes, which need not be UTF-8: a view of the message. */
	textBytes(): Uint8Array {
		this.expect("text");
		return this.take(this.#number);
	}

	/** A whole number that JavaScript holds exactly. */
	integer(): number {
		this.expect("integer");
		if (!Number.isSafeInteger(this.#number)) throw this.bad("has a number that is too large");
		return this.#number;
	}

	boolean(): boolean {
		this.expect("boolean");
		return this.#number === 1;
	}

	/** A view of the message. */
	bytes(): Uint8Array {
		this.expect("bytes");
		return this.take(this.#number);
	}

	/** What comes next. */
	get kind(): Kind {
		const at = this.#at;
		const kind = this.head();
		this.#at = at;
		return kind;
	}

	/** Leaves out one value with all that is in it. */
	skip(): void {
		// Each value has a byte at least, so that this ends with the message however many it claims to have.
		for (let left = 1; left > 0; left--) {
			const kind = this.head();
			if (kind === "array") left += this.#number;
			else if (kind === "map") left += 2 * this.#number;
			else if (kind === "text" || kind === "bytes" || kind === "extension") this.take(this.#number);
		}
	}

	/** The error for a value that is there but cannot be meant. */
	bad(text: string, cause?: unknown): FleetlingError {
		const sentence = `${this.#what} ${text}; check that the server is of the configured kind and version`;
		return new FleetlingError("server.bad-answer", sentence, cause === undefined ? undefined : { cause });
	}

	private expect(wanted: Kind): void {
		const kind = this.head();
		if (kind !== wanted) throw this.bad(`has ${kind} where ${wanted} is expected`);
	}

	private head(): Kind {
		const first = this.number(1);
		if (first < 0x80) return this.found("integer", first);
		if (first < 0x90) return this.found("map", first & 0x0f);
		if (first < 0xa0) return this.found("array", first & 0x0f);
		if (first < 0xc0) return this.found("text", first & 0x1f);
		if (first >= 0xe0) return this.found("integer", first - 0x100);
		const form = forms[first - 0xc0];
		if (form === undefined) throw this.bad("has a byte that begins nothing");
		const [kind, width] = form;
		if (kind === "boolean") return this.found(kind, first & 1);
		// The byte that says which extension it is belongs to it.
		if (kind === "extension") return this.found(kind, 1 + (width === 0 ? 1 << (first - fixedExtension) : this.number(width)));
		// In two halves, because numbers next to 2^64 would lose their last digits.
		const half = Math.min(width, 4);
		const high = this.number(half);
		const negative = first >= signed && kind === "integer" && high >= 2 ** (8 * half - 1);
		const number = negative ? high - 2 ** (8 * half) : high;
		return this.found(kind, width === 8 ? number * 2 ** 32 + this.number(4) : number);
	}

	private found(kind: Kind, number: number): Kind {
		this.#number = number;
		return kind;
	}

	/** Most significant byte first. */
	private number(width: number): number {
		let number = 0;
		for (const end = this.#at + width; this.#at < end; this.#at++) {
			const byte = this.#bytes[this.#at];
			if (byte === undefined) throw this.bad("ends too early");
			number = number * 256 + byte;
		}
		return number;
	}

	private take(length: number): Uint8Array {
		const end = this.#at + length;
		if (end > this.#bytes.length) throw this.bad("ends too early");
		const bytes = this.#bytes.subarray(this.#at, end);
		this.#at = end;
		return bytes;
	}
}
