import { frozen } from "fleetling/frozen/frozen";
import { describe } from "../../common/log";
import type { Command } from "./command";

/**
 * An interactive JavaScript prompt. It can do everything that the firmware can: a build has it only where the
 * configuration says so.
 */
export const javascript: Command = frozen({
	name: "js",
	summary: "runs JavaScript (only where the configuration allows it)",
	usage: ["js               a prompt; Ctrl-D leaves it", "js EXPRESSION    runs one line"],
	async run({ terminal, powers, cancellation }, args) {
		const { evaluate } = powers;
		if (evaluate === undefined) {
			await terminal.print('JavaScript is off: "config set jsPrompt true" and a restart turn it on\n');
			return;
		}
		const show = async (source: string): Promise<void> => {
			let text: string;
			try {
				text = evaluate(source);
			} catch (error) {
				text = describe(error);
			}
			await terminal.print(`${text}\n`);
		};
		if (args.length > 0) {
			await show(args.join(" "));
			return;
		}
		for (;;) {
			const line = await terminal.ask("js> ");
			if (line === undefined) return;
			cancellation.throwIfCancelled();
			if (line.trim() !== "") await show(line);
		}
	},
});
