import { frozen } from "fleetling/frozen/frozen";
import { limits } from "../common/deadlines";
import type { SystemControl } from "../common/device";

/** What a device says about itself. The names on the wire are the server side's business. */
export interface DeviceFacts {
	/** Version of the running firmware. */
	readonly version: string;
	/** The version that the server knows the device by, until it has accepted how an update ended (Updater.settledVersion). */
	readonly settledVersion: string;
	readonly deviceType: string;
	readonly mac: string;
	/** What else a server may choose updates by, under short names. Values are texts, because that is all that every server takes. */
	readonly others: Readonly<Record<string, string>>;
	/** How the device is doing: of interest to a person, and of no use in a question for updates, which it would double. */
	readonly condition: Readonly<Record<string, string>>;
}

/** One more thing to know about a device. Returns undefined when it is not known now. */
export type FactProvider = () => string | undefined;

export interface FactSources {
	readonly system: SystemControl;
	readonly version: () => string;
	/** The same as `version` when absent. */
	readonly settledVersion?: () => string;
	/** Label of the running slot. */
	readonly slot: string;
	readonly deviceType: string;
	readonly mac: string;
}

type Known = Readonly<Record<string, (sources: FactSources) => string | undefined>>;

/** What every device is. The engine is not among these: an image brings its own. */
const lasting: Known = frozen({
	target: ({ system }) => system.target,
});

/** How every device is. */
const passing: Known = frozen({
	xs: ({ system }) => system.engine,
	slot: ({ slot }) => slot,
	reset: ({ system }) => system.resetReason,
	uptime: ({ system }) => String(Math.floor(system.ticks() / 1000)),
	free: ({ system }) => freeMemory(system),
});

/** Collects the facts anew for each message: some of them change. They travel often, so names are short and values bounded. */
export class FactSheet {
	readonly #sources: FactSources;
	#added: Map<string, FactProvider> | undefined;

	constructor(sources: FactSources) {
		this.#sources = sources;
	}

	/** Adds a fact of the application's to `others`, or replaces one that is known anyway. `name` has 1 to 32 letters, digits, dots, hyphens or underscores. */
	add(name: string, provider: FactProvider): void {
		this.#added ??= new Map();
		this.#added.set(name, provider);
	}

	read(): DeviceFacts {
		const { version, settledVersion = version, deviceType, mac } = this.#sources;
		const others = this.#collect(lasting);
		const condition = this.#collect(passing);
		for (const [name, provider] of this.#added ?? []) {
			delete condition[name];
			put(others, name, provider());
		}
		return { version: version(), settledVersion: settledVersion(), deviceType, mac, others, condition };
	}

	#collect(known: Known): Record<string, string> {
		const facts: Record<string, string> = {};
		for (const name of Object.keys(known)) put(facts, name, known[name]?.(this.#sources));
		return facts;
	}
}

function put(facts: Record<string, string>, name: string, value: string | undefined): void {
	if (value === undefined) delete facts[name];
	else facts[name] = value.slice(0, limits.fact);
}

/** Native heap where the target knows it, otherwise what is left of the XS machine. */
function freeMemory(system: SystemControl): string | undefined {
	const { heapFree, limit, slotsUsed, chunksUsed } = system.memory();
	if (heapFree !== undefined) return String(heapFree);
	return limit > 0 ? String(limit - slotsUsed - chunksUsed) : undefined;
}
