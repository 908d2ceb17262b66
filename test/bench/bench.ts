/** `npm run bench -- [--quick] [--only NAME] [--json FILE]`: figures side by side in one run, with goals. See README.md. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildFolder } from "../../targets/host/tools/paths";
import { artifact } from "./artifact";
import { latency } from "./latency";
import { memory } from "./memory";
import { pinning } from "./processes";
import type { Outcome, Section } from "./section";
import { formatGoals, formatTable, type Goal, isMet } from "./table";
import { update } from "./update";
import { wire } from "./wire";
import { Workspace } from "./workspace";

const sections: Readonly<Record<string, Section>> = { update, artifact, memory, latency, wire };

const usage = `usage: npm run bench -- [options]

  --quick        fewer repetitions: for a look, not for a record
  --only NAME    one topic: ${Object.keys(sections).join(", ")}; may be given several times
  --json FILE    where the figures go (default build/bench.json)`;

const { values } = parseArgs({
	options: {
		quick: { type: "boolean", default: false },
		only: { type: "string", multiple: true },
		json: { type: "string", default: join(buildFolder, "bench.json") },
		help: { type: "boolean", default: false },
	},
});

const machine = {
	processor: cpus()[0]?.model ?? "unknown",
	cores: cpus().length,
	kernel: release(),
	node: process.version,
	pinning,
};

async function runSections(names: readonly string[]): Promise<Record<string, Outcome & { readonly seconds: number }>> {
	const workspace = new Workspace();
	process.once("exit", () => workspace.remove());
	for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
	const outcomes: Record<string, Outcome & { readonly seconds: number }> = {};
	for (const name of names) {
		const section = sections[name];
		if (section === undefined) continue;
		const begun = performance.now();
		const progress = (text: string): void => {
			if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${name}: ${text}`);
		};
		const outcome = await section({ workspace, quick: values.quick, progress });
		if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
		if (outcome.skipped !== undefined) process.stdout.write(`*** ${name}: SKIPPED, ${outcome.skipped} ***\n\n`);
		for (const table of outcome.tables) process.stdout.write(`${formatTable(table)}\n`);
		outcomes[name] = { ...outcome, seconds: (performance.now() - begun) / 1000 };
	}
	return outcomes;
}

async function main(): Promise<void> {
	if (values.help) {
		process.stdout.write(`${usage}\n`);
		return;
	}
	process.stdout.write(
		`Fleetling's figures on ${machine.cores} × ${machine.processor}, ${pinning}${values.quick ? "; quick: not for the record" : ""}\n\n`,
	);
	const names = values.only ?? Object.keys(sections);
	const unknown = names.find((name) => !Object.hasOwn(sections, name));
	if (unknown !== undefined) throw new Error(`--only ${unknown}: there is no such topic\n\n${usage}`);
	const outcomes = await runSections(names);
	const goals: readonly Goal[] = Object.values(outcomes).flatMap((outcome) => outcome.goals);
	process.stdout.write(`${formatGoals(goals)}\n`);
	const path = resolve(values.json);
	mkdirSync(dirname(path), { recursive: true });
	const verdicts = goals.map((goal) => ({ ...goal, met: isMet(goal) }));
	const figures = { at: new Date().toISOString(), quick: values.quick, machine, goals: verdicts, sections: outcomes };
	writeFileSync(path, `${JSON.stringify(figures, null, "\t")}\n`);
	process.stdout.write(`figures: ${path}\n`);
}

try {
	await main();
} catch (error) {
	process.stderr.write(`the benchmark failed: ${(error as Error).message}\n`);
	process.exitCode = 1;
}
process.exit();
