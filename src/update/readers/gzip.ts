import { FleetlingError } from "fleetling/error/error";
import Inflate from "inflate";
import { crc32 } from "./crc32";
import { GzipHead, gzipFault } from "./gzip-head";
import { type ByteSink, Collector, part } from "./octets";

/** CRC-32 and length of what was compressed, modulo 2^32 (RFC 1952 section 2.3.1). */
const tailBytes = 8;

export interface GunzipOptions {
	/** Bytes of the compressed member: the tail is found by counting, because the inflater reads ahead. */
	readonly size: number;
	/** For errors, e.g. "header.tar.gz". */
	readonly what: string;
	/**
	 * Whether to verify the CRC-32. It costs about as much as writing the same bytes to a chip's flash, so it is for small
	 * things only: whatever is used of a payload is verified by its SHA-256.
	 */
	readonly checked: boolean;
	/** Makes the inflater for raw deflate; Moddable's when absent. */
	readonly inflater?: () => Inflate;
}

/** Negative: raw deflate, without the head and tail of zlib's own form. */
const moddableInflater = (): Inflate => new Inflate({ windowBits: -15 });

/**
 * Decompresses one gzip member (RFC 1952) while it streams by, through Moddable's "inflate".
 *
 * While open it holds 43 KB of native memory (a window of 32 KB and tables of 11 KB), so that only one may be open at a
 * time. What comes out arrives in blocks of at most 1 KB, each in memory of its own that is garbage afterwards.
 */
export class Gunzip implements ByteSink {
	readonly #sink: ByteSink;
	readonly #options: GunzipOptions;
	readonly #head: GzipHead;
	readonly #tail = new Collector(tailBytes);
	#inflate: Inflate | undefined;
	/** Compressed bytes between head and tail that are still to come; known once the head is complete. */
	#left = 0;
	#ended = false;
	/** Whether the sink has thrown. */
	#refused = false;
	#crc = 0;
	#length = 0;

	constructor(sink: ByteSink, options: GunzipOptions) {
		this.#sink = sink;
		this.#options = options;
		this.#head = new GzipHead(options.what);
	}

	write(bytes: Uint8Array, start: number, end: number): void {
		let at = start;
		if (!this.#head.done) at = this.#readHead(bytes, at, end);
		const stop = at + Math.min(end - at, this.#left);
		// The last byte goes alone: the inflater reads ahead and would not tell of a few bytes behind the end. What is
		// complete without it is not what was compressed.
		const last = stop - at === this.#left ? Math.max(at, stop - 1) : stop;
		this.#push(bytes, at, last);
		this.#push(bytes, last, stop);
		if (stop < end && this.#head.done) this.#tail.add(bytes, stop, end);
	}

	finish(): void {
		const { what, checked } = this.#options;
		if (!this.#tail.full) throw gzipFault(what, "ends too early");
		const tail = new DataView(this.#tail.bytes.buffer);
		const crc = tail.getUint32(0, true);
		const damaged = tail.getUint32(4, true) !== this.#length >>> 0 || (checked && crc !== this.#crc >>> 0);
		if (damaged) throw gzipFault(what, "does not decompress to what was compressed");
		this.#sink.finish();
	}

	close(): void {
		this.#inflate?.close();
		this.#inflate = undefined;
		this.#sink.close();
	}

	#readHead(bytes: Uint8Array, start: number, end: number): number {
		const at = this.#head.read(bytes, start, end);
		if (!this.#head.done) return at;
		this.#left = this.#options.size - this.#head.length - tailBytes;
		if (this.#left <= 0) throw gzipFault(this.#options.what, "ends too early");
		this.#inflate = this.#open();
		return at;
	}

	#open(): Inflate {
		const { what, inflater = moddableInflater } = this.#options;
		let inflate: Inflate;
		try {
			inflate = inflater();
		} catch (cause) {
			// All of its memory is taken here: what follows fails for no want of it.
			throw new FleetlingError(
				"artifact.no-memory",
				`there are not the 43 KB of memory that it takes to decompress ${what}; free some, or write the artifact with --compression none`,
				{ cause },
			);
		}
		inflate.onData = (chunk) => this.#out(new Uint8Array(chunk));
		inflate.onEnd = () => {
			this.#ended = true;
		};
		return inflate;
	}

	#push(bytes: Uint8Array, start: number, end: number): void {
		if (start === end) return;
		const { what } = this.#options;
		this.#left -= end - start;
		if (this.#ended) throw gzipFault(what, "goes on behind the end of what was compressed");
		const inflate = this.#inflate;
		try {
			inflate?.push(part(bytes, start, end));
		} catch (cause) {
			// What the sink throws passes through the inflater; all else is the inflater's own, which has closed itself then.
			throw this.#refused ? cause : gzipFault(what, "is damaged: it cannot be decompressed");
		}
		if (this.#ended ? (inflate?.strm.avail_in ?? 0) > 0 : this.#left === 0)
			throw gzipFault(what, this.#ended ? "goes on behind the end of what was compressed" : "ends too early");
	}

	#out(bytes: Uint8Array): void {
		if (this.#options.checked) this.#crc = crc32(bytes, this.#crc);
		this.#length = (this.#length + bytes.byteLength) | 0;
		this.#refused = true;
		this.#sink.write(bytes, 0, bytes.byteLength);
		this.#refused = false;
	}
}
