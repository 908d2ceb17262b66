import { FleetlingError } from "fleetling/error/error";
import type { Cancellation } from "../../common/cancellation";
import type { Powers } from "./powers";

/** What a command talks to: a remote shell or the serial console. */
export interface Terminal {
	/**
	 * Shows text; "\n" ends a line. Resolves when there is room for more, so that a long output waits for a slow line.
	 * Rejects with `management.gone` when nobody is there any more, and with the reason of the command's cancellation.
	 */
	print(text: string): Promise<void>;
	/** Shows `prompt` and resolves with a line of the person's; undefined for Ctrl-C and Ctrl-D. Rejects as `print` does. */
	ask(prompt: string): Promise<string | undefined>;
}

export interface CommandContext {
	readonly terminal: Terminal;
	readonly powers: Powers;
	/** Happens with Ctrl-C and with the end of the session. */
	readonly cancellation: Cancellation;
}

export interface Command {
	readonly name: string;
	/** A few words for the list of commands. */
	readonly summary: string;
	/** What may follow the name, one form per line with what it does; see `help`. */
	readonly usage?: readonly string[];
	/** What may stand as the first argument, for completion. */
	readonly words?: (powers: Powers) => readonly string[];
	/** Rejects with a FleetlingError whose text is shown. */
	run(context: CommandContext, args: readonly string[]): Promise<void>;
}

/** The error for a command that is used as it cannot be. */
export function misused(command: Command, what: string): FleetlingError {
	return new FleetlingError("management.usage", `${what}; "help ${command.name}" shows what there is`);
}

/** The commands of a device, by name: those of the firmware and those that the application adds. */
export class CommandTable {
	readonly #commands = new Map<string, Command>();

	constructor(commands: readonly Command[]) {
		for (const command of commands) this.add(command);
	}

	/** Adds a command, or replaces the one of that name. */
	add(command: Command): void {
		this.#commands.set(command.name, command);
	}

	/** @throws management.usage when there is none */
	find(name: string): Command {
		const command = this.#commands.get(name);
		if (command !== undefined) return command;
		throw new FleetlingError("management.usage", `there is no command "${name}"; "help" lists all of them`);
	}

	get all(): readonly Command[] {
		return [...this.#commands.values()];
	}

	/** All words that could stand where the last word of `text` begins. */
	complete(text: string, powers: Powers): readonly string[] {
		const before = text.slice(0, text.lastIndexOf(" ") + 1).trim();
		if (before === "") return [...this.#commands.keys()];
		// Only the first argument: deeper ones are free text.
		return before.includes(" ") ? [] : (this.#commands.get(before)?.words?.(powers) ?? []);
	}
}
