import { FleetlingError } from "fleetling/error/error";
import TextEncoder from "text/encoder";
import { describe } from "../../common/log";
import type { LogMemory } from "../../common/log-memory";
import type { Journal } from "../../update/journal";
import type { Configuration, UpdateControl } from "../commands/powers";
import { missing, type Root, viewOf } from "./view";

/** A name with nothing below it: bytes that are made when they are asked for. */
export function leaf(name: string, make: () => Uint8Array): Root {
	return (rest) => {
		if (rest.length > 0) throw missing([name, ...rest]);
		return viewOf(make());
	};
}

const encode = (text: string): Uint8Array => new Uint8Array(new TextEncoder().encode(text));

/** The last lines of the log. Secrets were taken out of them before they got there. */
export function logText(memory: LogMemory): Uint8Array {
	const bytes = new Uint8Array(memory.used);
	let length = 0;
	for (let entry = memory.read(memory.first); entry !== undefined; entry = memory.read(entry.next)) {
		const line = encode(`${entry.line}\n`);
		// Text that was cut within a character is longer than it was, once it is a character for that.
		bytes.set(line.subarray(0, bytes.length - length), length);
		length = Math.min(length + line.length, bytes.length);
	}
	return length === 0 ? encode("(empty)\n") : bytes.subarray(0, length);
}

/** The configuration with its origin, key by key, as a person may see it: no certificates, no keys. */
export function configurationText(configuration: Configuration): Uint8Array {
	const shown: Record<string, unknown> = {};
	for (const name of configuration.names) {
		const { value, origin } = configuration.show(name);
		shown[name] = { value: value ?? null, origin };
	}
	return encode(`${JSON.stringify(shown, undefined, "\t")}\n`);
}

/** How the updates stand: what runs, the record of the update under way, and the package that failed last. */
export function journalText(journal: Journal, { version, onTrial, lastFailure }: UpdateControl): Uint8Array {
	const update = { version, onTrial, underWay: recordOf(journal), lastFailure: lastFailure ?? null };
	return encode(`${JSON.stringify(update, undefined, "\t")}\n`);
}

function recordOf(journal: Journal): unknown {
	try {
		const { record, torn } = journal.read();
		return torn === undefined ? (record ?? null) : { ...record, damage: describe(torn) };
	} catch (error) {
		if (error instanceof FleetlingError) return { damage: describe(error) };
		throw error;
	}
}
