/**
 * `npm run fuzz [-- --seconds N --seed N --only NAME --input FILE]`: every parser that reads what comes from outside, one after the
 * other, under AddressSanitizer on XS.
 */
import { parseArgs } from "node:util";
import { corpusFolder, type Fuzzed, runTarget, type TargetName, targets } from "./run";
import { writeSeeds } from "./seeds";

const { values } = parseArgs({
	options: {
		seed: { type: "string" },
		/** For each target. */
		seconds: { type: "string", default: "30" },
		/** One target, or several separated by commas. */
		only: { type: "string" },
		/** A file of the target's corpus, which alone is run. */
		input: { type: "string" },
		/** How often each outcome was reached, too. */
		outcomes: { type: "boolean", default: false },
		/** Writes the seeds of the corpora anew, and nothing else. */
		seeds: { type: "boolean", default: false },
	},
});

function chosen(): readonly TargetName[] {
	const names = values.only?.split(",") ?? targets;
	const stranger = names.find((name) => !targets.some((target) => target === name));
	if (stranger !== undefined) throw new Error(`--only ${stranger}: there are ${targets.join(", ")}`);
	return targets.filter((target) => names.includes(target));
}

function tell({ target, executions, perSecond, outcomes, kept, grown, failures }: Fuzzed): void {
	const figures = [
		`${target.padEnd(10)}${String(executions).padStart(8)} executions`,
		`${String(perSecond).padStart(6)}/s`,
		`${String(outcomes.length).padStart(5)} outcomes`,
		`${String(kept).padStart(4)} inputs kept`,
		`${grown} bytes of heap more`,
		`${failures.length} failures`,
	];
	process.stdout.write(`${figures.join(", ")}\n`);
	if (values.outcomes)
		for (const [outcome, times] of [...outcomes].sort(([, a], [, b]) => b - a))
			process.stdout.write(`  ${String(times).padStart(8)}  ${outcome}\n`);
	for (const { text, path, again } of failures)
		process.stdout.write(
			`  FAILED ${text.replaceAll("\n", "\n    ")}\n${path === undefined ? "" : `  input: ${path}\n`}  again: ${again}\n`,
		);
}

if (values.seeds) writeSeeds(corpusFolder);
else {
	const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
	process.stdout.write(`seed ${seed}\n`);
	let failures = 0;
	for (const target of chosen()) {
		const input = values.input === undefined ? {} : { input: values.input };
		const fuzzed = await runTarget({ target, seed, seconds: Number(values.seconds), ...input });
		failures += fuzzed.failures.length;
		tell(fuzzed);
	}
	process.stdout.write(`${failures} failures (seed ${seed})\n`);
	process.exitCode = failures === 0 ? 0 : 1;
}
