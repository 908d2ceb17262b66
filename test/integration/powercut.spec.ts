/** Power cuts at flash operations of a complete update of a whole device, a sample (`npm run powercut` for all of them). */
import assert from "node:assert/strict";
import { numbers } from "../faults/numbers";
import { type Cut, cutModes, describeCut, type Scenario, Sweep, type SweepOptions } from "../powercut/sweep";
import { prepareRuntime } from "../xs/driver";

const seed = Number(process.env.FLEETLING_SEED ?? 20_261);
const mostAgain = 65_536 + 4_096;

describe(`powercut: a sample, seed ${seed}`, function () {
	this.timeout(180_000);
	const random = numbers(seed);
	const below = (limit: number): number => random.next().value % limit;
	const cut = (operation: number): Cut => ({ operation, mode: cutModes[below(3)] ?? "torn", seed: below(2 ** 31) });

	async function sweep(
		count: number,
		options: Omit<SweepOptions, "runtime">,
		make: (operations: number) => Scenario,
	): Promise<void> {
		const runtime = await prepareRuntime();
		const sweeps = await Promise.all([Sweep.start({ runtime, ...options }), Sweep.start({ runtime, ...options })]);
		const operations = (await sweeps[0]?.countOperations()) ?? 0;
		assert.ok(operations > 100, `${operations} flash operations`);
		const scenarios = Array.from({ length: count }, () => make(operations));
		const problems: string[] = [];
		const worker = async (one: Sweep): Promise<void> => {
			for (let scenario = scenarios.pop(); scenario; scenario = scenarios.pop()) {
				const problem = await one.live(scenario);
				if (problem !== undefined) problems.push(`${scenario.map(describeCut).join(",")}: ${problem}`);
			}
		};
		await Promise.all(sweeps.map(worker));
		await Promise.all(sweeps.map((one) => one.stop()));
		assert.deepEqual(problems, []);
		const most = Math.max(...sweeps.map(({ refetched }) => refetched));
		assert.ok(most <= mostAgain, `${most} bytes were fetched again`);
		process.stdout.write(`      ${count} of ${3 * operations} cuts, at most ${most} bytes fetched again\n`);
	}

	it("one cut anywhere: the update ends confirmed", () => sweep(9, {}, (operations) => [cut(1 + below(operations))]));
	it("one cut at its end, where it is decided what boots", () => sweep(5, {}, (operations) => [cut(operations - below(30))]));
	it("two cuts in a row", () => sweep(4, {}, (operations) => [cut(1 + below(operations)), cut(1 + below(operations))]));
	it("cuts while a firmware that crashes is rolled back", () =>
		sweep(4, { fault: "crash" }, (operations) => [cut(operations - below(60))]));
});
