/** A device on the host: a flash file and the process that runs what is in it, restarts included. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { makeFlash } from "../image/flash";
import { parsePartitions } from "../image/partitions";
import { hostFolder } from "./paths";
import { selectedSlot } from "./slots";

export interface DeviceEvent {
	readonly event: string;
	readonly [name: string]: unknown;
}

export interface HostDeviceOptions {
	/** Path of the runtime (buildRuntime). */
	readonly runtime: string;
	readonly flash: string;
	readonly settings?: Readonly<Record<string, string>>;
	/** Configuration whose value is the contents of a file. */
	readonly files?: Readonly<Record<string, string>>;
	readonly mac?: string;
	/** Further options of the runtime. */
	readonly arguments?: readonly string[];
	readonly environment?: Readonly<Record<string, string>>;
	/** Hears the serial console. */
	readonly onConsole?: (text: string) => void;
	readonly onEvent?: (event: DeviceEvent) => void;
}

export interface DeviceEnd {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly output: string;
}

/** Makes a flash file as a factory does: partition table, the image in the first slot, everything else blank. */
export function flashDevice(path: string, image: Buffer, partitions = "partitions.csv"): void {
	makeFlash({
		path,
		partitions: parsePartitions(readFileSync(join(hostFolder, partitions), "utf8")),
		contents: { ota_0: image },
	});
}

export class HostDevice {
	readonly events: DeviceEvent[] = [];
	readonly done: Promise<DeviceEnd>;
	readonly #child: ChildProcess;
	readonly #flash: string;
	readonly #waiters = new Set<() => void>();
	#output = "";
	#end: DeviceEnd | undefined;

	constructor(options: HostDeviceOptions) {
		if (!existsSync(options.flash)) throw new Error(`${options.flash}: there is no such flash file`);
		this.#flash = options.flash;
		const args = ["--flash", options.flash, "--events", "3"];
		if (options.mac !== undefined) args.push("--mac", options.mac);
		for (const [key, value] of Object.entries(options.settings ?? {})) args.push("--set", `${key}=${value}`);
		for (const [key, path] of Object.entries(options.files ?? {})) args.push("--set-file", `${key}=${path}`);
		// A device that nobody watches any more would restart for ever.
		args.push("--tethered");
		this.#child = spawn(options.runtime, [...args, ...(options.arguments ?? [])], {
			stdio: ["ignore", "pipe", "pipe", "pipe"],
			env: { ...process.env, ...options.environment },
			// A Ctrl-C on the terminal is for the command, which then cuts the power.
			detached: true,
		});
		for (const stream of [this.#child.stdout, this.#child.stderr]) {
			stream?.setEncoding("utf8").on("data", (text: string) => {
				this.#output += text;
				options.onConsole?.(text);
				this.#wake();
			});
		}
		createInterface({ input: this.#child.stdio[3] as NodeJS.ReadableStream }).on("line", (line) => {
			const event = JSON.parse(line) as DeviceEvent;
			this.events.push(event);
			options.onEvent?.(event);
			this.#wake();
		});
		this.done = new Promise((resolve, reject) => {
			this.#child.on("error", reject);
			this.#child.on("close", (code, signal) => {
				this.#end = { code, signal, output: this.#output };
				resolve(this.#end);
				this.#wake();
			});
		});
	}

	/** Everything the serial console showed. */
	get output(): string {
		return this.#output;
	}

	get pid(): number {
		return this.#child.pid ?? 0;
	}

	/** Version of the firmware that runs. */
	get version(): string | undefined {
		return this.boots.at(-1)?.version as string | undefined;
	}

	get boots(): readonly DeviceEvent[] {
		return this.events.filter((event) => event.event === "boot");
	}

	/** Whether the firmware that runs is confirmed in flash. */
	get confirmed(): boolean {
		const selected = selectedSlot(this.#flash);
		return selected?.state === "valid" && selected.label === this.boots.at(-1)?.slot;
	}

	#wake(): void {
		for (const wake of this.#waiters) wake();
	}

	/** Waits until `condition` holds, looking when anything happens and ten times a second; rejects at the end of the device or of the time. */
	until(what: string, condition: (device: this) => boolean, timeout = 60_000): Promise<void> {
		return new Promise((resolve, reject) => {
			const finish = (error?: Error): void => {
				clearInterval(interval);
				clearTimeout(timer);
				this.#waiters.delete(look);
				if (error) reject(error);
				else resolve();
			};
			const look = (): void => {
				if (condition(this)) finish();
				else if (this.#end)
					finish(
						new Error(`the device ended (${this.#end.code ?? this.#end.signal}) before ${what}:\n${this.#output.slice(-4000)}`),
					);
			};
			const interval = setInterval(look, 100);
			const timer = setTimeout(
				() => finish(new Error(`not within ${timeout / 1000} s: ${what}\n${this.#output.slice(-4000)}`)),
				timeout,
			);
			this.#waiters.add(look);
			look();
		});
	}

	/** Pulls the plug. */
	async cutPower(): Promise<void> {
		this.#child.kill("SIGKILL");
		await this.done;
	}
}
