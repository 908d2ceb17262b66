/** `npm test`: lint, types, and then what mocha drives; `npm run test:long` what takes too long for every change. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths";

/** Begun first, because nothing is left to run beside them when they are begun last. */
const longest = ["unit", "resume", "device-update", "device-server", "device-decisions", "commands"];

/** The specs of `npm test`. */
function usual(): string[] {
	const specs = ["test", "test/integration"].flatMap((folder) =>
		readdirSync(join(root, folder))
			.filter((name) => name.endsWith(".spec.ts"))
			.map((name) => ({ name: name.slice(0, -".spec.ts".length), path: join(folder, name) })),
	);
	const rank = ({ name }: { readonly name: string }): number => {
		const place = longest.indexOf(name);
		return place < 0 ? longest.length : place;
	};
	return specs.sort((a, b) => rank(a) - rank(b)).map(({ path }) => path);
}

await import("./check");
const specs = process.argv.length > 2 ? process.argv.slice(2) : usual();
// Three files at a time: much of a test is waiting, and the machines that the time limit is for have two cores.
const options = ["--parallel", "--jobs", "3", ...specs];
const mocha = spawn(process.execPath, [join(root, "node_modules/mocha/bin/mocha.js"), ...options], {
	cwd: root,
	stdio: "inherit",
});
mocha.on("close", (code) => {
	process.exitCode = code ?? 1;
});
