/** TypeScript to JavaScript for XS: one run of tsc over the project, file by file, with source maps. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { withLock } from "./lock";
import { root, scriptFolder } from "./paths";

/** Where TypeScript for XS lies (tsconfig.json). */
const folders = [
	"src",
	"modules",
	"targets/esp32",
	"targets/host",
	"test/unit",
	"test/xs",
	"test/integration/programs",
	"test/fuzz/programs",
	"test/firmware",
	"test/bench/programs",
];

/** Changes with every source file: what has been compiled is not compiled again, and not under the feet of another command. */
function fingerprint(): string {
	const digest = createHash("sha256").update(readFileSync(join(root, "tsconfig.json")));
	for (const folder of folders) {
		if (!existsSync(join(root, folder))) continue;
		for (const file of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).sort()) {
			if (!file.endsWith(".ts")) continue;
			const { mtimeMs, size } = statSync(join(root, folder, file));
			digest.update(`${folder}/${file}:${mtimeMs}:${size}\n`);
		}
	}
	return digest.digest("hex");
}

/**
 * Emits JavaScript for all TypeScript that can run on XS. Types are checked by `npm run check`, not here, so that a file
 * which is being written does not stop the others from running.
 */
export async function compileScripts(): Promise<void> {
	await withLock("scripts", async () => {
		mkdirSync(scriptFolder, { recursive: true });
		const stamp = join(scriptFolder, "compiled");
		const sources = fingerprint();
		if (existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return;
		const result = spawnSync(
			process.execPath,
			[
				join(root, "node_modules/typescript/bin/tsc"),
				...["-p", join(root, "tsconfig.json"), "--outDir", scriptFolder, "--rootDir", root],
				...["--noCheck", "--noEmitOnError", "false"],
			],
			{ encoding: "utf8", cwd: root },
		);
		if (result.status !== 0) throw new Error(`tsc failed:\n${result.stdout}${result.stderr}`);
		writeFileSync(stamp, sources);
	});
}

export interface Script {
	readonly source: string;
	/** Source map as JSON, or "". */
	readonly map: string;
}

/** The JavaScript of one module: what tsc made of a .ts, or a .js as it is. Source maps name files relative to the project. */
export function loadScript(path: string): Script {
	if (!path.endsWith(".ts")) return { source: readFileSync(path, "utf8"), map: "" };
	const output = join(scriptFolder, relative(root, path).replace(/\.ts$/, ".js"));
	if (!existsSync(output) || statSync(output).mtimeMs < statSync(path).mtimeMs)
		throw new Error(`${path} was not compiled: is it in tsconfig.json?`);
	const map = JSON.parse(readFileSync(`${output}.map`, "utf8")) as {
		version: number;
		sources: string[];
		mappings: string;
		names: string[];
	};
	return {
		source: readFileSync(output, "utf8").replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n"),
		map: JSON.stringify({ version: map.version, sources: [relative(root, path)], names: map.names, mappings: map.mappings }),
	};
}
