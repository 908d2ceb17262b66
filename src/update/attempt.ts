import type { Slot, Slots, SlotWriter } from "./slots";

export interface AttemptOptions {
	readonly slots: Slots;
	/** Stands for the package. */
	readonly tag: Uint8Array;
	/** Bytes that an earlier attempt has left in the slot and that are fed to the reader again. */
	readonly done: number;
	/** Right before the slot is first written. Whether it is possible to go on with it after a restart. Whatever it throws keeps the slot as it is. */
	readonly onWrite: () => boolean;
}

/**
 * The slots, as the installers of one attempt at a package see them: they write from the first byte on, and what is in
 * the slot already is not written again.
 */
export class Attempt implements Slots {
	readonly #options: AttemptOptions;
	#used = false;

	constructor(options: AttemptOptions) {
		this.#options = options;
	}

	write(size: number | undefined): SlotWriter {
		const { slots, tag, done, onWrite } = this.#options;
		const first = !this.#used;
		this.#used = true;
		// A second image in the same package goes over the first: neither can be gone on with.
		if (!onWrite() || !first) return slots.write(size);
		const writer = slots.write(size, { tag, offset: done });
		return done === 0 ? writer : new Overlap(writer, done);
	}

	running(): Slot {
		return this.#options.slots.running();
	}

	inactive(): Slot {
		return this.#options.slots.inactive();
	}

	find(label: string): Slot | undefined {
		return this.#options.slots.find(label);
	}

	read(label: string, offset: number, buffer: Uint8Array): void {
		this.#options.slots.read(label, offset, buffer);
	}

	resumable(tag: Uint8Array): number {
		return this.#options.slots.resumable(tag);
	}

	invalidate(): void {
		this.#options.slots.invalidate();
	}

	activate(): void {
		this.#options.slots.activate();
	}

	deactivate(): void {
		this.#options.slots.deactivate();
	}

	confirm(): void {
		this.#options.slots.confirm();
	}

	canRollBack(): boolean {
		return this.#options.slots.canRollBack();
	}

	rollBack(): void {
		this.#options.slots.rollBack();
	}
}

/** Leaves out the first bytes, which are where they belong. */
class Overlap implements SlotWriter {
	readonly #writer: SlotWriter;
	#left: number;

	constructor(writer: SlotWriter, left: number) {
		this.#writer = writer;
		this.#left = left;
	}

	write(block: Uint8Array): void {
		const known = Math.min(this.#left, block.byteLength);
		this.#left -= known;
		if (known === 0) this.#writer.write(block);
		else if (known < block.byteLength) this.#writer.write(block.subarray(known));
	}

	finish(): void {
		this.#writer.finish();
	}

	close(): void {
		this.#writer.close();
	}
}
