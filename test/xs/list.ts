/** Prints the names of all unit tests as JSON, by file: mocha wants to know them before anything runs. */
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../../targets/host/tools/paths";
import { prepareRuntime, runXS } from "./driver";

function testFiles(folder: string): string[] {
	return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
		.filter((file) => file.endsWith(".test.ts"))
		.map((file) => relative(root, join(root, folder, file)))
		.sort();
}

async function namesOf(main: string): Promise<string[]> {
	const program = await runXS({ main, mode: "list" });
	const end = await program.done;
	const list = program.events.find((event) => event.event === "tests");
	if (!list) throw new Error(`${main} has no tests or does not load (${end.code ?? end.signal}):\n${end.output}`);
	return list.names as string[];
}

await prepareRuntime();
const suites: Record<string, string[]> = {};
for (const file of ["test/xs", "modules", "test/unit"].flatMap(testFiles)) suites[file] = await namesOf(file);
process.stdout.write(JSON.stringify(suites));
