/** A flash model in a process of its own: one process is one boot of a device. */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { buildProgram } from "./build";

export type Answer = Readonly<Record<string, unknown>> & { readonly error: string };

/** Exit codes of targets/host/idf/include/host_flash.h. */
export const powerCut = 75;
export const restart = 76;

export class ShellEnded extends Error {
	override readonly name = "ShellEnded";
	readonly code: number | null;
	constructor(code: number | null, output: string) {
		super(`the shell ended with ${code}: ${output}`);
		this.code = code;
	}
}

interface Pending {
	readonly resolve: (answer: Answer) => void;
	readonly reject: (error: Error) => void;
}

export class Shell {
	readonly #child: ChildProcessWithoutNullStreams;
	readonly #pending: Pending[] = [];
	readonly #end: Promise<number | null>;
	#output = "";

	constructor() {
		this.#child = spawn(buildProgram("shell"), { stdio: "pipe" });
		this.#child.stdin.on("error", () => {});
		this.#child.stderr.on("data", (data: Buffer) => {
			this.#output += data.toString();
		});
		createInterface({ input: this.#child.stdout }).on("line", (line) =>
			this.#pending.shift()?.resolve(JSON.parse(line) as Answer),
		);
		this.#end = new Promise((resolve) => {
			this.#child.on("close", (code) => {
				for (const { reject } of this.#pending.splice(0)) reject(new ShellEnded(code, this.#output));
				resolve(code);
			});
		});
	}

	/** A shell with an open flash. */
	static async open(path: string): Promise<Shell> {
		const shell = new Shell();
		await shell.ok("open", path);
		return shell;
	}

	/** What the model wrote to stderr. */
	get output(): string {
		return this.#output;
	}

	/** The answer to a command, whatever it is. Rejects with ShellEnded when the process ends instead. */
	run(...words: readonly (string | number)[]): Promise<Answer> {
		return new Promise((resolve, reject) => {
			this.#pending.push({ resolve, reject });
			this.#child.stdin.write(`${words.join(" ")}\n`);
		});
	}

	async ok(...words: readonly (string | number)[]): Promise<Answer> {
		const answer = await this.run(...words);
		assert.equal(answer.error, "ESP_OK", `${words.join(" ")}: ${JSON.stringify(answer)}`);
		return answer;
	}

	async fails(error: string, ...words: readonly (string | number)[]): Promise<Answer> {
		const answer = await this.run(...words);
		assert.equal(answer.error, error, words.join(" "));
		return answer;
	}

	/** The exit code of a command that ends the process. */
	async ends(...words: readonly (string | number)[]): Promise<number | null> {
		try {
			const answer = await this.run(...words);
			assert.fail(`${words.join(" ")} should have ended the process: ${JSON.stringify(answer)}`);
		} catch (error) {
			if (error instanceof ShellEnded) return error.code;
			throw error;
		}
	}

	/** Ends the process as a power switch would, and checks that the sanitizers had nothing to say. */
	async close(): Promise<void> {
		this.#child.stdin.end();
		const code = await this.#end;
		if (code !== powerCut && code !== restart) assert.equal(code, 0, this.#output);
	}
}
