/**
 * Packets of Improv over serial (improv-wifi.com/serial, version 1): "IMPROV", version, type, length, data, checksum, line feed. The
 * checksum is the low byte of the sum of all that stands before it; the line feed does not belong to the packet.
 */
import { deadlines } from "../../common/deadlines";

/** "IMPROV" and the version, 1. No part of it begins as the whole does, so that a byte that does not fit can only begin it anew. */
const head: readonly number[] = Object.freeze([0x49, 0x4d, 0x50, 0x52, 0x4f, 0x56, 1]);
const headSum = head.reduce((sum, byte) => sum + byte, 0);
/** Type, length, checksum. */
const around = 3;
const mostData = 255;
const lineFeed = 10;

export const packetTypes = Object.freeze({ state: 1, error: 2, command: 3, result: 4 });

/** One packet, with the line feed that clients wait for before they look at the next line. */
export function packet(type: number, data: ArrayLike<number>): Uint8Array {
	const bytes = new Uint8Array(head.length + around + data.length + 1);
	bytes.set(head);
	bytes[head.length] = type;
	bytes[head.length + 1] = data.length;
	bytes.set(data, head.length + 2);
	let sum = 0;
	for (const byte of bytes) sum += byte;
	bytes[bytes.length - 2] = sum & 0xff;
	bytes[bytes.length - 1] = lineFeed;
	return bytes;
}

export interface SeparatorOptions {
	/** What was typed. */
	readonly onText: (bytes: Uint8Array) => void;
	/** A packet has come whole. */
	readonly onPacket: (type: number, data: Uint8Array) => void;
	/** A packet has come that is damaged, or not all of one. What there was of it is not shown: it may hold a password. */
	readonly onBroken: () => void;
	/**
	 * `expire` is to be called after so many milliseconds, and not when it was asked for before: a person's "I" must not wait for what
	 * follows, and a packet that ends in the middle must not swallow what is typed later.
	 */
	readonly wait: (milliseconds: number) => void;
}

/**
 * Tells packets from what a person types at the same port. What is no packet comes out as it came in, in order. Takes no memory but
 * while a packet comes in, and then 258 bytes.
 */
export class FrameSeparator {
	readonly #options: SeparatorOptions;
	/** Bytes of the head that have come. */
	#matched = 0;
	/** Of a packet: from its type on. */
	#packet: Uint8Array | undefined;
	#used = 0;
	/** The line feed behind a packet is not meant for the shell. */
	#afterPacket = false;

	constructor(options: SeparatorOptions) {
		this.#options = options;
	}

	push(bytes: Uint8Array): void {
		let from = 0;
		for (let at = 0; at < bytes.length; at++) {
			const byte = bytes[at] ?? 0;
			if (this.#packet !== undefined) {
				this.#packet[this.#used++] = byte;
				this.#advance();
				from = at + 1;
				continue;
			}
			const behind = this.#afterPacket;
			this.#afterPacket = false;
			if (behind && byte === lineFeed) {
				from = at + 1;
				continue;
			}
			if (byte === head[this.#matched]) {
				if (this.#matched++ === 0) {
					this.#text(bytes.subarray(from, at));
					this.#options.wait(deadlines.improvHead);
				}
				from = at + 1;
				if (this.#matched === head.length) this.#begin();
			} else if (this.#matched > 0) {
				this.#release();
				from = at;
				// It may be the first byte of another head.
				at--;
			}
		}
		this.#text(bytes.subarray(from));
	}

	/** What is kept has waited long enough for the rest of it. */
	expire(): void {
		this.#afterPacket = false;
		if (this.#packet === undefined) {
			this.#release();
			return;
		}
		this.#resume(0);
		this.#options.onBroken();
		this.#advance();
	}

	#text(bytes: Uint8Array): void {
		if (bytes.length > 0) this.#options.onText(bytes);
	}

	/** What looked like the beginning of a head was typed. */
	#release(): void {
		const count = this.#matched;
		this.#matched = 0;
		if (count > 0) this.#options.onText(new Uint8Array(head.slice(0, count)));
	}

	#begin(): void {
		this.#matched = 0;
		this.#used = 0;
		this.#packet = new Uint8Array(around + mostData);
		this.#options.wait(deadlines.improvPacket);
	}

	/** Takes packets out of what has come, as long as there are whole ones. */
	#advance(): void {
		for (let bytes = this.#packet; bytes !== undefined && this.#used >= 2; bytes = this.#packet) {
			const length = bytes[1] ?? 0;
			const size = length + around;
			if (this.#used < size) return;
			let sum = headSum;
			for (let at = 0; at < size - 1; at++) sum += bytes[at] ?? 0;
			const good = (sum & 0xff) === bytes[size - 1];
			const data = good ? bytes.slice(2, 2 + length) : undefined;
			const type = bytes[0] ?? 0;
			// The next packet may have begun in the middle of a torn one.
			this.#resume(good ? size : 0);
			this.#afterPacket = this.#packet === undefined && this.#matched === 0;
			if (this.#afterPacket) this.#options.wait(deadlines.improvHead);
			// Last: whoever hears of it may take a while.
			if (data === undefined) this.#options.onBroken();
			else this.#options.onPacket(type, data);
		}
	}

	/** Goes on with the packet that begins behind `start` in what has come, and gives up the rest. */
	#resume(start: number): void {
		const bytes = this.#packet;
		const end = this.#used;
		this.#packet = undefined;
		this.#used = 0;
		if (bytes === undefined) return;
		for (let at = start; at < end; at++) {
			if (bytes[at] === head[this.#matched]) this.#matched++;
			else this.#matched = bytes[at] === head[0] ? 1 : 0;
			if (this.#matched < head.length) continue;
			this.#matched = 0;
			bytes.copyWithin(0, at + 1, end);
			this.#used = end - at - 1;
			this.#packet = bytes;
			this.#options.wait(deadlines.improvPacket);
			return;
		}
		if (this.#matched > 0) this.#options.wait(deadlines.improvHead);
	}
}
