/** The command that shows the log. */
import { frozen } from "fleetling/frozen/frozen";
import { deadlines } from "../../common/deadlines";
import { parseLogLevels } from "../../common/log";
import { sleep } from "../../common/time";
import { type Command, type CommandContext, misused } from "./command";

/** A screen. */
const usualLines = 20;

async function showFrom(context: CommandContext, from: number): Promise<number> {
	const { terminal, powers } = context;
	let at = from;
	for (;;) {
		const entry = powers.logMemory.read(at);
		if (entry === undefined) return at;
		if (entry.lost > 0) await terminal.print(`(${entry.lost} lines are gone)\n`);
		await terminal.print(`${entry.line}\n`);
		at = entry.next;
	}
}

const actions: Readonly<Record<string, (context: CommandContext, argument: string | undefined) => Promise<void>>> = frozen({
	async show(context, argument) {
		const lines = argument === undefined ? usualLines : Number(argument);
		if (!Number.isInteger(lines) || lines < 1) throw misused(log, `"${argument}" is no number of lines`);
		const { logMemory } = context.powers;
		await showFrom(context, Math.max(logMemory.first, logMemory.end - lines));
	},
	async follow(context) {
		let at = context.powers.logMemory.end;
		for (;;) {
			at = await showFrom(context, at);
			await sleep(deadlines.logFollow, context.cancellation);
		}
	},
	async level({ terminal, powers }, argument) {
		if (argument !== undefined) {
			const levels = parseLogLevels(argument);
			if (levels === undefined) throw misused(log, `"${argument}" is no level, nor levels for tags`);
			powers.log.levels = levels;
		}
		const { level, tags } = powers.log.levels;
		await terminal.print(`${[level, ...Object.entries(tags).map(([tag, each]) => `${tag}=${each}`)].join(",")}\n`);
	},
});

export const log: Command = frozen({
	name: "log",
	summary: "the log: show, follow, level",
	usage: [
		"log show [LINES]     the last lines (20)",
		"log follow           lines as they come, until Ctrl-C",
		"log level [LEVELS]   what is logged until the next start, e.g. info or info,update=debug",
	],
	words: () => Object.keys(actions),
	async run(context, [name = "show", argument]) {
		const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
		if (action === undefined) throw misused(log, `"log ${name}" is nothing that can be done`);
		await action(context, argument);
	},
});
