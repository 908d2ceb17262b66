/** One target of the fuzzing: the program on XS that does it, what it tells, and what becomes of inputs that fail. */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { root } from "../../targets/host/tools/paths";
import type { Variant } from "../../targets/host/tools/runtime";
import { tarContent, tarRegions } from "../artifacts/tar";
import { type ProgramEvent, runXS } from "../xs/driver";

export const corpusFolder = join(root, "test/fuzz/corpus");
/** Each is a program of that name. */
export const targets = [
	"tar",
	"gzip",
	"artifact",
	"manifest",
	"header",
	"image",
	"otadata",
	"journal",
	"http",
	"connect",
	"improv",
	"websocket",
] as const;
export type TargetName = (typeof targets)[number];

const sanitized: Variant = { bits: 64, mode: "debug", sanitize: true };
/** Milliseconds that one input may take, and twenty times what any has taken on a slow machine. */
const deadline = 20_000;

export interface FuzzOptions {
	readonly target: TargetName;
	readonly seed: number;
	readonly seconds: number;
	/** Ends after so many inputs, if that comes first. */
	readonly executions?: number;
	/** Name of a file of the corpus that alone is to be run. */
	readonly input?: string;
	/** Where failing inputs go; the target's corpus when absent. */
	readonly keep?: string;
}

export interface Failure {
	readonly text: string;
	/** Path of the input below the project, where there is one. */
	readonly path?: string;
	/** How to see it again. */
	readonly again: string;
}

export interface Fuzzed {
	readonly target: TargetName;
	readonly executions: number;
	readonly perSecond: number;
	readonly outcomes: readonly (readonly [outcome: string, times: number])[];
	readonly kept: number;
	/** Bytes of heap that were in use at the end and not after the corpus. */
	readonly grown: number;
	readonly failures: readonly Failure[];
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What a program gets to see: the corpus and a place for the input under way. */
function workplace(target: TargetName): string {
	const folder = mkdtempSync(join(tmpdir(), "fleetling-fuzz-"));
	mkdirSync(join(folder, "corpus"));
	const corpus = join(corpusFolder, target);
	for (const name of existsSync(corpus) ? readdirSync(corpus) : [])
		copyFileSync(join(corpus, name), join(folder, "corpus", name));
	return folder;
}

/** The manifests in the corpus that carry the signature of the key that artifacts are verified with. */
function signedManifests(): readonly string[] {
	const folder = join(corpusFolder, "artifact");
	const names = readdirSync(folder).filter((name) => name.startsWith("seed-signed") && name !== "seed-signed-by-another");
	return names.flatMap((name) => {
		const bytes = readFileSync(join(folder, name));
		return tarRegions(bytes)
			.filter((region) => region.name === "manifest")
			.map((region) => sha256(tarContent(bytes, region)));
	});
}

function parametersOf({ target, seed, seconds, executions, input }: FuzzOptions, folder: string): Record<string, unknown> {
	const own =
		target === "artifact" ? { key: readFileSync(join(corpusFolder, "artifact-key.pem"), "utf8"), signed: signedManifests() } : {};
	return {
		folder,
		seed,
		seconds,
		...own,
		...(executions !== undefined && { executions }),
		...(input !== undefined && { input }),
	};
}

/** What stands for a length while no input is being fed (engine.ts). */
const noInput = 0xffffffff;

/** The input that was under way when the process ended. */
function currentInput(folder: string): Buffer | undefined {
	const path = join(folder, "current");
	const noted = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
	const length = noted.length < 4 ? noInput : noted.readUInt32LE(0);
	return length === noInput ? undefined : noted.subarray(4, 4 + length);
}

/** The part of a sanitizer's or the runtime's report that says what it is. */
function reportOf(output: string): string {
	const line = output.split("\n").find((text) => /ERROR: |runtime error: |panic|exception/.test(text));
	return line?.trim() ?? output.trim().split("\n").at(-1) ?? "no report";
}

class Run {
	readonly #options: FuzzOptions;
	readonly #failures: Failure[] = [];

	constructor(options: FuzzOptions) {
		this.#options = options;
	}

	async run(): Promise<Fuzzed> {
		const { target } = this.#options;
		const folder = workplace(target);
		try {
			const events = await this.#program(folder);
			const fuzzed = events.find(({ event }) => event === "fuzzed") ?? {};
			const { executions = events.filter(({ event }) => event === "alive").at(-1)?.executions ?? 0, milliseconds = 0 } = fuzzed;
			return {
				target,
				executions: Number(executions),
				perSecond: Math.round((Number(executions) * 1000) / Math.max(1, Number(milliseconds))),
				outcomes: (fuzzed.outcomes ?? []) as Fuzzed["outcomes"],
				kept: Number(fuzzed.kept ?? 0),
				grown: Number(events.find(({ event }) => event === "memory")?.grown ?? 0),
				failures: this.#failures,
			};
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	}

	async #program(folder: string): Promise<readonly ProgramEvent[]> {
		const { target, seconds } = this.#options;
		const program = await runXS({
			main: `test/fuzz/programs/${target}.ts`,
			parameters: parametersOf(this.#options, folder),
			timeout: seconds * 1000 + 120_000,
			variant: sanitized,
		});
		// The websocket's program tells nothing before its end.
		const patience = target === "websocket" ? seconds * 1000 + deadline : deadline;
		let seen = -1;
		let since = Date.now();
		let hangs = false;
		const watch = setInterval(() => {
			if (program.events.length !== seen) [seen, since] = [program.events.length, Date.now()];
			if (Date.now() - since < patience) return;
			hangs = true;
			program.kill();
		}, 250);
		const end = await program.done;
		clearInterval(watch);
		for (const event of program.events) if (event.event === "failure") this.#failed(event);
		if (hangs) this.#keep("hang", `no end within ${patience / 1000} s`, currentInput(folder));
		else if (end.code !== 0 || end.signal !== null)
			this.#keep(
				"crash",
				`${end.code ?? end.signal}: ${reportOf(end.output)}\n${end.output.slice(0, 6000)}`,
				currentInput(folder),
			);
		else if (!program.events.some(({ event }) => event === "fuzzed" || event === "failure"))
			this.#failures.push({ text: `ended without a word:\n${end.output}`, again: this.#again() });
		return program.events;
	}

	#failed({ text, stack, input }: ProgramEvent): void {
		const where = String(stack ?? "")
			.split("\n")
			.slice(0, 4)
			.join("\n");
		this.#keep("failure", `${String(text)}\n${where}`, input === undefined ? undefined : Buffer.from(String(input), "hex"));
	}

	#again(name?: string): string {
		const { target, seed, seconds } = this.#options;
		const how = name === undefined ? `--seed ${seed} --seconds ${seconds}` : `--input ${name}`;
		return `npm run fuzz -- --only ${target} ${how}`;
	}

	#keep(kind: string, text: string, input: Buffer | undefined): void {
		const { target, keep = join(corpusFolder, target) } = this.#options;
		if (input === undefined) {
			this.#failures.push({ text: `${kind}: ${text}`, again: this.#again() });
			return;
		}
		const name = `${kind}-${sha256(input).slice(0, 12)}`;
		const path = join(keep, name);
		mkdirSync(keep, { recursive: true });
		writeFileSync(path, input);
		this.#failures.push({ text: `${kind}: ${text}`, path: relative(root, path), again: this.#again(name) });
	}
}

export function runTarget(options: FuzzOptions): Promise<Fuzzed> {
	return new Run(options).run();
}
