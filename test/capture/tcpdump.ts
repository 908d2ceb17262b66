/** A capture on the loopback interface by tcpdump, taken from its standard output so that no file needs permissions. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

/** Bytes kept of each packet: link, IP and TCP headers with all their options. */
const snapLength = 128;
/** A capture is complete when nothing has arrived for so long, in milliseconds. */
const quiet = 150;
/** tcpdump that has not said within this time that it listens is given up, in milliseconds. */
const startTimeout = 5_000;

/** A finished capture. */
export interface Capture {
	/** In pcap format. */
	readonly bytes: Buffer;
	/** Packets that the kernel could not hand over: the capture is incomplete if there are any. */
	readonly dropped: number;
}

/** A running capture of one TCP port. */
export class Tcpdump {
	readonly #process: ChildProcess;
	readonly #chunks: Buffer[] = [];
	#text = "";
	#last = Date.now();

	private constructor(process: ChildProcess) {
		this.#process = process;
		process.stdout?.on("data", (chunk: Buffer) => {
			this.#chunks.push(chunk);
			this.#last = Date.now();
		});
		process.stderr?.on("data", (chunk: Buffer) => {
			this.#text += chunk.toString();
			process.emit("text");
		});
	}

	/** Starts capturing; rejects with the reason where that is not possible (not installed, not permitted). */
	static async start(port: number): Promise<Tcpdump> {
		const options = ["-i", "lo", "-n", "-s", String(snapLength), "--immediate-mode", "-U", "-w", "-", `tcp port ${port}`];
		const tcpdump = new Tcpdump(spawn("tcpdump", options, { stdio: ["ignore", "pipe", "pipe"] }));
		await tcpdump.#listening();
		return tcpdump;
	}

	/** Waits until the line is quiet and ends the capture. */
	async stop(): Promise<Capture> {
		const begun = Date.now();
		while (Date.now() - Math.max(this.#last, begun) < quiet) await sleep(quiet / 3);
		if (this.#process.exitCode === null) {
			const closed = once(this.#process, "close");
			this.#process.kill("SIGINT");
			await closed;
		}
		const dropped = Number(/(\d+) packets? dropped by kernel/.exec(this.#text)?.[1] ?? 0);
		return { bytes: Buffer.concat(this.#chunks), dropped };
	}

	#listening(): Promise<void> {
		return new Promise((resolve, reject) => {
			const settle = (outcome: () => void): void => {
				clearTimeout(timer);
				this.#process.off("text", look);
				this.#process.off("error", failed);
				this.#process.off("close", ended);
				outcome();
			};
			const look = (): void => {
				if (this.#text.includes("listening on")) settle(resolve);
			};
			const failed = (error: Error): void => settle(() => reject(new Error(`tcpdump cannot be run: ${error.message}`)));
			const ended = (): void => settle(() => reject(new Error(`tcpdump ended at once: ${this.#text.trim()}`)));
			const timer = setTimeout(() => {
				this.#process.kill("SIGKILL");
				settle(() => reject(new Error(`tcpdump did not begin within ${startTimeout} ms`)));
			}, startTimeout);
			this.#process.on("text", look);
			this.#process.on("error", failed);
			this.#process.on("close", ended);
		});
	}
}
