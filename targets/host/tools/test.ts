/** `npm test`: lint, types, and then everything that mocha drives. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./paths";

await import("./check");
const specs = process.argv.length > 2 ? process.argv.slice(2) : ["test/*.spec.ts", "test/integration/**/*.spec.ts"];
const mocha = spawn(process.execPath, [join(root, "node_modules/mocha/bin/mocha.js"), ...specs], { cwd: root, stdio: "inherit" });
mocha.on("close", (code) => {
	process.exitCode = code ?? 1;
});
