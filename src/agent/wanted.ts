import type { KeyValueStore, Storage } from "../common/device";
import { isObject } from "../common/json";

/** What the server has set of the configuration: texts by key. */
export type Wanted = Readonly<Record<string, string>>;

/**
 * What is kept of it, in a domain of its own:
 * - `values`: the set that is in force, as JSON. A single text changes as a whole or, when the power goes, not at all.
 * - `before`: the set before it, for as long as it is not known whether the device can live with the new one.
 * - `bad`: a checksum of the set that the device could not live with.
 */
export type WantedKey = "values" | "before" | "bad";

export function readWanted(storage: Storage, key: WantedKey): string | undefined {
	return use(storage, (store) => {
		const text = store.read(key);
		return typeof text === "string" ? text : undefined;
	});
}

/** Undefined forgets it. */
export function writeWanted(storage: Storage, key: WantedKey, text: string | undefined): void {
	use(storage, (store) => {
		if (text !== undefined) store.write(key, text);
		else if (store.read(key) !== undefined) store.delete(key);
	});
}

function use<T>(storage: Storage, work: (store: KeyValueStore) => T): T {
	const store = storage.open({ path: "wanted", format: "string" });
	try {
		return work(store);
	} finally {
		store.close();
	}
}

/** What cannot be read is as good as not set: the server says it again. */
export function parseWanted(text: string): Wanted {
	try {
		const value: unknown = JSON.parse(text);
		if (!isObject(value)) return {};
		return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
	} catch {
		return {};
	}
}

/** Sorted, so that the same values are the same text. */
export function wantedText(wanted: Wanted): string {
	return JSON.stringify(Object.fromEntries(Object.entries(wanted).sort(([one], [other]) => (one < other ? -1 : 1))));
}

export const nothingWanted = "{}";
