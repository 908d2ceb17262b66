import { FleetlingError } from "fleetling/error/error";
import type { Slot, SlotMark, SlotState, Slots, SlotWriter } from "fleetling/update/slots";
import Hex from "hex";
import { image, thisProject } from "./image";

/** Bytes after which the fake notes progress, as modules/ota does every 64 KiB. */
export const markStep = 1024;

/** What is in slot ota_1: it outlives a restart. */
export class FakeFlash {
	content: number[] = [];
	tag = "";
	version: string | undefined;
}

export interface FakeSlotsOptions {
	readonly version?: string;
	readonly state?: SlotState;
	/** Which slot runs: 0 or 1. */
	readonly running?: number;
	readonly size?: number;
	/** State of the slot that does not run. */
	readonly other?: SlotState;
	readonly canRollBack?: boolean;
	readonly flash?: FakeFlash;
}

/** Two slots in memory that note what was done to them, in order. */
export class FakeSlots implements Slots {
	readonly calls: string[] = [];
	/** What was written since the writer was opened. */
	readonly written: number[] = [];
	/** Of ota_1. */
	readonly flash: FakeFlash;
	/** Of the slot that does not run. */
	readonly #target: FakeFlash;
	/** Set to have this call fail, with this error. */
	fail: { readonly call: string; readonly error: Error } | undefined;
	readonly #options: FakeSlotsOptions;
	readonly #running: number;
	#state: SlotState;

	constructor(options: FakeSlotsOptions = {}) {
		this.#options = options;
		this.flash = options.flash ?? new FakeFlash();
		this.#running = options.running ?? 0;
		this.#target = this.#running === 0 ? this.flash : new FakeFlash();
		this.#state = options.state ?? "valid";
	}

	running(): Slot {
		const { version = "1.0.0" } = this.#options;
		return { ...this.#slot(this.#running), state: this.#state, description: { version, project: thisProject } };
	}

	inactive(): Slot {
		const { version } = this.#target;
		const slot = this.#slot(1 - this.#running);
		return version === undefined ? slot : { ...slot, description: { version, project: thisProject } };
	}

	read(label: string, offset: number, buffer: Uint8Array): void {
		const bytes = label === this.inactive().label ? this.#target.content : image();
		buffer.set(bytes.slice(offset, offset + buffer.byteLength));
	}

	write(size: number | undefined, { tag, offset }: Partial<SlotMark> = {}): SlotWriter {
		this.#note(`write ${size}${offset === undefined || offset === 0 ? "" : ` from ${offset}`}`);
		const flash = this.#target;
		if (offset !== 0 && offset !== undefined && (tag === undefined || this.resumable(tag) !== offset))
			throw new FleetlingError("ota.bad-offset", `cannot go on at ${offset}`);
		flash.tag = tag === undefined ? "" : Hex.toString(tag);
		flash.content.length = offset ?? 0;
		this.written.length = 0;
		return {
			write: (block) => {
				this.#check("block");
				for (const byte of block) {
					this.written.push(byte);
					flash.content.push(byte);
				}
			},
			finish: () => {
				this.#note("finish");
				flash.version = textAt(flash.content, 48);
			},
			close: () => this.#note("close"),
		};
	}

	resumable(tag: Uint8Array): number {
		const { content, tag: known } = this.#target;
		return known === Hex.toString(tag) ? content.length - (content.length % markStep) : 0;
	}

	invalidate(): void {
		this.#note("invalidate");
		this.#target.content.length = 0;
		this.#target.tag = "";
		this.#target.version = undefined;
	}

	activate(): void {
		this.#note("activate");
	}

	deactivate(): void {
		this.#note("deactivate");
	}

	confirm(): void {
		this.#note("confirm");
		this.#state = "valid";
	}

	canRollBack(): boolean {
		return this.#options.canRollBack ?? true;
	}

	rollBack(): void {
		this.#note("rollBack");
	}

	find(label: string): Slot | undefined {
		return [this.running(), this.inactive()].find((slot) => slot.label === label);
	}

	#slot(index: number): Slot {
		const { size = 65536, other = "undefined" } = this.#options;
		return { label: `ota_${index}`, size, state: other };
	}

	#note(call: string): void {
		this.#check(call.split(" ")[0] ?? "");
		this.calls.push(call);
	}

	#check(call: string): void {
		if (this.fail?.call === call) throw this.fail.error;
	}
}

function textAt(bytes: readonly number[], offset: number): string {
	let text = "";
	for (let at = offset; (bytes[at] ?? 0) !== 0; at++) text += String.fromCharCode(bytes[at] ?? 0);
	return text;
}

export function otaFailure(): FleetlingError {
	return new FleetlingError("storage.failed", "the flash did not take what it should");
}
