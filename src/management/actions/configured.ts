import type { Cancellation } from "../../common/cancellation";
import { deadlines, limits } from "../../common/deadlines";
import { isObject } from "../../common/json";
import type { Action } from "./action";

/** An action of the configuration: a command line under a name. */
export type ConfiguredAction = Omit<Action, "run">;

/** Runs a command as if it was typed; rejects when it fails. */
export type CommandRunner = (
	words: readonly string[],
	print: (text: string) => void,
	cancellation: Cancellation,
) => Promise<void>;

/**
 * Reads the list of actions in the configuration: `[{"id":"net","command":["net"]}, …]`, where `name`, `description` and
 * `timeout` (seconds) can be given too. Returns undefined when it is not one.
 */
export function parseActions(text: string): readonly ConfiguredAction[] | undefined {
	let list: unknown;
	try {
		list = JSON.parse(text);
	} catch {
		return undefined;
	}
	if (!Array.isArray(list) || list.length > limits.actions - limits.standardActions) return undefined;
	const actions: ConfiguredAction[] = [];
	for (const entry of list) {
		const action = readAction(entry);
		if (action === undefined || actions.some(({ id }) => id === action.id)) return undefined;
		actions.push(action);
	}
	return actions;
}

function readAction(entry: unknown): ConfiguredAction | undefined {
	if (!isObject(entry)) return undefined;
	const { id, name = id, description = "", command, timeout = deadlines.actionSeconds } = entry;
	if (!isText(id) || id === "" || !isText(name) || !isText(description)) return undefined;
	if (!Array.isArray(command) || command.length === 0 || !command.every(isText)) return undefined;
	if (typeof timeout !== "number" || !(timeout > 0 && timeout <= limits.actionSeconds)) return undefined;
	return { id, name, description, command, timeout };
}

function isText(value: unknown): value is string {
	return typeof value === "string" && value.length <= limits.fact;
}

/** The action itself. */
export function commandAction(configured: ConfiguredAction, run: CommandRunner): Action {
	return {
		...configured,
		run: (context) => run(configured.command, (text) => context.print(text), context.cancellation),
	};
}
