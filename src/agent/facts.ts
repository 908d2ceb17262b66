import { limits } from "../common/deadlines";
import type { SystemControl } from "../common/device";

/** What a device says about itself. The names on the wire are the server side's business. */
export interface DeviceFacts {
	/** Version of the running firmware. */
	readonly version: string;
	readonly deviceType: string;
	readonly mac: string;
	/** Everything else, by short names. Values are texts, because that is all that every server takes. */
	readonly others: Readonly<Record<string, string>>;
}

/** One more thing to know about a device. Returns undefined when it is not known now. */
export type FactProvider = () => string | undefined;

export interface FactSources {
	readonly system: SystemControl;
	readonly version: () => string;
	readonly slot: () => string;
	readonly deviceType: string;
	readonly mac: string;
}

/**
 * Collects the facts anew for each message: some of them change. They travel with every poll, so names are short and
 * values bounded.
 */
export class FactSheet {
	readonly #sources: FactSources;
	readonly #providers = new Map<string, FactProvider>();

	constructor(sources: FactSources) {
		this.#sources = sources;
		const { system } = sources;
		this.add("target", () => system.target);
		this.add("xs", () => system.engine);
		this.add("slot", sources.slot);
		this.add("reset", () => system.resetReason);
		this.add("uptime", () => String(Math.floor(system.ticks() / 1000)));
		this.add("free", () => freeMemory(system));
	}

	/** Adds a fact of the application's, or replaces one. `name` has 1 to 32 letters, digits, dots, hyphens or underscores. */
	add(name: string, provider: FactProvider): void {
		this.#providers.set(name, provider);
	}

	read(): DeviceFacts {
		const { version, deviceType, mac } = this.#sources;
		const others: Record<string, string> = {};
		for (const [name, provider] of this.#providers) {
			const value = provider();
			if (value !== undefined) others[name] = value.slice(0, limits.fact);
		}
		return { version: version(), deviceType, mac, others };
	}
}

/** Native heap where the target knows it, otherwise what is left of the XS machine. */
function freeMemory(system: SystemControl): string | undefined {
	const { heapFree, limit, slotsUsed, chunksUsed } = system.memory();
	if (heapFree !== undefined) return String(heapFree);
	return limit > 0 ? String(limit - slotsUsed - chunksUsed) : undefined;
}
