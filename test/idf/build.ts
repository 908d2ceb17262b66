/** Compiles the C programs of this folder together with the flash model, with AddressSanitizer and UndefinedBehaviorSanitizer. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { buildFolder, root } from "../../targets/host/tools/paths";

const modelFolder = join(root, "targets/host/idf");
const otaFolder = join(root, "modules/ota");
const ownFolder = join(root, "test/idf");
/** These are for XS and need its headers. */
const bindings = new Set(["keyvalue.c", "flashcontrol.c"]);

const flags = [
	...["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-O1"],
	...["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
	...[join(modelFolder, "include"), modelFolder, otaFolder].map((folder) => `-I${folder}`),
];

export type ProgramName = "shell" | "nvs-sweep" | "update-sweep" | "damage";

const filesIn = (folder: string, ending: string): string[] =>
	readdirSync(folder)
		.filter((file) => file.endsWith(ending) && !bindings.has(file))
		.map((file) => join(folder, file))
		.sort();

function hash(files: readonly string[]): string {
	const digest = createHash("sha256").update(flags.join(" "));
	for (const file of files) digest.update(file).update(readFileSync(file));
	return digest.digest("hex").slice(0, 16);
}

function compile(args: readonly string[], folder: string): void {
	execFileSync("gcc", [...flags, ...args], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
}

/** Path of the program; it is compiled when it, or anything that it is made of, has changed. */
export function buildProgram(name: ProgramName): string {
	const sources = [...filesIn(modelFolder, ".c"), join(otaFolder, "slotwriter.c")];
	const headers = [modelFolder, join(modelFolder, "include"), otaFolder].flatMap((folder) => filesIn(folder, ".h"));
	const main = join(ownFolder, `${name}.c`);
	const folder = join(buildFolder, "idf", hash([...sources, ...headers]));
	const program = join(folder, `${name}-${hash([main])}`);
	if (existsSync(program)) return program;
	mkdirSync(folder, { recursive: true });
	const objects = sources.map((file) => join(folder, basename(file).replace(/\.c$/, ".o")));
	if (!objects.every(existsSync)) compile(["-c", ...sources], folder);
	const temporary = `${program}.${process.pid}`;
	compile([main, ...objects, "-lmbedcrypto", "-o", temporary], folder);
	renameSync(temporary, program);
	return program;
}
