import { FleetlingError } from "../error/error";
import type { Bytes } from "./bytes";
import { bytesOrFailure, failure, statuses } from "./failure";
import PSAHash from "./psahash";

/** SHA-256 (FIPS 180-4) of bytes that arrive in pieces. Holds native memory until digest() or close(). */
export class SHA256 {
	readonly #hash = new PSAHash();

	constructor() {
		const status = this.#hash.start();
		if (status !== statuses.success) throw failure(status, "starting SHA-256");
	}

	/**
	 * Adds bytes: all of them, or `length` from `offset`. Allocates nothing, and is fastest in blocks of 4 KB and more.
	 * A view must be of bytes (Uint8Array, Int8Array) or a DataView.
	 * @throws crypto.closed after digest() or close(), crypto.bad-argument when the range is outside of `bytes`
	 */
	update(bytes: Bytes, offset?: number, length?: number): this {
		let status: number;
		try {
			status = this.#hash.update(bytes, offset, length);
		} catch (error) {
			throw notBytes(error);
		}
		if (status !== statuses.success) throw failure(status, "updating SHA-256");
		return this;
	}

	/**
	 * The 32 bytes of the hash; ends it.
	 * @throws crypto.closed when it has ended before
	 */
	digest(): ArrayBuffer {
		const result = bytesOrFailure(this.#hash.finish(), "finishing SHA-256");
		this.#hash.close();
		return result;
	}

	/**
	 * Another hash that goes on from here, for a digest in between.
	 * @throws crypto.closed after digest() or close()
	 */
	clone(): SHA256 {
		const copy = new SHA256();
		const status = copy.#hash.copy(this.#hash);
		if (status !== statuses.success) {
			copy.close();
			throw failure(status, "copying SHA-256");
		}
		return copy;
	}

	/** Frees the hash without a result. May be called again. */
	close(): void {
		this.#hash.close();
	}
}

/** SHA-256 of bytes that are all there. */
export function sha256(bytes: Bytes): ArrayBuffer {
	let result: ArrayBuffer | number;
	try {
		result = PSAHash.compute(bytes);
	} catch (error) {
		throw notBytes(error);
	}
	return bytesOrFailure(result, "SHA-256");
}

function notBytes(cause: unknown): FleetlingError {
	return new FleetlingError("crypto.bad-argument", "SHA-256 takes an ArrayBuffer or a view of bytes", { cause });
}
