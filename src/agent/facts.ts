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
	/** Label of the running slot. */
	readonly slot: string;
	readonly deviceType: string;
	readonly mac: string;
}

/** What every device knows. */
const known: Readonly<Record<string, (sources: FactSources) => string | undefined>> = {
	target: ({ system }) => system.target,
	xs: ({ system }) => system.engine,
	slot: ({ slot }) => slot,
	reset: ({ system }) => system.resetReason,
	uptime: ({ system }) => String(Math.floor(system.ticks() / 1000)),
	free: ({ system }) => freeMemory(system),
};

/**
 * Collects the facts anew for each message: some of them change. They travel with every poll, so names are short and
 * values bounded.
 */
export class FactSheet {
	readonly #sources: FactSources;
	#added: Map<string, FactProvider> | undefined;

	constructor(sources: FactSources) {
		this.#sources = sources;
	}

	/** Adds a fact of the application's, or replaces one. `name` has 1 to 32 letters, digits, dots, hyphens or underscores. */
	add(name: string, provider: FactProvider): void {
		this.#added ??= new Map();
		this.#added.set(name, provider);
	}

	read(): DeviceFacts {
		const { version, deviceType, mac } = this.#sources;
		const others: Record<string, string> = {};
		const put = (name: string, value: string | undefined): void => {
			if (value === undefined) delete others[name];
			else others[name] = value.slice(0, limits.fact);
		};
		for (const name of Object.keys(known)) put(name, known[name]?.(this.#sources));
		if (this.#added !== undefined) for (const [name, provider] of this.#added) put(name, provider());
		return { version: version(), deviceType, mac, others };
	}
}

/** Native heap where the target knows it, otherwise what is left of the XS machine. */
function freeMemory(system: SystemControl): string | undefined {
	const { heapFree, limit, slotsUsed, chunksUsed } = system.memory();
	if (heapFree !== undefined) return String(heapFree);
	return limit > 0 ? String(limit - slotsUsed - chunksUsed) : undefined;
}
