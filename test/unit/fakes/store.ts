import type { KeyValueStore } from "fleetling/common/device";

type Value = ArrayBuffer | string | number | bigint;

/** A domain of the key-value storage in memory, which counts what would wear flash. */
export class MemoryStore implements KeyValueStore {
	readonly values = new Map<string, Value>();
	writes = 0;
	/** What a power cut after each write would have left. */
	readonly cuts: (readonly (readonly [string, Value])[])[] = [];
	/** Set to have every write fail, as a full or worn NVS does. */
	broken = false;

	constructor(values: Readonly<Record<string, Value>> = {}) {
		for (const [key, value] of Object.entries(values)) this.values.set(key, value);
	}

	read(key: string): Value | undefined {
		return this.values.get(key);
	}

	write(key: string, value: Value | Uint8Array): void {
		if (this.broken) throw new Error("nvs: not enough space");
		if (key.length > 15) throw new RangeError(`key "${key}" is longer than NVS allows`);
		this.writes += 1;
		this.values.set(key, value instanceof Uint8Array ? value.slice().buffer : value);
		this.cuts.push([...this.values]);
	}

	delete(key: string): void {
		this.writes += 1;
		this.values.delete(key);
		this.cuts.push([...this.values]);
	}

	close(): void {}
}
