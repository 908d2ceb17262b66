/**
 * Runs one test file or program on XS: `npx tsx targets/host/tools/run.ts --test FILE [--only TEXT] [--bits 32] [--sanitize] [--release]`.
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { testFileCreation, writeProgram } from "./program";
import { buildRuntime } from "./runtime";
import { compileScripts } from "./scripts";

const { values } = parseArgs({
	options: {
		test: { type: "string" },
		program: { type: "string" },
		only: { type: "string" },
		bits: { type: "string", default: "64" },
		sanitize: { type: "boolean", default: false },
		release: { type: "boolean", default: false },
		timeout: { type: "string", default: "20000" },
		parameters: { type: "string", default: "{}" },
	},
});
const main = values.test ?? values.program;
if (main === undefined) throw new Error("--test FILE or --program FILE is needed");

await compileScripts();
const runtime = await buildRuntime({
	bits: values.bits === "32" ? 32 : 64,
	mode: values.release ? "release" : "debug",
	sanitize: values.sanitize,
});
const archive = writeProgram(main, values.test === undefined ? {} : { creation: testFileCreation });
const driver = {
	mode: values.test === undefined ? "program" : "run",
	...(values.only === undefined ? {} : { only: values.only }),
	timeout: Number(values.timeout),
	parameters: JSON.parse(values.parameters) as unknown,
};
const child = spawn(runtime, ["--archive", archive, "--watchdog", "0", "--events", "3", "--parameters", JSON.stringify(driver)], {
	stdio: ["ignore", "inherit", "inherit", "pipe"],
});
const events = child.stdio[3] as NodeJS.ReadableStream;
let passed = 0;
let failed = 0;
createInterface({ input: events }).on("line", (line) => {
	const event = JSON.parse(line) as { event?: string; name?: string; ok?: boolean; message?: string; stack?: string };
	if (event.event === "test") {
		if (event.ok) passed++;
		else failed++;
		process.stdout.write(
			event.ok ? `  ok   ${event.name}\n` : `  FAIL ${event.name}\n       ${event.message}\n${event.stack ?? ""}\n`,
		);
	} else if (event.event !== "end") process.stdout.write(`${line}\n`);
});
child.on("close", (code, signal) => {
	rmSync(archive, { force: true });
	process.stdout.write(`${passed} passed, ${failed} failed${signal ? ` (${signal})` : ""}\n`);
	process.exitCode = code ?? 1;
});
