import { limits } from "../../common/deadlines";
import type { Storage } from "../../common/device";
import type { Log } from "../../common/log";
import type { CommandTable } from "../commands/command";
import type { Powers } from "../commands/powers";
import type { Action } from "./action";
import { Actions } from "./actions";
import { type CommandRunner, type ConfiguredAction, commandAction } from "./configured";
import { ExecutionRecord } from "./record";
import { standardActions } from "./standard";

export interface ActionParts {
	readonly storage: Storage;
	readonly log: Log;
	/** Those of the configuration. */
	readonly configured: readonly ConfiguredAction[];
	/** Those of the application, which may replace the others. */
	readonly added: readonly Action[];
	/** Both are made for each action that needs them. */
	readonly powers: () => Powers;
	readonly table: () => CommandTable;
	/** What the device is and how it is, by short names. */
	readonly facts: () => Readonly<Record<string, string>>;
	readonly identify: () => void;
}

/** All that managers can have this device do. @throws FleetlingError management.bad-action */
export function assembleActions({ storage, log, configured, added, powers, table, facts, identify }: ActionParts): Actions {
	const record = new ExecutionRecord(storage.open({ path: "actions", format: "string" }));
	const actions = new Actions({ record, log: log.tag("actions") });
	const restart = (): void => powers().restart("a manager asked for it");
	for (const action of standardActions({ facts, identify, restart })) actions.add(action);
	// Nobody is there to be asked: every question is answered as if the person had left.
	const run: CommandRunner = ([name = "", ...args], print, cancellation) => {
		const terminal = { print: async (text: string) => print(text), ask: async () => undefined };
		return table().find(name).run({ terminal, powers: powers(), cancellation }, args);
	};
	for (const action of added) actions.add(action);
	const own = new Set(added.map(({ id }) => id));
	// One place is for the server's own. What does not fit beside the application's is left out: it is no reason not to start.
	const fits = (id: string): boolean => actions.list.length < limits.actions - 1 || actions.list.some((other) => other.id === id);
	for (const entry of configured) {
		if (own.has(entry.id)) continue;
		if (fits(entry.id)) actions.add(commandAction(entry, run));
		else log.tag("actions").warn(`"${entry.id}" of the configuration key actions is one too many: it is left out`);
	}
	return actions;
}
