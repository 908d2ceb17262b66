/** Archives of test programs: a main module and all that it imports. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { makeArchive } from "./archive";
import type { Creation, Resolved } from "./manifest";
import { resolveManifests } from "./manifest";
import { buildFolder, root } from "./paths";
import { loadScript } from "./scripts";

/** Everything a test can import by its specifier. */
function available(): Resolved {
	const manifests = [join(root, "test/xs/manifest.json"), join(root, "manifest.json")];
	for (const name of readdirSync(join(root, "modules"))) manifests.push(join(root, "modules", name, "manifest.json"));
	return resolveManifests(manifests.filter(existsSync));
}

const importPattern =
	/^\s*(?:(?:import|export)\b[^;"'@]*?\bfrom\s*|import\s*)["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

function importsOf(path: string): string[] {
	return [...loadScript(path).source.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? "");
}

/** Specifier of a project file that no manifest names: its path. */
const specifierOf = (path: string): string => relative(root, path).replace(/\.\w+$/, "");

/**
 * Follows the imports of a main module. What a manifest names keeps its specifier; other files of the project are found
 * relative to the file that imports them.
 */
export function resolveProgram(main: string): { readonly resolved: Resolved; readonly main: string } {
	const all = available();
	const modules = new Map<string, string>();
	const bySource = new Map([...all.modules].map(([specifier, path]) => [path, specifier]));
	const add = (specifier: string, path: string): void => {
		if (modules.has(specifier)) return;
		modules.set(specifier, path);
		for (const name of importsOf(path)) {
			if (name === "mc/config") continue;
			const target = name.startsWith(".")
				? resolveRelative(specifier, path, name)
				: { specifier: name, path: all.modules.get(name) };
			if (target.path === undefined) throw new Error(`${path} imports "${name}", which no manifest names`);
			add(target.specifier, target.path);
		}
	};
	const resolveRelative = (specifier: string, path: string, name: string): { specifier: string; path: string | undefined } => {
		const byName = join(dirname(specifier), name);
		const named = all.modules.get(byName);
		if (named !== undefined) return { specifier: byName, path: named };
		const base = resolve(dirname(path), name);
		const file = [`${base}.ts`, `${base}.js`, base].find((candidate) => existsSync(candidate));
		// XS resolves a relative specifier against that of the importing module, so both must be of the same tree.
		return { specifier: byName, path: file === undefined || bySource.has(file) ? undefined : file };
	};
	const mainSpecifier = bySource.get(resolve(main)) ?? specifierOf(resolve(main));
	add(mainSpecifier, resolve(main));
	const preload = all.preload.filter((name) => modules.has(name));
	return {
		resolved: {
			...all,
			modules,
			preload,
			natives: all.natives,
			creation: all.creation,
			config: all.config,
			manifests: all.manifests,
		},
		main: mainSpecifier,
	};
}

/**
 * Room for a file of tests. It carries a test framework, which the collector marks each time: with a device's memory, which grows
 * by 64 slots, that took three quarters of the time of all tests. The stack stays a device's.
 */
export const testFileCreation = {
	chunk: { initial: 1 << 20, incremental: 1 << 18 },
	heap: { initial: 1 << 16, incremental: 1 << 14 },
} as const satisfies Partial<Creation>;

let written = 0;

interface ProgramOptions {
	readonly creation?: Partial<Creation>;
	readonly config?: Record<string, unknown>;
}

/** The archive of a program. */
export function programArchive(main: string, options: ProgramOptions = {}): Buffer {
	const program = resolveProgram(main);
	return makeArchive(program.resolved, { main: program.main, ...options });
}

/** Writes the archive of a program and returns its path. */
export function writeProgram(main: string, options: ProgramOptions = {}): string {
	const bytes = programArchive(main, options);
	const folder = join(buildFolder, "programs");
	mkdirSync(folder, { recursive: true });
	// Programs run side by side, and each removes its archive when it ends.
	const path = join(folder, `${basename(main, ".ts")}-${process.pid}-${written++}.xsma`);
	writeFileSync(path, bytes);
	return path;
}
