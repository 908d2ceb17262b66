#!/usr/bin/env node
/**
 * Entry of all npm commands. It needs nothing but Node: on a fresh clone it installs the npm packages from the lock file
 * and the Debian packages, and then runs the command, which is TypeScript.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const commands = {
	start: "targets/host/tools/start.ts",
	test: "targets/host/tools/test.ts",
	check: "targets/host/tools/check.ts",
	"check:sdk": "targets/esp32/tools/check-sdk.ts",
	device: "targets/host/tools/device.ts",
	image: "targets/host/tools/image.ts",
	provision: "targets/host/tools/provision.ts",
	bench: "test/bench/bench.ts",
	powercut: "test/powercut/powercut.ts",
	fuzz: "test/fuzz/fuzz.ts",
	faults: "test/faults/faults.ts",
	xs: "targets/host/tools/run.ts",
};

const [name, ...rest] = process.argv.slice(2);
const command = commands[name];
if (!command) {
	console.error(`usage: npm run <${Object.keys(commands).join("|")}> -- [options]`);
	process.exit(64);
}
if (Number(process.versions.node.split(".")[0]) < 20) {
	console.error(
		`Node 20 or newer is needed; this is ${process.version}. On Debian: https://nodejs.org explains how to install it.`,
	);
	process.exit(69);
}

/** Installs the npm packages when the lock file is not the one they were installed from. */
function installPackages() {
	const lock = createHash("sha256")
		.update(readFileSync(join(root, "package-lock.json")))
		.digest("hex");
	const stamp = join(root, "node_modules/.fleetling-lock");
	if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
	console.error("installing npm packages from the lock file");
	const result = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
	if (result.status !== 0) {
		console.error("npm ci failed: the reason stands above");
		process.exit(69);
	}
	mkdirSync(dirname(stamp), { recursive: true });
	writeFileSync(stamp, lock);
}

installPackages();
const child = spawn(
	process.execPath,
	["--import", import.meta.resolve("tsx"), join(root, "targets/host/tools/main.ts"), join(root, command), ...rest],
	{
		stdio: "inherit",
		// npm changes to the project's folder; paths on the command line are meant from where it was typed.
		cwd: process.env.INIT_CWD ?? process.cwd(),
	},
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("close", (code, signal) => process.exit(signal ? 1 : code));
