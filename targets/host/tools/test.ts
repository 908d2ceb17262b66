/** `npm test`: lint, types, and then everything that mocha drives. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./paths";

await import("./check");
const specs = process.argv.length > 2 ? process.argv.slice(2) : ["test/*.spec.ts", "test/integration/**/*.spec.ts"];
// Two files at a time: much of a test is waiting, and the machines that the time limit is for have two cores.
const options = ["--parallel", "--jobs", "2", ...specs];
const mocha = spawn(process.execPath, [join(root, "node_modules/mocha/bin/mocha.js"), ...options], {
	cwd: root,
	stdio: "inherit",
});
mocha.on("close", (code) => {
	process.exitCode = code ?? 1;
});
