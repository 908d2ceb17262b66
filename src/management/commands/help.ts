import type { Command, CommandTable } from "./command";
import { aligned } from "./table";

/** The list of commands and how each is used. `table` is asked when it runs: applications add theirs later. */
export function helpFor(table: () => CommandTable): Command {
	return {
		name: "help",
		summary: "lists the commands, or shows how one is used",
		usage: ["help           lists the commands", "help COMMAND   shows how it is used"],
		words: () => table().all.map(({ name }) => name),
		async run({ terminal }, [name]) {
			if (name === undefined) {
				await terminal.print(aligned(table().all.map((command) => [command.name, command.summary])));
				await terminal.print(aligned([["exit", "ends the session, as Ctrl-D does"]]));
				return;
			}
			const { summary, usage = [] } = table().find(name);
			await terminal.print(`${name}: ${summary}\n${usage.map((line) => `  ${line}\n`).join("")}`);
		},
	};
}
