import type { KeyValueStore, Storage, WallClock } from "fleetling/common/device";
import Chip from "./chip";

/** The clock survives a restart in the chip, not a power cut. NVS wears: so seldom it is written down. */
const keepEvery = 86_400;
const storeName = "seconds";

/**
 * The time of the day. A device without a battery starts with the time that was written down last, and never with one before its
 * firmware was built: certificates would not be valid yet.
 */
export class SystemClock implements WallClock {
	readonly #open: () => KeyValueStore;
	readonly #earliest = Chip.buildTime();

	constructor(storage: Storage) {
		this.#open = () => storage.open({ path: "clock", format: "uint32" });
		const start = Math.max(this.#earliest, this.#kept() * 1000);
		if (Date.now() < start) Chip.setTime(start);
	}

	now(): number {
		return Math.max(Date.now(), this.#earliest);
	}

	/** What lies before the build is not believed. */
	set(milliseconds: number): void {
		if (!(milliseconds >= this.#earliest)) return;
		Chip.setTime(milliseconds);
		const seconds = Math.floor(milliseconds / 1000);
		if (Math.abs(seconds - this.#kept()) >= keepEvery) this.#use((store) => store.write(storeName, seconds));
	}

	#kept(): number {
		const kept = this.#use((store) => store.read(storeName));
		return typeof kept === "number" ? kept : 0;
	}

	/** A storage that fails must not cost the device its clock. */
	#use<T>(work: (store: KeyValueStore) => T): T | undefined {
		try {
			const store = this.#open();
			try {
				return work(store);
			} finally {
				store.close();
			}
		} catch {
			return undefined;
		}
	}
}
