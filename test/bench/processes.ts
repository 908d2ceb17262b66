/** Processes to be measured: on a core of their own, and what they have cost. */
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** With two cores the one that is measured has one to itself, and servers have the other. */
const canPin = availableParallelism() > 1 && spawnSync("taskset", ["--version"], { stdio: "ignore" }).status === 0;

/** What is measured runs on the first core, everything that serves it on the second. */
export const cores = { measured: 0, serving: 1 } as const;
export type Core = keyof typeof cores;

export const pinning = canPin ? "measured programs on core 0, servers on core 1" : "not bound to cores";

/** Binds a process that runs already; what it starts later inherits it. */
export function pin(pid: number, core: Core): void {
	if (canPin) spawnSync("taskset", ["-a", "-c", "-p", String(cores[core]), String(pid)], { stdio: "ignore" });
}

/** A command bound to a core from its start. */
export function onCore(core: Core, command: string, args: readonly string[]): readonly [string, readonly string[]] {
	return canPin ? ["taskset", ["-c", String(cores[core]), command, ...args]] : [command, args];
}

/** Runs a program to its end and returns what it printed. */
export function run(command: string, args: readonly string[]): Promise<string> {
	const [program, all] = onCore("measured", command, args);
	return new Promise((resolve, reject) => {
		const child = spawn(program, all, { stdio: ["ignore", "pipe", "pipe"] });
		let output = "";
		let errors = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			output += text;
		});
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			errors += text;
		});
		child.on("error", reject);
		child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}: ${errors}`))));
	});
}

/** Runs a program that prints one line of JSON. */
export const runJSON = async <Result>(command: string, args: readonly string[]): Promise<Result> =>
	JSON.parse(await run(command, args)) as Result;

/** Clock ticks of /proc/PID/stat in a second, and the places of utime and stime behind the name in parentheses. */
const statTicks = 100;
const [userPlace, systemPlace] = [11, 12] as const;

/** Seconds of CPU that all threads of a process have used, system calls included. */
export function cpuSeconds(pid: number): number {
	try {
		const nanoseconds = readdirSync(`/proc/${pid}/task`).map((task) =>
			Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]),
		);
		return nanoseconds.reduce((total, value) => total + value, 0) / 1e9;
	} catch {
		// A kernel without schedstat has ticks of 10 ms.
		const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
			.replace(/^.*\) /s, "")
			.split(" ");
		return (Number(fields[userPlace]) + Number(fields[systemPlace])) / statTicks;
	}
}
