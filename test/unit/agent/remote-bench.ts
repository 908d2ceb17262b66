import { type DeclaredKeys, declared } from "fleetling/agent/declared";
import { RemoteConfiguration } from "fleetling/agent/remote";
import type { RemoteSettings } from "fleetling/agent/settings";
import { Lines } from "../fakes/log";
import { MemoryStorage } from "../fakes/storage";

export interface Bench {
	readonly remote: RemoteConfiguration;
	readonly storage: MemoryStorage;
	readonly lines: Lines;
	/** Settings as they were put into force. */
	readonly followed: RemoteSettings[];
}

interface BenchOptions {
	readonly storage?: MemoryStorage;
	readonly stored?: Readonly<Record<string, string>>;
	readonly built?: Readonly<Record<string, unknown>>;
	readonly keys?: DeclaredKeys;
	readonly enabled?: boolean;
	readonly ticks?: () => number;
}

export function bench({
	storage = new MemoryStorage(),
	stored = {},
	built = {},
	keys,
	enabled = true,
	ticks = () => 0,
}: BenchOptions = {}): Bench {
	const lines = new Lines();
	for (const [name, value] of Object.entries(stored)) storage.domain("config").write(name, value);
	const remote = new RemoteConfiguration({ storage, build: built, declared: keys, enabled, log: lines.log, ticks });
	const followed: RemoteSettings[] = [];
	remote.follow((settings) => void followed.push(settings));
	return { remote, storage, lines, followed };
}

/** What an application has been given, in order. */
export function heater(refuses?: number): { readonly given: (readonly [string, unknown])[]; readonly keys: DeclaredKeys } {
	const given: (readonly [string, unknown])[] = [];
	const degrees = (text: string): number | undefined => (Number(text) >= 5 && Number(text) <= 30 ? Number(text) : undefined);
	const keys = {
		name: declared({
			fallback: "unnamed",
			expects: "a name",
			read: (text) => text,
			apply: (value) => void given.push(["name", value]),
		}),
		target: declared({
			fallback: "21",
			expects: "degrees from 5 to 30",
			read: degrees,
			apply(value) {
				if (value === refuses) throw new RangeError("it is too cold for that");
				given.push(["target", value]);
			},
		}),
		pin: declared({
			fallback: "0000",
			expects: "four digits",
			hidden: true,
			read: (text) => (text.length === 4 ? text : undefined),
			apply: (value) => void given.push(["pin", value]),
		}),
	};
	return { given, keys };
}
