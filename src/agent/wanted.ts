import type { Storage } from "../common/device";
import { isObject } from "../common/json";

/** What the server has set of the configuration: texts by key. */
export type Wanted = Readonly<Record<string, string>>;

/** The domain and the one key under which it is kept: a single text changes as a whole or, when the power goes, not at all. */
const path = "wanted";
const key = "values";

/** What is kept, as JSON; "" when there is nothing. */
export function readWantedText(storage: Storage): string {
	const store = storage.open({ path, format: "string" });
	try {
		const text = store.read(key);
		return typeof text === "string" ? text : "";
	} finally {
		store.close();
	}
}

export function writeWantedText(storage: Storage, text: string): void {
	const store = storage.open({ path, format: "string" });
	try {
		if (text !== "") store.write(key, text);
		else if (store.read(key) !== undefined) store.delete(key);
	} finally {
		store.close();
	}
}

/** What cannot be read is as good as not set: the server says it again. */
export function parseWanted(text: string): Wanted {
	if (text === "") return {};
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
	const entries = Object.entries(wanted);
	if (entries.length === 0) return "";
	return JSON.stringify(Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1))));
}
