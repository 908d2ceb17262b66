import type { KeyValueStore } from "../common/device";
import { isObject } from "../common/json";

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
	/** How often it was on trial. */
	readonly trials: number;
	/** Not to be tried again. */
	readonly final: boolean;
}

export interface InstalledPackage {
	readonly package: string;
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
		const value = this.#read("failed");
		if (value === undefined) return undefined;
		const { package: fingerprint, version, code, text, trials, final } = value;
		if (typeof fingerprint !== "string" || typeof version !== "string") return undefined;
		if (typeof code !== "string" || typeof text !== "string") return undefined;
		if (typeof trials !== "number" || typeof final !== "boolean") return undefined;
		return { package: fingerprint, version, code, text, trials, final };
	}

	get installed(): InstalledPackage | undefined {
		const value = this.#read("installed");
		if (value === undefined) return undefined;
		const { package: fingerprint, version } = value;
		return typeof fingerprint === "string" && typeof version === "string" ? { package: fingerprint, version } : undefined;
	}

	fail(failed: FailedPackage): void {
		this.#store.write("failed", JSON.stringify(failed));
	}

	/** `installed` runs and is confirmed; what failed before it is history. */
	succeed(installed: InstalledPackage): void {
		this.#store.write("installed", JSON.stringify(installed));
		if (this.#store.read("failed") !== undefined) this.#store.delete("failed");
	}

	/** What cannot be read is as good as forgotten: the worst that follows is one download more. */
	#read(key: string): Readonly<Record<string, unknown>> | undefined {
		const text = this.#store.read(key);
		if (typeof text !== "string") return undefined;
		try {
			const value: unknown = JSON.parse(text);
			return isObject(value) ? value : undefined;
		} catch {
			return undefined;
		}
	}
}
