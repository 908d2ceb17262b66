/** The layers of src/: each may import only what stands below it (DESIGN.md). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { root } from "../targets/host/tools/paths";

/** From the top down. */
const layers = [
	"main.ts",
	"console.ts",
	"setup.ts",
	"start.ts",
	"managed.ts",
	"powers.ts",
	"servers",
	"agent",
	"management",
	"update",
	"common",
] as const;
/** Files are read by people: a longer one has more than one concept. */
const longestFile = 400;

interface Import {
	readonly file: string;
	readonly target: string;
}

const importPattern = /(?:^|\n)\s*(?:import|export)\b[^;"']*?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

/** Imports of one source text as paths below the project, or as specifiers where they are bare. */
function importsOf(file: string, text: string): Import[] {
	return [...text.matchAll(importPattern)].map((match) => {
		const name = match[1] ?? match[2] ?? "";
		return { file, target: name.startsWith(".") ? relative(root, resolve(root, dirname(file), name)) : name };
	});
}

const layerOf = (path: string): number =>
	layers.findIndex(
		(layer) => [layer, layer.replace(".ts", "")].some((name) => path === `src/${name}`) || path.startsWith(`src/${layer}/`),
	);

/** What is wrong with an import, or undefined. */
function fault({ file, target }: Import): string | undefined {
	const from = layerOf(file);
	const specifier = /^fleetling\/(error|frozen|crypto|tls|http|websocket|mqtt|ota)\//.test(target)
		? undefined
		: target.match(/^fleetling\/(.+)$/)?.[1];
	const to = layerOf(specifier === undefined ? target : `src/${specifier}`);
	if (target.startsWith("targets/") || (specifier?.startsWith("host/") ?? false)) return `${file} imports the target's ${target}`;
	if (file.startsWith("src/")) {
		if (from < 0) return `${file} is in no layer`;
		if (specifier === "target") return file === "src/main.ts" ? undefined : `${file} imports the device; only src/main.ts may`;
		if (to >= 0 && to < from) return `${file} imports ${target}, which is above it`;
		const own = file.match(/^src\/servers\/([^/]+)\//)?.[1];
		const other = target.match(/^src\/servers\/([^/]+)\//)?.[1];
		if (own !== undefined && other !== undefined && own !== other) return `${file} imports another server's ${target}`;
	}
	if (file.startsWith("modules/")) {
		if (to >= 0) return `${file} imports ${target}: modules stand alone`;
	}
	return undefined;
}

function sources(folder: string, pattern: RegExp): string[] {
	return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
		.map((file) => join(folder, file))
		.filter((file) => pattern.test(file) && !file.includes("node_modules"));
}

describe("layers", () => {
	it("no file imports upwards", () => {
		const files = ["src", "modules"]
			.flatMap((folder) => sources(folder, /\.(ts|js)$/))
			.filter((file) => !file.includes("/test/"));
		assert.ok(files.length > 10, "no sources found");
		const faults = files.flatMap((file) => importsOf(file, readFileSync(join(root, file), "utf8"))).map(fault);
		assert.deepEqual(
			faults.filter((text) => text !== undefined),
			[],
		);
	});

	const wrong: readonly (readonly [string, string])[] = [
		["src/common/log.ts", 'import { Agent } from "../agent/agent";'],
		["src/common/log.ts", 'export { x } from "fleetling/update/boot";'],
		["src/update/boot.ts", 'import type { Session } from "../agent/session";'],
		["src/agent/agent.ts", 'import rdfm from "../servers/rdfm/rdfm";'],
		["src/agent/agent.ts", 'import device from "fleetling/target";'],
		["src/agent/agent.ts", 'const x = await import("../main");'],
		["src/agent/agent.ts", 'import System from "fleetling/host/system";'],
		["src/servers/rdfm/rdfm.ts", 'import x from "../mender/api";'],
		["src/main.ts", 'import x from "../targets/host/target";'],
		["modules/http/http.ts", 'import { log } from "../../src/common/log";'],
		["modules/http/http.ts", 'import { log } from "fleetling/common/log";'],
	];
	for (const [file, text] of wrong) {
		it(`refuses ${text} in ${file}`, () => {
			assert.ok(importsOf(file, text).some((found) => fault(found) !== undefined));
		});
	}

	const right: readonly (readonly [string, string])[] = [
		["src/main.ts", 'import device from "fleetling/target";\nimport { Agent } from "fleetling/agent/agent";'],
		[
			"src/servers/rdfm/rdfm.ts",
			'import type { Server } from "../../agent/server";\nimport { HTTPClient } from "fleetling/http/http";',
		],
		["src/agent/agent.ts", 'import { log } from "../common/log";\nimport Timer from "timer";'],
	];
	for (const [file, text] of right) {
		it(`allows ${text.replace("\n", " ")} in ${file}`, () => {
			assert.deepEqual(importsOf(file, text).map(fault).filter(Boolean), []);
		});
	}
});

describe("house rules", () => {
	it(`no source file is longer than ${longestFile} lines`, () => {
		const long = ["src", "modules", "targets", "test"]
			.flatMap((folder) => sources(folder, /\.(ts|js|c|h)$/))
			.filter((file) => readFileSync(join(root, file), "utf8").split("\n").length > longestFile + 1);
		assert.deepEqual(long, []);
	});
	it("every module folder has a README", () => {
		const without = readdirSync(join(root, "modules")).filter(
			(name) => !readdirSync(join(root, "modules", name)).includes("README.md"),
		);
		assert.deepEqual(without, []);
	});
});
