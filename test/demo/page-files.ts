/** The files of the page: what lies in page/, compiled where it is TypeScript, and the terminal from its npm package. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "../../targets/host/tools/lock";
import { buildFolder, root } from "../../targets/host/tools/paths";

export interface PageFile {
	readonly type: string;
	readonly content: Buffer;
}

const sources = join(root, "test/demo/page");
const compiled = join(buildFolder, "page");

const types = {
	html: "text/html; charset=utf-8",
	css: "text/css; charset=utf-8",
	js: "text/javascript; charset=utf-8",
	svg: "image/svg+xml",
} as const;

/** Path on the page, kind, file. */
const fixed: readonly (readonly [string, keyof typeof types, string])[] = [
	["", "html", join(sources, "index.html")],
	["page.css", "css", join(sources, "page.css")],
	["icon.svg", "svg", join(sources, "icon.svg")],
	["xterm.css", "css", join(root, "node_modules/@xterm/xterm/css/xterm.css")],
	["xterm.js", "js", join(root, "node_modules/@xterm/xterm/lib/xterm.mjs")],
	["xterm-fit.js", "js", join(root, "node_modules/@xterm/addon-fit/lib/addon-fit.mjs")],
];

/** Browsers take no TypeScript. Types are checked by `npm test`. */
function compile(): void {
	const tsc = join(root, "node_modules/typescript/bin/tsc");
	const result = spawnSync(process.execPath, [tsc, "-p", sources, "--outDir", compiled, "--noCheck"], { encoding: "utf8" });
	if (result.status !== 0) throw new Error(`the page could not be compiled:\n${result.stdout}${result.stderr}`);
}

/** All files by their path below the page's address. They are held in memory: another demo may compile them anew. */
export function pageFiles(): Promise<ReadonlyMap<string, PageFile>> {
	return withLock("page", async () => {
		compile();
		const scripts = readdirSync(compiled)
			.filter((name) => name.endsWith(".js"))
			.map((name) => [name, "js", join(compiled, name)] as const);
		const files = [...fixed, ...scripts];
		return new Map(files.map(([path, kind, file]) => [path, { type: types[kind], content: readFileSync(file) }]));
	});
}

/** Hash of the page's one inline script, the map of module names, for the policy that forbids all others. */
export function inlineScriptHash(html: string): string {
	const text = html.match(/<script type="importmap">(.*?)<\/script>/s)?.[1] ?? "";
	return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
