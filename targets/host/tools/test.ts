/** `npm test`: lint, types, and then what mocha drives; `npm run test:long` what takes too long for every change. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./paths";

await import("./check");
const usual = ["test/*.spec.ts", "test/integration/**/*.spec.ts"];
const specs = process.argv.length > 2 ? process.argv.slice(2) : usual;
// Three files at a time: much of a test is waiting, and the machines that the time limit is for have two cores.
const options = ["--parallel", "--jobs", "3", ...specs];
const mocha = spawn(process.execPath, [join(root, "node_modules/mocha/bin/mocha.js"), ...options], {
	cwd: root,
	stdio: "inherit",
});
mocha.on("close", (code) => {
	process.exitCode = code ?? 1;
});
