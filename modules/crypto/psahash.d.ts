import type { Bytes } from "./bytes";
import type { PSAStatus } from "./psakey";

/** A SHA-256 in progress, in native memory. */
export default class PSAHash {
	constructor();
	/** Frees the hash. May be called again. */
	close(): void;
	start(): PSAStatus;
	/** Forgets what has been hashed and goes on from where `source` is. */
	copy(source: PSAHash): PSAStatus;
	update(bytes: Bytes, offset?: number, length?: number): PSAStatus;
	finish(): ArrayBuffer | PSAStatus;
	static compute(bytes: Bytes): ArrayBuffer | PSAStatus;
	/** Fills `buffer` with random bytes fit for keys. */
	static random(buffer: Bytes): PSAStatus;
}
