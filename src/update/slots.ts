/**
 * The two firmware slots as the update engine sees them. `ota-slots.ts` is the only implementation in the product and
 * the only place that calls fleetling/ota.
 */

/** How sure the bootloader is of a slot (ESP-IDF's esp_ota_img_states_t). */
export type SlotState = "new" | "pending-verify" | "valid" | "invalid" | "aborted" | "undefined";

export interface Slot {
	readonly label: string;
	/** Bytes that fit. */
	readonly size: number;
	readonly state: SlotState;
	/** From the application description of the image in the slot, where there is one. */
	readonly description?: SlotDescription | undefined;
}

export interface SlotDescription {
	readonly version: string;
	readonly project: string;
}

/** Writes an image into the inactive slot. */
export interface SlotWriter {
	/** Blocks in order; the whole of `block` is written. */
	write(block: Uint8Array): void;
	/** Ends writing and validates the image as the bootloader would: structure, checksum, appended hash. */
	finish(): void;
	/** Gives up; idempotent, and without effect after `finish`. */
	close(): void;
}

/** What makes it possible to go on with an image after a restart. */
export interface SlotMark {
	/** 16 bytes that stand for what is written. */
	readonly tag: Uint8Array;
	/** Go on here: `resumable` bytes, or 0 to begin afresh. */
	readonly offset: number;
}

export interface Slots {
	running(): Slot;
	/** Where a new image goes. */
	inactive(): Slot;
	/** A slot by its label; undefined when the partition table has none of that name (any more). */
	find(label: string): Slot | undefined;
	/** Copies bytes of a slot into the whole of `buffer`. */
	read(label: string, offset: number, buffer: Uint8Array): void;
	/** Starts writing the inactive slot; `size` in bytes where it is known. Without a mark, what it held is forgotten. */
	write(size: number | undefined, mark?: SlotMark): SlotWriter;
	/** How many bytes, from the first on, of what `tag` stands for are in the inactive slot for certain. */
	resumable(tag: Uint8Array): number;
	/** Makes what is in the inactive slot unbootable: for an image that is whole and must not run. */
	invalidate(): void;
	/** Makes the finished image in the inactive slot the one to boot. */
	activate(): void;
	/** Takes `activate` back: the running image boots next. */
	deactivate(): void;
	/** Tells the bootloader to keep the running image. */
	confirm(): void;
	/** Whether there is an older image to go back to. Takes time: that image is verified. */
	canRollBack(): boolean;
	/** Marks the running image as bad and restarts into the older one. */
	rollBack(): void;
}
