/**
 * The loop that all targets share: takes inputs from the corpus and those that have led somewhere new, changes them, and looks
 * at what becomes of them. Everything it does follows from the seed and the corpus.
 */
import { SHA256 } from "fleetling/common/crypto";
import { FleetlingError } from "fleetling/error/error";
import Channel from "fleetling/host/channel";
import Files from "fleetling/host/files";
import System from "fleetling/host/system";
import Hex from "hex";
import { emit, exit, parameters } from "test/harness";
import Time from "time";
import { Random } from "../../../modules/websocket/test/random";
import { alter, type Change } from "./changes";

export interface Target {
	/** Largest input in bytes. */
	readonly most: number;
	/**
	 * Feeds one input and returns in a few words what became of it. A FleetlingError is an outcome as well; whatever else it
	 * throws is a failure. What it does beside the input follows from `random`, which follows from the input.
	 */
	run(input: Uint8Array, random: Random): string;
	/** Changes that know the format: they get past checksums and lengths. */
	readonly changes?: readonly Change[];
}

/** What the command hands in. */
const {
	folder,
	seed = 1,
	seconds = 10,
	executions = Number.POSITIVE_INFINITY,
	input: only,
} = parameters as {
	/** Holds `corpus/` and takes `current`. */
	readonly folder: string;
	readonly seed?: number;
	readonly seconds?: number;
	/** Ends after so many, whatever the time: the same run on every machine. */
	readonly executions?: number;
	/** Runs this file of the corpus and nothing else. */
	readonly input?: string;
};

/** Inputs beside the corpus that are kept because they have led somewhere new. */
const mostKept = 300;
/** Bytes of heap that may be in use after rounds of the same inputs and were not after the first: tables that have grown. */
const allowance = 2_048;
const rounds = 2;
const mostReplayed = 100;
/** Stands for a length while no input is being fed. */
const nothing = 0xffffffff;
/** Milliseconds between two signs of life. */
const beat = 500;
/** Different failures after which it is enough. */
const mostFailures = 5;

const quoted = /"[^"]*"/g;
const digits = /[0-9a-f]{16,}|[0-9]+/g;

/** What is the same in the texts of errors that mean the same. */
function shapeOf(text: string): string {
	return text.replace(quoted, '"…"').replace(digits, "#").slice(0, 120);
}

/** A number that stands for the input: what a target does at random must not depend on when it gets it. */
function seedOf(input: Uint8Array): number {
	return new DataView(new SHA256().update(input).digest()).getUint32(0, true);
}

export class Fuzzer {
	readonly #target: Target;
	readonly #random = new Random(seed);
	readonly #current = Files.openFile({ path: "current", mode: "w+" });
	readonly #length = new DataView(new ArrayBuffer(4));
	readonly #corpus: Uint8Array[] = [];
	readonly #kept: Uint8Array[] = [];
	readonly #outcomes = new Map<string, number>();
	readonly #failures = new Map<string, number>();
	#executions = 0;
	#bytes = 0;
	#last = Time.ticks;

	constructor(target: Target) {
		this.#target = target;
	}

	run(): void {
		for (const name of [...Files.scan("corpus")].sort()) if (only === undefined || name === only) this.#load(name);
		if (this.#corpus.length === 0) throw new Error(`there is no ${only ?? "corpus"}`);
		this.#playCorpus();
		const start = Time.ticks;
		while (only === undefined && Time.delta(start) < seconds * 1000 && this.#executions < executions) {
			this.#execute(this.#make());
			if (this.#failures.size >= mostFailures) break;
		}
		this.#tell(Time.delta(start));
		const grown = this.#growth();
		emit({ event: "memory", grown });
		if (grown > allowance)
			emit({ event: "failure", text: `${grown} bytes of heap were kept by ${rounds} rounds of the same inputs` });
	}

	#tell(milliseconds: number): void {
		const outcomes = [...this.#outcomes];
		emit({ event: "fuzzed", executions: this.#executions, bytes: this.#bytes, milliseconds, kept: this.#kept.length, outcomes });
	}

	/**
	 * Bytes of heap that rounds of what led to every outcome keep, beyond what the first one has left: the machine keeps each
	 * name of a JSON member that it has ever seen, and has seen all of these.
	 */
	#growth(): number {
		const inputs = [...this.#corpus, ...this.#kept].slice(-mostReplayed);
		let before = 0;
		for (let round = 0; round <= rounds; round++) {
			for (const input of inputs) this.#execute(input);
			if (round === 0) before = this.#memory();
		}
		return this.#memory() - before;
	}

	#load(name: string): void {
		const file = Files.openFile({ path: `corpus/${name}` });
		const bytes = new Uint8Array(file.status().size);
		if (bytes.byteLength > 0) file.read(bytes, 0);
		file.close();
		this.#corpus.push(bytes);
	}

	#playCorpus(): void {
		for (const input of this.#corpus) this.#execute(input);
	}

	/** A change of something known. */
	#make(): Uint8Array {
		this.#noteLength(nothing);
		const random = this.#random;
		const all = this.#corpus.length + this.#kept.length;
		const any = (): Uint8Array => {
			const at = random.below(all);
			return this.#corpus[at] ?? this.#kept[at - this.#corpus.length] ?? new Uint8Array(0);
		};
		const { changes = [], most } = this.#target;
		let input = any();
		for (let times = 1 + random.below(3); times > 0; times--) {
			const knowing = changes.length > 0 && random.below(3) > 0;
			input = knowing ? random.pick(changes)(input, random) : alter(input, random, any());
		}
		return input.byteLength > most ? input.slice(0, most) : input;
	}

	#execute(input: Uint8Array): void {
		this.#note(input);
		this.#executions++;
		this.#bytes += input.byteLength;
		let outcome: string;
		try {
			outcome = this.#target.run(input, new Random(seedOf(input)));
		} catch (error) {
			if (!(error instanceof FleetlingError)) {
				this.#fail(input, error);
				return;
			}
			outcome = `${error.code}: ${shapeOf(error.message)}`;
		}
		const times = this.#outcomes.get(outcome) ?? 0;
		this.#outcomes.set(outcome, times + 1);
		if (times === 0 && this.#kept.length < mostKept) this.#kept.push(input.slice());
	}

	/** Where it can be found when the next thing is the end of the process. */
	#note(input: Uint8Array): void {
		if (input.byteLength > 0) this.#current.write(input, 4);
		this.#noteLength(input.byteLength);
		if (Time.delta(this.#last) < beat) return;
		this.#last = Time.ticks;
		emit({ event: "alive", executions: this.#executions });
	}

	#noteLength(length: number): void {
		this.#length.setUint32(0, length, true);
		this.#current.write(this.#length.buffer as ArrayBuffer, 0);
	}

	#fail(input: Uint8Array, error: unknown): void {
		const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
		const shape = shapeOf(text);
		const times = this.#failures.get(shape) ?? 0;
		this.#failures.set(shape, times + 1);
		if (times > 0) return;
		const bytes = Hex.toString(input.slice().buffer);
		emit({ event: "failure", text, stack: error instanceof Error ? error.stack : "", input: bytes });
	}

	#memory(): number {
		Channel.collect();
		Channel.collect();
		const { slotsUsed, chunksUsed } = System.memory({});
		return slotsUsed + chunksUsed;
	}
}

/** Runs a target as the command wants it, and ends the program. */
export function fuzz(target: Target): void {
	Files.use(folder);
	new Fuzzer(target).run();
	exit();
}
