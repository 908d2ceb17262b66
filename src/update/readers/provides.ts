import type { ProvidesChange } from "../installer";
import type { ArtifactHeader } from "./header";
import type { Provides } from "./json";

/**
 * What an artifact changes in what the device provides. When no payload says which provides it clears, those of the old
 * artifact all go: artifacts were made so before the format had the field.
 */
export function changeOf({ provides, payloads }: ArtifactHeader): ProvidesChange {
	const isOld = payloads.every((payload) => payload.clears === undefined);
	const clears = isOld ? ["*"] : payloads.flatMap((payload) => payload.clears ?? []);
	const all = [...payloads.map((payload) => payload.provides), provides];
	return { provides: Object.fromEntries(all.flatMap((some) => Object.entries(some))), clears };
}

/** What the device provides after an update. */
export function applyProvides(current: Provides, { provides, clears }: ProvidesChange): Provides {
	const kept = Object.entries(current).filter(([name]) => !clears.some((pattern) => matches(pattern, name)));
	return { ...Object.fromEntries(kept), ...provides };
}

/** Whether `name` is of the form `pattern`, in which "*" stands for any characters. Takes no more than length times length steps. */
export function matches(pattern: string, name: string): boolean {
	let at = 0;
	let from = 0;
	let star = -1;
	let mark = 0;
	while (at < name.length) {
		const wanted = pattern.charAt(from);
		if (from < pattern.length && wanted === "*") {
			star = from++;
			mark = at;
		} else if (from < pattern.length && wanted === name.charAt(at)) {
			from++;
			at++;
		} else if (star >= 0) {
			from = star + 1;
			at = ++mark;
		} else return false;
	}
	while (pattern.charAt(from) === "*") from++;
	return from === pattern.length;
}
