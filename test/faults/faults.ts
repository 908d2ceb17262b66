/**
 * `npm run faults [-- --seed N --every PERCENT --only length,chunks,tls --kinds cut,stall]`: faults of the network at every so many
 * percent of a package's stream and at every boundary of its protocols.
 */
import { parseArgs } from "node:util";
import type { Protocol } from "./places";
import { type Ended, type FaultKind, FaultSweep, faultKinds } from "./sweep";

const protocols: readonly Protocol[] = ["length", "chunks", "tls"];
const { values } = parseArgs({
	options: {
		seed: { type: "string" },
		every: { type: "string", default: "1" },
		only: { type: "string" },
		kinds: { type: "string" },
		/** Devices at a time: most of a fault is waiting. */
		parallel: { type: "string", default: "12" },
	},
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);

function chosen<Name extends string>(all: readonly Name[], names: string | undefined): readonly Name[] {
	const found = all.filter((name) => names === undefined || names.split(",").includes(name));
	if (found.length === 0) throw new Error(`${names}: there are ${all.join(", ")}`);
	return found;
}

function describe({ fault, result, connections, problem }: Ended): string {
	const { name, direction, byte } = fault.place;
	const way = `errors on the way: ${result.errors.join(", ") || "none"}; ${result.received} bytes in ${connections} connections`;
	return `FAILED ${fault.kind} ${name} (byte ${byte} ${direction}): ${problem}\n  ${way}`;
}

process.stdout.write(`seed ${seed}\n`);
let faults = 0;
let failures = 0;
for (const protocol of chosen(protocols, values.only)) {
	const kinds = chosen<FaultKind>(faultKinds, values.kinds);
	const onEnd = (ended: Ended): void => {
		if (ended.problem !== undefined) process.stdout.write(`${describe(ended)}\n`);
	};
	const options = { protocol, seed, every: Number(values.every), parallel: Number(values.parallel), kinds, onEnd };
	const figures = await FaultSweep.run(options);
	faults += figures.faults;
	failures += figures.failures.length;
	const extra = `at most ${figures.mostExtra} bytes more than without a fault`;
	process.stdout.write(
		`${protocol}: ${figures.faults} faults, ${figures.failures.length} failures, ${figures.seconds.toFixed(0)} s; ${extra}\n`,
	);
	for (const [outcome, times] of [...figures.outcomes].sort())
		process.stdout.write(`  ${String(times).padStart(5)}  ${outcome}\n`);
}
process.stdout.write(`${faults} faults, ${failures} failures (seed ${seed})\n`);
process.exitCode = failures === 0 ? 0 : 1;
process.exit();
