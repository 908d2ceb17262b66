/**
 * Runs programs and test files on XS from Node: what mocha's side needs to drive them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Creation } from "../../targets/host/tools/manifest";
import { root } from "../../targets/host/tools/paths";
import { testFileCreation, writeProgram } from "../../targets/host/tools/program";
import { buildRuntime, type Variant, variantName } from "../../targets/host/tools/runtime";
import { compileScripts } from "../../targets/host/tools/scripts";

/** The variant for daily work; `FLEETLING_BITS=32` and `FLEETLING_SANITIZE=1` run the same tests on the others. */
export const testVariant: Variant = {
	bits: process.env.FLEETLING_BITS === "32" ? 32 : 64,
	mode: "debug",
	sanitize: process.env.FLEETLING_SANITIZE === "1",
};

const prepared = new Map<string, Promise<string>>();

/** Compiles scripts and the runtime once per process and variant; returns the path of the runtime. */
export function prepareRuntime(variant: Variant = testVariant): Promise<string> {
	const make = async (): Promise<string> => {
		await compileScripts();
		return buildRuntime(variant);
	};
	const name = variantName(variant);
	const path = prepared.get(name) ?? make();
	prepared.set(name, path);
	return path;
}

export interface ProgramOptions {
	/** Path of the main module, relative to the project. */
	readonly main: string;
	readonly parameters?: Readonly<Record<string, unknown>>;
	/** Milliseconds after which the program is killed and `done` tells so. */
	readonly timeout?: number;
	readonly variant?: Variant;
	/** Further options of the runtime, such as `--clock`. */
	readonly arguments?: readonly string[];
	readonly mode?: "list" | "run" | "program";
	/** Replaces parts of the test programs' own memory limits; `--limits` enforces them. */
	readonly creation?: Partial<Creation>;
	readonly environment?: Readonly<Record<string, string>>;
}

export interface ProgramEnd {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	/** Everything the program traced and the runtime reported. */
	readonly output: string;
	readonly timedOut: boolean;
}

export type ProgramEvent = Readonly<Record<string, unknown>>;

interface Waiter {
	readonly predicate: (event: ProgramEvent) => boolean;
	readonly resolve: (event: ProgramEvent) => void;
	readonly reject: (error: Error) => void;
}

/** A program that runs on XS. */
export class XSProgram {
	readonly events: ProgramEvent[] = [];
	readonly done: Promise<ProgramEnd>;
	readonly #child: ChildProcess;
	readonly #waiters = new Set<Waiter>();
	#output = "";
	#ended = false;

	constructor(runtime: string, archive: string, options: ProgramOptions) {
		const driver = { mode: options.mode ?? "program", parameters: options.parameters ?? {}, timeout: options.timeout };
		const args = [
			"--archive",
			archive,
			"--watchdog",
			"0",
			"--events",
			"3",
			"--control",
			"4",
			"--parameters",
			JSON.stringify(driver),
		];
		this.#child = spawn(runtime, [...args, ...(options.arguments ?? [])], {
			stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
			env: { ...process.env, ...options.environment },
		});
		for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on("data", (data) => (this.#output += data));
		const events = createInterface({ input: this.#child.stdio[3] as NodeJS.ReadableStream });
		events.on("line", (line) => this.#take(JSON.parse(line) as ProgramEvent));
		(this.#child.stdio[4] as NodeJS.WritableStream).on("error", () => undefined);
		let timedOut = false;
		const timer = setTimeout(() => {
			timedOut = true;
			this.#child.kill("SIGKILL");
		}, options.timeout ?? 30_000);
		this.done = new Promise((resolve) => {
			this.#child.on("close", (code, signal) => {
				clearTimeout(timer);
				rmSync(archive, { force: true });
				this.#ended = true;
				for (const waiter of this.#waiters) waiter.reject(new Error(`the program ended (${code ?? signal}):\n${this.#output}`));
				resolve({ code, signal, output: this.#output, timedOut });
			});
		});
	}

	get output(): string {
		return this.#output;
	}

	#take(event: ProgramEvent): void {
		this.events.push(event);
		for (const waiter of this.#waiters) {
			if (!waiter.predicate(event)) continue;
			this.#waiters.delete(waiter);
			waiter.resolve(event);
		}
	}

	/** The first event, past or future, that `predicate` accepts. Rejects when the program ends without one. */
	waitFor(predicate: (event: ProgramEvent) => boolean): Promise<ProgramEvent> {
		const found = this.events.find(predicate);
		if (found) return Promise.resolve(found);
		if (this.#ended) return Promise.reject(new Error(`the program has ended:\n${this.#output}`));
		return new Promise((resolve, reject) => this.#waiters.add({ predicate, resolve, reject }));
	}

	/** Sends an object to the program's `onMessage`. */
	send(message: object): void {
		(this.#child.stdio[4] as NodeJS.WritableStream).write(`${JSON.stringify(message)}\n`);
	}

	kill(): void {
		this.#child.kill("SIGKILL");
	}
}

export async function runXS(options: ProgramOptions): Promise<XSProgram> {
	const runtime = await prepareRuntime(options.variant ?? testVariant);
	const isTestFile = options.mode === "list" || options.mode === "run";
	const creation = { ...(isTestFile && testFileCreation), ...options.creation };
	return new XSProgram(runtime, writeProgram(join(root, options.main), { creation }), options);
}
