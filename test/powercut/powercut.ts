/**
 * `npm run powercut [-- --seed N --sample N --cut OPERATION:MODE[:SEED]]`: the full sweep. Every flash operation of a complete update is cut
 * before, in the middle and after; then pairs of cuts, and the same with firmware that has to be rolled back.
 */
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildFolder } from "../../targets/host/tools/paths";
import { buildRuntime } from "../../targets/host/tools/runtime";
import { numbers } from "../faults/numbers";
import {
	type Cut,
	type CutMode,
	cutModes,
	describeCut,
	keepFailure,
	makeImages,
	type Scenario,
	Sweep,
	type SweepOptions,
} from "./sweep";

const { values } = parseArgs({
	options: {
		seed: { type: "string" },
		/** Scenarios per part, chosen at random; all when absent. */
		sample: { type: "string" },
		/** Replays one scenario: cuts separated by commas. */
		cut: { type: "string" },
		fault: { type: "string", default: "none" },
		/** Devices at a time: most of a life is waiting. */
		parallel: { type: "string", default: "2" },
	},
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const sample = values.sample === undefined ? Number.POSITIVE_INFINITY : Number(values.sample);

const random = numbers(seed);
const below = (limit: number): number => random.next().value % limit;

function choose(scenarios: Scenario[]): Scenario[] {
	if (scenarios.length <= sample) return scenarios;
	const chosen: Scenario[] = [];
	while (chosen.length < sample) chosen.push(...scenarios.splice(below(scenarios.length), 1));
	return chosen;
}

const single = (operations: number): Scenario[] =>
	Array.from({ length: operations }, (_, index) =>
		cutModes.map((mode): Scenario => [{ operation: index + 1, mode, seed: below(2 ** 31) }]),
	).flat();

/** The second cut falls into what the device does to recover from the first. */
const pairs = (operations: number, count: number): Scenario[] =>
	Array.from({ length: count }, (): Scenario => {
		const cut = (limit: number): Cut => ({
			operation: 1 + below(limit),
			mode: cutModes[below(cutModes.length)] ?? "torn",
			seed: below(2 ** 31),
		});
		return [cut(operations), cut(operations)];
	});

async function runAll(name: string, options: SweepOptions, make: (operations: number) => Scenario[]): Promise<number> {
	const begin = Date.now();
	const sweeps = await Promise.all(Array.from({ length: Number(values.parallel) }, () => Sweep.start(options)));
	const operations = (await sweeps[0]?.countOperations()) ?? 0;
	const scenarios = choose(make(operations));
	process.stdout.write(`${name}: ${operations} flash operations, ${scenarios.length} scenarios\n`);
	let next = 0;
	let failures = 0;
	let done = 0;
	const worker = async (sweep: Sweep): Promise<void> => {
		for (let scenario = scenarios[next++]; scenario; scenario = scenarios[next++]) {
			const problem = await sweep.live(scenario);
			done++;
			if (problem !== undefined) {
				failures++;
				const path = keepFailure(buildFolder, scenario, problem);
				process.stdout.write(`\nFAILED ${scenario.map(describeCut).join(",")}: ${problem.split("\n")[0]}\n  ${path}\n`);
			}
			if (process.stdout.isTTY) process.stdout.write(`\r  ${done} of ${scenarios.length}, ${failures} failures`);
			else if (done % 50 === 0) process.stdout.write(`  ${done} of ${scenarios.length}, ${failures} failures\n`);
		}
	};
	await Promise.all(sweeps.map(worker));
	await Promise.all(sweeps.map((sweep) => sweep.stop()));
	const most = Math.max(...sweeps.map(({ refetched }) => refetched));
	const seconds = Math.round((Date.now() - begin) / 1000);
	process.stdout.write(
		`${process.stdout.isTTY ? "\r" : ""}${name}: ${scenarios.length} scenarios, ${failures} failures, ${seconds} s, at most ${most} bytes fetched again\n`,
	);
	return failures;
}

function parseCut(text: string): Cut {
	const [operation, mode = "before", tear = "1"] = text.split(":");
	if (!cutModes.includes(mode as CutMode)) throw new Error(`--cut ${text}: the mode is before, torn or after`);
	return { operation: Number(operation), mode: mode as CutMode, seed: Number(tear) };
}

mkdirSync(buildFolder, { recursive: true });
process.stdout.write(`seed ${seed}\n`);
// As it is now: another command may build a newer one during the hour that this takes.
const runtime = join(buildFolder, `powercut-${process.pid}`);
copyFileSync(await buildRuntime({ bits: 64, mode: "debug" }), runtime);
await makeImages(["none", "crash"]);
process.on("exit", () => rmSync(runtime, { force: true }));
let failures = 0;
if (values.cut !== undefined) {
	const scenario = values.cut.split(",").map(parseCut);
	const options: SweepOptions = { runtime, fault: values.fault as NonNullable<SweepOptions["fault"]> };
	failures = await runAll("replay", options, () => [scenario]);
} else {
	failures += await runAll("one cut", { runtime }, single);
	failures += await runAll("two cuts", { runtime }, (operations) => pairs(operations, 300));
	failures += await runAll("one cut, firmware that crashes", { runtime, fault: "crash" }, (operations) =>
		single(operations).slice(-3 * 60),
	);
}
process.stdout.write(`${failures} failures (seed ${seed})\n`);
process.exitCode = failures === 0 ? 0 : 1;
process.exit();
