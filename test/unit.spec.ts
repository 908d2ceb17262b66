/**
 * The unit tests run on XS; mocha drives them, reports and fails. Each file is one program: its tests are asked for first,
 * so that mocha knows their names, and run in one go when the first of them is due.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../targets/host/tools/paths";
import { type ProgramEvent, runXS, type XSProgram } from "./xs/driver";

/** Milliseconds that one file may take, the longest being key generation in software. */
const fileTimeout = 120_000;

const list = execFileSync(process.execPath, ["--import", "tsx", join(root, "test/xs/list.ts")], {
	cwd: root,
	encoding: "utf8",
	stdio: ["ignore", "pipe", "inherit"],
	maxBuffer: 1 << 24,
});
const suites = JSON.parse(list) as Readonly<Record<string, readonly string[]>>;

describe("unit tests on XS", () => {
	for (const [file, names] of Object.entries(suites)) {
		describe(file, () => {
			let program: Promise<XSProgram> | undefined;
			for (const name of names) {
				it(name, async function () {
					this.timeout(fileTimeout);
					program ??= runXS({ main: file, mode: "run", timeout: fileTimeout });
					const isResult = (event: ProgramEvent): boolean => event.event === "test" && event.name === name;
					const result = await (await program).waitFor(isResult);
					if (!result.ok) assert.fail(`${String(result.message)}\n${String(result.stack)}`);
				});
			}
			it("ends without a fault", async () => {
				const end = await (await (program ?? Promise.reject(new Error("no test was run")))).done;
				assert.ok(end.code === 0 || end.code === 1, `the program ended with ${end.code ?? end.signal}:\n${end.output}`);
			});
		});
	}
});
