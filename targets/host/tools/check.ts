/** Lint and types, for XS and for Node. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./paths";

const binary = (name: string): string => join(root, "node_modules/.bin", name);

const checks = [
	{ name: "lint", command: binary("biome"), args: ["ci", "--error-on-warnings", "--colors=off", "."] },
	{ name: "types (XS)", command: binary("tsc"), args: ["-p", "tsconfig.json", "--noEmit"] },
	{ name: "types (ESP32)", command: binary("tsc"), args: ["-p", "targets/esp32/tsconfig.json"] },
	{ name: "types (Node)", command: binary("tsc"), args: ["-p", "test/tsconfig.json", "--noEmit"] },
	{ name: "types (browser)", command: binary("tsc"), args: ["-p", "test/browser.tsconfig.json", "--noEmit"] },
	{ name: "types (page)", command: binary("tsc"), args: ["-p", "test/demo/page", "--noEmit"] },
] as const;

for (const check of checks) {
	const result = spawnSync(check.command, check.args, { cwd: root, encoding: "utf8" });
	if (result.status !== 0) {
		process.stdout.write(`${result.stdout}${result.stderr}\n`);
		throw new Error(`${check.name}: failed`);
	}
	process.stdout.write(`${check.name}: ok\n`);
}
