import { deadlines } from "../../common/deadlines";
import type { Action } from "./action";

export interface StandardPowers {
	/** What this device is and how it is, by short names. */
	readonly facts: () => Readonly<Record<string, string>>;
	/** Has the application show which device it is. */
	readonly identify: () => void;
	/** Closes all connections in an orderly way and restarts. */
	readonly restart: () => void;
}

const seconds = deadlines.actionSeconds;

/** The actions of every device. */
export function standardActions({ facts, identify, restart }: StandardPowers): readonly Action[] {
	return [
		{
			id: "identify",
			name: "Identify",
			description: "Has the device show itself, and tells what it is",
			command: ["identify"],
			timeout: seconds,
			run(context) {
				identify();
				for (const [name, value] of Object.entries(facts())) context.print(`${name}: ${value}\n`);
			},
		},
		{
			id: "reboot",
			name: "Reboot",
			description: "Restarts the device; an update under way goes on afterwards",
			command: ["reboot"],
			timeout: seconds,
			run(context) {
				context.print("restarting\n");
				context.afterwards(restart);
			},
		},
	];
}
