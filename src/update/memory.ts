import type { KeyValueStore } from "../common/device";
import { isObject } from "../common/json";
import type { ProvidesChange } from "./installer";
import { applyProvides } from "./readers/provides";
import { parseFields } from "./record";

/** A package that failed here. */
export interface FailedPackage {
	/** Its fingerprint (offer.ts). */
	readonly package: string;
	/** As far as it was known. */
	readonly version: string;
	/** The error's code, or `update.rolled-back`. */
	readonly code: string;
	/** What went wrong, for the log. */
	readonly text: string;
	/** When, in milliseconds since 1970 by the clock of the device, which may have been wrong. */
	readonly at: number;
	/** How often it has failed. */
	readonly times: number;
}

export interface InstalledPackage {
	readonly package: string;
	/** Of the image in it, or "" when it holds none and says nothing about the firmware that runs. */
	readonly version: string;
}

/** What an image provides, as its artifact said: names such as "artifact_name" or "rootfs-image.version". */
export type Provides = Readonly<Record<string, string>>;

export interface ImagePlace {
	readonly slot: string;
	readonly version: string;
}

/**
 * What is remembered of packages over restarts, so that no device fetches one again and again: the one that failed
 * last and the one that runs. One of each is enough: a server offers one package at a time, and remembering more would
 * only wear the flash.
 */
export class PackageMemory {
	readonly #store: KeyValueStore;

	constructor(store: KeyValueStore) {
		this.#store = store;
	}

	get failed(): FailedPackage | undefined {
		const value = this.read("failed");
		if (value === undefined) return undefined;
		// Firmware up to 0.1 noted no time: such a package gets another chance with the first newer firmware.
		const { package: fingerprint, version, code, text, at = 0, times = 1 } = value;
		if (typeof fingerprint !== "string" || typeof version !== "string") return undefined;
		if (typeof code !== "string" || typeof text !== "string") return undefined;
		if (typeof at !== "number" || typeof times !== "number") return undefined;
		return { package: fingerprint, version, code, text, at, times };
	}

	get installed(): InstalledPackage | undefined {
		const value = this.read("installed");
		if (value === undefined) return undefined;
		const { package: fingerprint, version } = value;
		return typeof fingerprint === "string" && typeof version === "string" ? { package: fingerprint, version } : undefined;
	}

	/** Counts on when it is the same package as before. */
	fail(failed: Omit<FailedPackage, "times">): void {
		const before = this.failed;
		const times = before?.package === failed.package ? before.times + 1 : 1;
		this.#store.write("failed", JSON.stringify({ ...failed, times }));
	}

	/** `installed` runs and is confirmed; what failed before it is history. */
	succeed(installed: InstalledPackage): void {
		this.#store.write("installed", JSON.stringify(installed));
		if (this.#store.read("failed") !== undefined) this.#store.delete("failed");
	}

	/** What the image of that version in that slot provides. An image from elsewhere goes by the name of its version. */
	provides(slot: string, version: string): Provides {
		return this.noted(slot, version, "provides") ?? { artifact_name: version };
	}

	/** What it provided before the last change that was made without another image, if there was one. */
	providedBefore(slot: string, version: string): Provides | undefined {
		return this.noted(slot, version, "before");
	}

	/**
	 * What `target` will provide when it runs: `change` to what `base` provides now. Kept with the slot and not with the
	 * device, so that it goes when its image is rolled back, at the same moment and without another write. `by` is the package,
	 * where it is in use from this moment on.
	 */
	provide(base: ImagePlace, target: ImagePlace, change: ProvidesChange, by?: string): void {
		const now = this.provides(base.slot, base.version);
		const provides = applyProvides(now, change);
		// The old names are needed until the server knows of the new ones; those of another image stay with its slot.
		const before = base.slot === target.slot ? { before: now } : {};
		this.#store.write(providesKey(target.slot), JSON.stringify({ version: target.version, provides, ...before, by }));
	}

	/** The package that made the last change without another image, if there was one. */
	providedBy({ slot, version }: ImagePlace): string | undefined {
		const { version: of, by } = this.read(providesKey(slot)) ?? {};
		return of === version && typeof by === "string" ? by : undefined;
	}

	private noted(slot: string, version: string, what: "provides" | "before"): Provides | undefined {
		const { version: of, [what]: provides } = this.read(providesKey(slot)) ?? {};
		if (of !== version || !isObject(provides)) return undefined;
		const texts = Object.entries(provides).filter((entry): entry is [string, string] => typeof entry[1] === "string");
		return { artifact_name: version, ...Object.fromEntries(texts) };
	}

	/** What cannot be read is as good as forgotten: the worst that follows is one download more. */
	private read(key: string): Readonly<Record<string, unknown>> | undefined {
		const text = this.#store.read(key);
		return typeof text === "string" ? parseFields(text) : undefined;
	}
}

/** Keys have at most 15 characters (NVS), labels of partitions 16: what tells slots apart is at their end. */
function providesKey(slot: string): string {
	return `of ${slot.slice(-12)}`;
}
