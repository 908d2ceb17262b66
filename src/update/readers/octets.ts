/** Takes bytes that stream by. */
export interface ByteSink {
	/** The bytes of `bytes` from `start` to before `end`; valid until it returns. */
	write(bytes: Uint8Array, start: number, end: number): void;
	/** After the last byte. Throws when something is missing. */
	finish(): void;
	/** Lets go of native memory; idempotent. */
	close(): void;
}

/** Part of a buffer; the buffer itself when that is all of it, so that a block that is handed on whole costs nothing. */
export function part(bytes: Uint8Array, start: number, end: number): Uint8Array {
	return start === 0 && end === bytes.byteLength ? bytes : bytes.subarray(start, end);
}

/** Collects a small thing of known size. */
export class Collector {
	readonly bytes: Uint8Array;
	#length = 0;

	/** `size` was checked against a limit before. */
	constructor(size: number) {
		this.bytes = new Uint8Array(size);
	}

	get full(): boolean {
		return this.#length === this.bytes.byteLength;
	}

	get length(): number {
		return this.#length;
	}

	/** Takes what still fits; returns where in `bytes` it stopped. */
	add(bytes: Uint8Array, start: number, end: number): number {
		const count = Math.min(end - start, this.bytes.byteLength - this.#length);
		this.bytes.set(part(bytes, start, start + count), this.#length);
		this.#length += count;
		return start + count;
	}

	clear(): void {
		this.#length = 0;
	}
}

/** Collects a small thing and hands it over when it is complete. */
export class CollectingSink implements ByteSink {
	readonly #collector: Collector;
	readonly #complete: (bytes: Uint8Array) => void;

	/** `size` was checked against a limit before. */
	constructor(size: number, complete: (bytes: Uint8Array) => void) {
		this.#collector = new Collector(size);
		this.#complete = complete;
	}

	write(bytes: Uint8Array, start: number, end: number): void {
		this.#collector.add(bytes, start, end);
	}

	finish(): void {
		this.#complete(this.#collector.bytes);
	}

	close(): void {}
}
