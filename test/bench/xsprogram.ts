/** Runs a program of programs/ on the release build and measures its rounds from outside. */
import { spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { withLock } from "../../targets/host/tools/lock";
import { root, scriptFolder } from "../../targets/host/tools/paths";
import { writeProgram } from "../../targets/host/tools/program";
import { compileScripts } from "../../targets/host/tools/scripts";
import { cpuSeconds, onCore } from "./processes";

export interface Rounds {
	/** Microseconds of each round. */
	readonly wall: readonly number[];
	/** Microseconds of CPU for one, on average. */
	readonly cpu: number;
}

/** The programs are no part of the firmware's or the tests' scripts: they have their own tsconfig.json. */
export async function compilePrograms(): Promise<void> {
	await compileScripts();
	await withLock("scripts", async () => {
		const compiler = join(root, "node_modules/typescript/bin/tsc");
		const project = join(root, "test/bench/programs/tsconfig.json");
		const output = ["--outDir", scriptFolder, "--rootDir", root, "--noCheck", "--noEmitOnError", "false"];
		const result = spawnSync(process.execPath, [compiler, "-p", project, ...output], { encoding: "utf8", cwd: root });
		if (result.status !== 0) throw new Error(`tsc failed:\n${result.stdout}${result.stderr}`);
	});
}

interface Event {
	readonly event: string;
	readonly wall?: readonly number[];
}

export async function measureXS(runtime: string, name: string, parameters: Readonly<Record<string, unknown>>): Promise<Rounds> {
	const archive = writeProgram(join(root, `test/bench/programs/${name}.ts`));
	const driver = JSON.stringify({ mode: "program", parameters });
	const options = ["--archive", archive, "--watchdog", "0", "--events", "3", "--control", "4", "--parameters", driver];
	const [program, args] = onCore("measured", runtime, options);
	const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"] });
	const pid = child.pid ?? 0;
	const control = child.stdio[4] as NodeJS.WritableStream;
	let output = "";
	for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += data));
	let cpu = 0;
	let wall: readonly number[] = [];
	createInterface({ input: child.stdio[3] as NodeJS.ReadableStream }).on("line", (line) => {
		const event = JSON.parse(line) as Event;
		if (event.event === "ready") {
			cpu = cpuSeconds(pid);
			control.write('"begin"\n');
		} else if (event.event === "measured") {
			cpu = cpuSeconds(pid) - cpu;
			wall = event.wall ?? [];
			control.write('"end"\n');
		}
	});
	const code = await new Promise((resolve) => child.on("close", resolve));
	rmSync(archive, { force: true });
	if (code !== 0 || wall.length === 0) throw new Error(`${name} on XS ended with ${code}:\n${output}`);
	return { wall, cpu: (cpu * 1e6) / wall.length };
}
