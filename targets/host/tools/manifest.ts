/**
 * Reads a tree of Moddable manifests the way mcconfig does, as far as Fleetling uses it: `include`, `modules` with "*"
 * and "~", `preload`, `creation`, `config`, `defines`, variables from `build`, and `platforms`.
 *
 * Source of the rules: the SDK's documentation of the manifest and tools/mcmanifest.js (8.2.3).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { moddable } from "./paths";

export interface Creation {
	static: number;
	chunk: { initial: number; incremental: number };
	heap: { initial: number; incremental: number };
	stack: number;
	keys: { initial: number; incremental: number; name: number; symbol: number };
	parser: { buffer: number; table: number };
	main: string;
}

export interface Resolved {
	/** Module specifier to source file (.ts or .js). */
	readonly modules: Map<string, string>;
	/** C files, in the order found. */
	readonly natives: string[];
	/** Specifiers in the order in which they are to be preloaded. */
	readonly preload: string[];
	readonly creation: Creation;
	readonly config: Record<string, unknown>;
	/** All manifests read, for messages and checks. */
	readonly manifests: string[];
}

interface Manifest {
	readonly build?: Readonly<Record<string, string>>;
	readonly include?: string | readonly string[];
	readonly modules?: Readonly<Record<string, string | readonly string[]>>;
	readonly preload?: string | readonly string[];
	readonly creation?: Readonly<Record<string, unknown>>;
	readonly config?: Readonly<Record<string, unknown>>;
	readonly platforms?: Readonly<Record<string, Manifest & { readonly error?: string }>>;
	readonly error?: string;
}

/** The SDK's values for a manifest that says nothing (examples/manifest_base.json and mcmanifest.js). */
const defaultCreation: Creation = {
	static: 0,
	chunk: { initial: 1536, incremental: 512 },
	heap: { initial: 512, incremental: 64 },
	stack: 256,
	keys: { initial: 32, incremental: 32, name: 53, symbol: 3 },
	parser: { buffer: 1024, table: 17 },
	main: "main",
};

const asArray = (value: string | readonly string[] | undefined): readonly string[] =>
	value === undefined ? [] : typeof value === "string" ? [value] : value;

function merge(to: Record<string, unknown>, from: Readonly<Record<string, unknown>>): void {
	for (const [key, value] of Object.entries(from)) {
		const old = to[key];
		if (old && typeof old === "object" && value && typeof value === "object")
			merge(old as Record<string, unknown>, value as Record<string, unknown>);
		else to[key] = value;
	}
}

class Resolver implements Resolved {
	readonly modules = new Map<string, string>();
	readonly natives: string[] = [];
	readonly preload: string[] = [];
	readonly creation: Creation = structuredClone(defaultCreation);
	readonly config: Record<string, unknown> = {};
	readonly manifests: string[] = [];
	readonly #platform: string;
	readonly #variables = new Map([["MODULES", join(moddable, "modules")]]);
	readonly #preloadPatterns: string[] = [];

	constructor(platform: string) {
		this.#platform = platform;
	}

	read(path: string): void {
		if (this.manifests.includes(path)) return;
		this.manifests.push(path);
		let manifest: Manifest;
		try {
			manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
		} catch (error) {
			throw new Error(`${path}: ${(error as Error).message}`);
		}
		this.#take(manifest, path);
	}

	#take(manifest: Manifest, path: string): void {
		if (manifest.error) throw new Error(`${path}: ${manifest.error}`);
		const folder = dirname(path);
		for (const [name, value] of Object.entries(manifest.build ?? {})) this.#variables.set(name, this.#expand(value, path));
		// A manifest's own entries come first: what it includes does not displace them.
		for (const [key, sources] of Object.entries(manifest.modules ?? {})) {
			for (const source of asArray(sources)) this.#module(key, resolve(folder, this.#expand(source, path)), path);
		}
		this.#preloadPatterns.push(...asArray(manifest.preload));
		if (manifest.creation) merge(this.creation as unknown as Record<string, unknown>, manifest.creation);
		if (manifest.config) merge(this.config, manifest.config);
		for (const include of asArray(manifest.include)) this.read(resolve(folder, this.#expand(include, path)));
		if (manifest.platforms) {
			const platform = manifest.platforms[this.#platform] ?? manifest.platforms["..."];
			if (platform) this.#take(platform, path);
		}
	}

	#expand(text: string, path: string): string {
		return text.replace(/\$\((\w+)\)/g, (_, name: string) => {
			const value = this.#variables.get(name) ?? process.env[name];
			if (value === undefined) throw new Error(`${path}: $(${name}) is not known`);
			return value;
		});
	}

	#module(key: string, source: string, path: string): void {
		if (key === "~") {
			this.modules.delete(basename(source));
			return;
		}
		const prefix = key.endsWith("*") ? key.slice(0, -1) : undefined;
		const bases = basename(source) === "*" ? basesIn(dirname(source)) : [source];
		for (const base of bases) this.#source(prefix === undefined ? key : prefix + basename(base), base, path);
	}

	#source(specifier: string, base: string, path: string): void {
		const script = [".ts", ".js", ".mjs"].map((extension) => base + extension).find(existsSync);
		const native = `${base}.c`;
		const hasNative = existsSync(native);
		if (!script && !hasNative) throw new Error(`${path}: no source for "${specifier}" at ${base}`);
		if (script && !this.modules.has(specifier)) this.modules.set(specifier, script);
		if (hasNative && !this.natives.includes(native)) this.natives.push(native);
	}

	finish(): this {
		for (const pattern of this.#preloadPatterns) {
			const matches = pattern.endsWith("*")
				? [...this.modules.keys()].filter((name) => name.startsWith(pattern.slice(0, -1)))
				: this.modules.has(pattern)
					? [pattern]
					: [];
			if (matches.length === 0) throw new Error(`preload "${pattern}": no such module`);
			for (const name of matches) if (!this.preload.includes(name)) this.preload.push(name);
		}
		return this;
	}
}

/** Files of a folder that can be modules, without their extensions. */
function basesIn(folder: string): string[] {
	const bases = new Set<string>();
	for (const file of readdirSync(folder).sort()) {
		if (/\.(ts|js|mjs|c)$/.test(file) && !file.endsWith(".d.ts")) bases.add(join(folder, file.replace(/\.\w+$/, "")));
	}
	return [...bases];
}

export function resolveManifests(paths: readonly string[], platform = "host"): Resolved {
	const resolver = new Resolver(platform);
	for (const path of paths) resolver.read(resolve(path));
	return resolver.finish();
}
