import { FleetlingError } from "fleetling/error/error";

const LF = 0x0a;
const CR = 0x0d;

/** First size of the buffer for a line that arrives in pieces; doubled as needed up to the limit. */
const firstCarry = 128;

/**
 * Cuts a stream of bytes into lines, wherever the pieces were cut, in bounded memory.
 *
 * A line that lies in one piece is not copied: `source`, `from` and `to` then point into the piece and are valid until
 * the piece is reused. RFC 9112 section 2.2 lets a recipient take a single LF as the end of a line; `strict` says
 * whether the line ended with CR LF, since framing lines must.
 */
export class LineReader {
	source: Uint8Array;
	from = 0;
	to = 0;
	strict = false;

	#carry: Uint8Array | undefined;
	#length = 0;
	readonly #limit: number;
	readonly #peer: string;

	constructor(limit: number, peer: string) {
		this.#limit = limit;
		this.#peer = peer;
		this.source = new Uint8Array(0);
	}

	/** Forgets an unfinished line. */
	reset(): void {
		this.#length = 0;
		this.#carry = undefined;
		this.source = new Uint8Array(0);
	}

	/** Whether a line has begun and not ended. */
	get pending(): boolean {
		return this.#length > 0;
	}

	/**
	 * Looks for the end of the line in `bytes` from `start` to before `end`.
	 *
	 * @param limit bytes that this line may have; never more than the limit of the reader
	 * @returns the index after the line, or -1 when the line goes on after `end` (its bytes have been taken then)
	 * @throws FleetlingError http.head-too-large
	 */
	take(bytes: Uint8Array, start: number, end: number, limit: number = this.#limit): number {
		const found = bytes.indexOf(LF, start);
		const complete = found >= 0 && found < end;
		const stop = complete ? found : end;
		// The CR is not part of the line but is counted here, hence the one byte more.
		if (this.#length + stop - start > limit + 1) {
			throw new FleetlingError(
				"http.head-too-large",
				`${this.#peer} sent a line of more than ${limit} bytes in its response; raise limits.lineBytes if the server is right`,
			);
		}
		if (!complete) {
			this.append(bytes, start, stop);
			return -1;
		}
		if (this.#carry !== undefined && this.#length > 0) {
			this.append(bytes, start, stop);
			this.present(this.#carry, 0, this.#length);
			this.#length = 0;
		} else this.present(bytes, start, stop);
		if (this.to - this.from > limit) {
			throw new FleetlingError(
				"http.head-too-large",
				`${this.#peer} sent a line of more than ${limit} bytes in its response; raise limits.lineBytes if the server is right`,
			);
		}
		return found + 1;
	}

	private present(source: Uint8Array, from: number, to: number): void {
		this.strict = to > from && source[to - 1] === CR;
		this.source = source;
		this.from = from;
		this.to = this.strict ? to - 1 : to;
	}

	private append(bytes: Uint8Array, start: number, end: number): void {
		const needed = this.#length + end - start;
		let carry = this.#carry;
		if (carry === undefined || carry.length < needed) {
			let size = carry?.length ?? firstCarry;
			while (size < needed) size *= 2;
			const larger = new Uint8Array(size);
			if (carry !== undefined) larger.set(carry.subarray(0, this.#length));
			this.#carry = carry = larger;
		}
		carry.set(bytes.subarray(start, end), this.#length);
		this.#length = needed;
	}
}
