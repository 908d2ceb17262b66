import { FleetlingError } from "../error/error";
import { check, espErrors, failure } from "./errors";
import { imageFault, structureFault } from "./image";
import { SlotWriter } from "./nativeota";
import { inactive, type SlotInfo, slot } from "./slots";

export interface WriterOptions {
	/** Slot to write; the one that takes the next update when absent. */
	readonly label?: string;
	/** Length of the image in bytes, when it is known: an image that does not fit is refused at once. */
	readonly size?: number;
	/** Go on here, a multiple of 4096: everything before is in the slot already. */
	readonly offset?: number;
	/**
	 * 16 bytes that identify what is written, such as the start of its hash. With them progress survives a power cut: see
	 * resumable(). It is kept in the last 4096 bytes of the slot, for images that leave them free.
	 */
	readonly tag?: ArrayBuffer | Uint8Array;
}

/** Length of a tag in bytes. */
export const tagLength = 16;

/**
 * How many bytes of what `tag` identifies are certainly in the slot: a multiple of 64 KiB, 0 when it holds something else.
 * Writing goes on with `new Writer({ tag, offset: resumable(tag) })`; what is there is read with read(), for example to hash it.
 */
export function resumable(tag: ArrayBuffer | Uint8Array, label: string = inactive().label): number {
	if (tag.byteLength !== tagLength) throw badTag();
	return SlotWriter.resumable(label, tag);
}

const badTag = (): FleetlingError => new FleetlingError("ota.bad-tag", `a tag for a slot must have ${tagLength} bytes`);

/**
 * Writes an image into a slot that does not run (esp_ota_resume, esp_ota_write, esp_ota_end).
 *
 * A call erases at most 64 KiB for each 64 KiB that it writes, and nothing else takes long, except finish(). Nothing is allocated per
 * write. While a writer is open the slot cannot boot; close() without finish() leaves what was written for a later resume.
 */
export class Writer {
	readonly label: string;
	readonly #native = new SlotWriter();
	#isOpen = false;

	/** Throws ota.running, ota.on-trial, ota.too-large, ota.bad-offset, ota.no-slot, ota.flash. */
	constructor({ label, size = 0, offset = 0, tag }: WriterOptions = {}) {
		this.label = label ?? inactive().label;
		if (tag !== undefined && tag.byteLength !== tagLength) throw badTag();
		const what = `opening ${this.label} for ${size === 0 ? "an image" : `${size} bytes`} at ${offset}`;
		if (!Number.isInteger(offset) || offset < 0) throw failure(espErrors.invalidArgument, what);
		if (!Number.isInteger(size) || size < 0 || size > 0xffffffff) throw failure(espErrors.invalidSize, what);
		check(this.#native.open(this.label, offset, size, tag), what);
		this.#isOpen = true;
	}

	/** Bytes from the start of the slot up to where writing goes on. */
	get position(): number {
		return this.#native.position();
	}

	/**
	 * Writes the bytes that follow. Any length; 4 to 16 KB at a time keep each call short.
	 * Throws ota.too-large, ota.flash, ota.closed, and image.not-an-image for a start that is not that of an image. The writer
	 * is closed then.
	 */
	write(buffer: ArrayBuffer | Uint8Array): void {
		const error = this.#native.write(buffer);
		if (error === espErrors.ok) return;
		this.#isOpen = false;
		if (error === espErrors.validateFailed)
			throw new FleetlingError(
				"image.not-an-image",
				`what is written to ${this.label} does not start as an application image does`,
			);
		throw failure(error, `writing ${this.label} at ${this.position}`);
	}

	/**
	 * Ends writing and verifies the image: structure, chip, checksum, appended SHA-256, and the signature where secure boot
	 * is on. Does not activate it. Throws image.* when it is not valid; the writer is closed in any case.
	 */
	finish(): SlotInfo {
		const end = this.position;
		if (!this.#isOpen) throw failure(espErrors.invalidState, `finishing ${this.label}`);
		this.#isOpen = false;
		// ESP-IDF's code for nothing written means an argument elsewhere.
		if (end === 0) {
			this.#native.close();
			throw imageFault(this.label, 0);
		}
		const error = this.#native.finish();
		if (error === espErrors.validateFailed) throw imageFault(this.label, end);
		check(error, `verifying ${this.label}`);
		const fault = structureFault(this.label, end);
		if (fault !== undefined) throw fault;
		return slot(this.label);
	}

	/** Gives up writing (esp_ota_abort). Nothing happens after finish() or when called again. */
	close(): void {
		this.#isOpen = false;
		this.#native.close();
	}
}
