/** For the HTTP specs: runs steps on XS and returns what was told of each. */
import assert from "node:assert/strict";
import { runXS } from "../xs/driver";
import type { Step, Told } from "./programs/http-steps";

export interface RunOptions {
	readonly parallel?: number;
	/** PEM of the authority to trust for https. */
	readonly ca?: string;
	/** Options of the pool that can be written as JSON. */
	readonly pool?: object;
	readonly timeout?: number;
	/** Milliseconds to wait after the last step for what may still be reported. */
	readonly linger?: number;
}

export interface Run {
	readonly told: readonly Told[];
	/** Codes of errors that no request was told of. */
	readonly reported: readonly string[];
}

export async function runSteps(steps: readonly Step[], options: RunOptions = {}): Promise<Run> {
	const { timeout = 30_000, ...parameters } = options;
	const program = await runXS({
		main: "test/integration/programs/http-client.ts",
		parameters: { steps, ...parameters },
		timeout,
	});
	const end = await program.done;
	assert.equal(end.timedOut, false, `hangs after ${program.events.length} of ${steps.length} steps:\n${end.output}`);
	assert.equal(end.code, 0, end.output);
	const finished = program.events.find((event) => event.finished === true);
	const told = program.events.filter((event) => typeof event.step === "number") as unknown as Told[];
	assert.equal(told.length, steps.length);
	return { told: told.sort((a, b) => a.step - b.step), reported: (finished?.reported ?? []) as string[] };
}

export async function runStep(step: Step, options?: RunOptions): Promise<Told & { readonly reported: readonly string[] }> {
	const { told, reported } = await runSteps([step], options);
	const [first] = told;
	assert.ok(first);
	return { ...first, reported };
}
