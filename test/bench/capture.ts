/** A capture of one port on loopback with all that the packets hold; test/capture keeps their headers only. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Packets are in the file when nothing has come for so long, in milliseconds. */
const quiet = 200;
const startTimeout = 5_000;

export class Capture {
	readonly #process: ChildProcess;
	readonly #file: string;

	private constructor(process: ChildProcess, file: string) {
		this.#process = process;
		this.#file = file;
	}

	/** Rejects where that is not possible: not installed, not permitted. */
	static async start(port: number, file: string): Promise<Capture> {
		const options = ["-i", "lo", "-n", "-s", "0", "--immediate-mode", "-U", "-Z", "root", "-w", file, `tcp port ${port}`];
		const process = spawn("tcpdump", options, { stdio: ["ignore", "ignore", "pipe"] });
		let text = "";
		await new Promise<void>((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`tcpdump did not begin within ${startTimeout} ms`)), startTimeout);
			const end = (): void => {
				clearTimeout(timer);
				reject(new Error(`tcpdump cannot capture here: ${text.trim()}`));
			};
			process.once("error", reject);
			process.once("close", end);
			process.stderr?.setEncoding("utf8").on("data", (data: string) => {
				text += data;
				if (!text.includes("listening on")) return;
				clearTimeout(timer);
				process.off("close", end);
				resolve();
			});
		});
		return new Capture(process, file);
	}

	/** Ends the capture and returns it in pcap format. */
	async stop(): Promise<Buffer> {
		await sleep(quiet);
		const closed = once(this.#process, "close");
		this.#process.kill("SIGINT");
		await closed;
		const bytes = readFileSync(this.#file);
		rmSync(this.#file);
		return bytes;
	}
}
