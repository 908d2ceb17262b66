import { FleetlingError } from "fleetling/error/error";
import type { Slot, SlotState, Slots, SlotWriter } from "fleetling/update/slots";
import { image, thisProject } from "./image";

export interface FakeSlotsOptions {
	readonly version?: string;
	readonly state?: SlotState;
	/** Which slot runs: 0 or 1. */
	readonly running?: number;
	readonly size?: number;
	/** State of the slot that does not run. */
	readonly other?: SlotState;
	readonly canRollBack?: boolean;
}

/** Two slots in memory that note what was done to them, in order. */
export class FakeSlots implements Slots {
	readonly calls: string[] = [];
	readonly written: number[] = [];
	/** Set to have this call fail, with this error. */
	fail: { readonly call: string; readonly error: Error } | undefined;
	readonly #options: FakeSlotsOptions;
	readonly #running: number;
	#state: SlotState;

	constructor(options: FakeSlotsOptions = {}) {
		this.#options = options;
		this.#running = options.running ?? 0;
		this.#state = options.state ?? "valid";
	}

	running(): Slot {
		const { version = "1.0.0" } = this.#options;
		return { ...this.#slot(this.#running), state: this.#state, description: { version, project: thisProject } };
	}

	inactive(): Slot {
		return this.#slot(1 - this.#running);
	}

	read(_label: string, offset: number, buffer: Uint8Array): void {
		buffer.set(image().subarray(offset, offset + buffer.byteLength));
	}

	write(size: number | undefined): SlotWriter {
		this.#note(`write ${size}`);
		return {
			write: (block) => {
				this.#check("block");
				for (const byte of block) this.written.push(byte);
			},
			finish: () => this.#note("finish"),
			close: () => this.#note("close"),
		};
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

export function otaFailure(): FleetlingError {
	return new FleetlingError("storage.failed", "the flash did not take what it should");
}
