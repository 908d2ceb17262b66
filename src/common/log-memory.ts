import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";

/** An entry of the log that is still in memory. */
export interface LogEntry {
	/** As it was logged: `I (1234) update: text`. */
	readonly line: string;
	/** Milliseconds since the start when it was logged. */
	readonly ticks: number;
	/** Where the next entry is. */
	readonly next: number;
	/** Entries between the one asked for and this one that memory has lost. */
	readonly lost: number;
}

/** Before each entry: 2 bytes of length, 4 of ticks. */
const head = 6;

/**
 * The last lines of the log in one block of memory that never grows: old lines make room for new ones. Readers keep
 * their place as a number and learn how many lines they have missed, so that the log never waits for a reader.
 */
export class LogMemory {
	readonly #bytes: Uint8Array;
	/** Where the oldest entry begins and the next one will, in bytes. */
	#tail = 0;
	#used = 0;
	#first = 0;
	#end = 0;

	/** @param size bytes; a line of 80 characters takes 86 */
	constructor(size: number) {
		this.#bytes = new Uint8Array(size);
	}

	/** Number of the oldest entry that is there. */
	get first(): number {
		return this.#first;
	}

	/** Number that the next entry will have. */
	get end(): number {
		return this.#end;
	}

	/** Bytes in use. All lines with their line ends take less. */
	get used(): number {
		return this.#used;
	}

	add(line: string, ticks: number): void {
		let text = new Uint8Array(new TextEncoder().encode(line));
		const most = Math.min(this.#bytes.length - head, 0xffff);
		if (most < 0) return;
		if (text.length > most) text = text.subarray(0, most);
		while (this.#bytes.length - this.#used < head + text.length) this.#drop();
		const at = (this.#tail + this.#used) % this.#bytes.length;
		this.#put(at, text.length, 2);
		this.#put(at + 2, ticks >>> 0, 4);
		const start = (at + head) % this.#bytes.length;
		const fits = Math.min(text.length, this.#bytes.length - start);
		this.#bytes.set(text.subarray(0, fits), start);
		this.#bytes.set(text.subarray(fits), 0);
		this.#used += head + text.length;
		this.#end++;
	}

	/** The entry with that number or, when it is gone, the oldest that is there; undefined when there is none (yet). */
	read(number: number): LogEntry | undefined {
		const wanted = Math.max(number, this.#first);
		if (wanted >= this.#end) return undefined;
		let at = this.#tail;
		for (let skipped = this.#first; skipped < wanted; skipped++) at += head + this.#get(at, 2);
		const length = this.#get(at, 2);
		const text = new Uint8Array(length);
		const start = (at + head) % this.#bytes.length;
		const fits = Math.min(length, this.#bytes.length - start);
		text.set(this.#bytes.subarray(start, start + fits));
		text.set(this.#bytes.subarray(0, length - fits), fits);
		return {
			line: new TextDecoder().decode(text),
			ticks: this.#get(at + 2, 4),
			next: wanted + 1,
			lost: wanted - number,
		};
	}

	#drop(): void {
		const size = head + this.#get(this.#tail, 2);
		this.#tail = (this.#tail + size) % this.#bytes.length;
		this.#used -= size;
		this.#first++;
	}

	/** Big-endian, around the end of the block. */
	#put(at: number, value: number, count: number): void {
		for (let index = 0; index < count; index++)
			this.#bytes[(at + index) % this.#bytes.length] = (value >>> (8 * (count - 1 - index))) & 0xff;
	}

	#get(at: number, count: number): number {
		let value = 0;
		for (let index = 0; index < count; index++) value = value * 256 + (this.#bytes[(at + index) % this.#bytes.length] ?? 0);
		return value;
	}
}
