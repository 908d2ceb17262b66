/** Frames that go out. */
import { randomBytes } from "fleetling/crypto/random";
import type { Connection } from "fleetling/http/connection";
import { type Opcode, opcodes } from "./frames";
import WSBytes from "./wsbytes";

const final = 0x80;
const masked = 0x80;
const maskBytes = 4;
/** Random bytes are asked for so many masks at a time: each request runs the whole generator once. */
const masksAtOnce = 16;
/** Header of a data frame that goes out, at most: two bytes, a length of two, and the mask. */
const longestHeader = 8;
const longestControl = 125;
const nothing = new Uint8Array(0);

/**
 * Builds frames and holds them until the network takes them, in one buffer of fixed size.
 *
 * Control frames come between data frames and before those that are written later. When the buffer is full, of several
 * pongs only the last is kept (RFC 6455 section 5.5.3), so that a server which sends pings and reads no answers makes
 * nothing grow.
 */
export class Sender {
	/** Whether a Close frame has been built or waits to be: nothing may follow it. */
	closed = false;

	/** Frames from `start` to before `end`; behind `size`, the payload of a pong that waits for room. */
	readonly #buffer: Uint8Array;
	readonly #size: number;
	#start = 0;
	#end = 0;
	/** Length of that pong; -1 when there is none. */
	#pongLength = -1;
	#pingWaits = false;
	#closeWaits: Uint8Array | undefined;
	#masks: Uint8Array = nothing;
	#nextMask = 0;

	/** @param size of the largest frame, and of all that waits */
	constructor(size: number) {
		this.#size = size;
		this.#buffer = new Uint8Array(size + longestControl);
	}

	/** Bytes that wait for the network. */
	get pending(): number {
		return this.#end - this.#start;
	}

	/** Bytes of data that one frame can take now. */
	get room(): number {
		if (this.closed || this.#pongLength >= 0 || this.#pingWaits) return 0;
		return Math.max(this.#size - this.pending - longestHeader, 0);
	}

	/** Adds a data frame, whose payload must not be longer than `room`. */
	data(opcode: Opcode, fin: boolean, payload: Uint8Array): void {
		this.append(fin ? opcode | final : opcode, payload);
	}

	ping(): void {
		if (this.closed) return;
		this.#pingWaits = true;
		this.place();
	}

	/** Answers a ping with a copy of its payload. */
	pong(payload: Uint8Array): void {
		if (this.closed) return;
		this.#buffer.set(payload, this.#size);
		this.#pongLength = payload.length;
		this.place();
	}

	/** The last frame. */
	close(payload: Uint8Array): void {
		if (this.closed) return;
		this.closed = true;
		this.#closeWaits = payload;
		this.place();
	}

	/** Hands to the connection what it takes; returns whether it took any. */
	flush(connection: Connection): boolean {
		let any = false;
		while (this.#start < this.#end) {
			const count = Math.min(this.pending, connection.writable);
			if (count === 0) break;
			connection.write(this.#buffer.subarray(this.#start, this.#start + count));
			this.#start += count;
			any = true;
			if (this.#start === this.#end) {
				this.#start = 0;
				this.#end = 0;
			}
			this.place();
		}
		return any;
	}

	/** Puts the control frames that wait into the buffer, in this order, as far as there is room. */
	private place(): void {
		if (this.#pongLength >= 0) {
			if (!this.fits(this.#pongLength)) return;
			this.append(opcodes.pong | final, this.#buffer.subarray(this.#size, this.#size + this.#pongLength));
			this.#pongLength = -1;
		}
		if (this.#pingWaits) {
			if (!this.fits(0)) return;
			this.append(opcodes.ping | final, nothing);
			this.#pingWaits = false;
		}
		const close = this.#closeWaits;
		if (close === undefined || !this.fits(close.length)) return;
		this.append(opcodes.close | final, close);
		this.#closeWaits = undefined;
	}

	private fits(length: number): boolean {
		return this.pending + longestHeader + length <= this.#size;
	}

	private append(first: number, payload: Uint8Array): void {
		const buffer = this.#buffer;
		const { length } = payload;
		if (this.#start > 0) {
			buffer.copyWithin(0, this.#start, this.#end);
			this.#end -= this.#start;
			this.#start = 0;
		}
		let at = this.#end;
		buffer[at++] = first;
		if (length <= longestControl) buffer[at++] = masked | length;
		else {
			buffer[at++] = masked | 126;
			buffer[at++] = length >> 8;
			buffer[at++] = length & 255;
		}
		if (this.#nextMask === this.#masks.length) {
			this.#masks = new Uint8Array(randomBytes(masksAtOnce * maskBytes));
			this.#nextMask = 0;
		}
		const masks = this.#masks;
		for (let i = 0; i < maskBytes; i++) buffer[at++] = masks[this.#nextMask++] ?? 0;
		buffer.set(payload, at);
		WSBytes.mask(buffer, at, length);
		this.#end = at + length;
	}
}
