/** The host's files: the shape of ECMA-419's, in one folder that nothing leads out of. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProgramEvent, runXS } from "../xs/driver";

const main = "test/integration/programs/artifact-files.ts";

/** Ways out, and what is no path at all. */
const escapes = [
	"",
	"/",
	"/etc/hostname",
	"..",
	"../outside",
	"folder/../../outside",
	"./x",
	".",
	"a//b",
	"a/",
	"link",
	"away/outside",
	"x".repeat(256),
	"p/".repeat(300).concat("q"),
];

describe("host files", () => {
	const base = mkdtempSync(join(tmpdir(), "fleetling-files-"));
	const folder = join(base, "files");
	const events = new Map<string, ProgramEvent>();

	before(async () => {
		writeFileSync(join(base, "outside"), "secret");
		mkdirSync(folder);
		symlinkSync("../outside", join(folder, "link"));
		symlinkSync("..", join(folder, "away"));
		execFileSync("mkfifo", [join(folder, "pipe")]);
		const program = await runXS({ main, parameters: { folder, paths: escapes } });
		const end = await program.done;
		assert.equal(end.code, 0, end.output);
		for (const event of program.events) events.set(String(event.event), event);
	});
	after(() => rmSync(base, { recursive: true, force: true }));

	it("are not there on a device without flash", () => {
		assert.equal(events.get("before")?.available, false);
		assert.match(String(events.get("before")?.error), /no flash/);
	});

	it("are made, moved over others, listed and deleted", () => {
		const { made, moved, names, deleted } = events.get("files") ?? {};
		const [first, again, overFile, withoutParent] = made as unknown[];
		assert.deepEqual([first, again], [true, false]);
		assert.match(String(overFile), /^threw .*a: File exists/);
		assert.match(String(withoutParent), /^threw .*x\/y: No such file/);
		assert.deepEqual(moved, ["first", false, 5, true]);
		assert.deepEqual(names, [["away", "folder", "link", "pipe"], ["b"]]);
		assert.deepEqual(deleted, [true, false, true, false]);
	});

	it("are read and written at any position, and not once they are closed", () => {
		const open = events.get("files")?.open as unknown[];
		assert.deepEqual(open.slice(0, 7), [2, "A5", 1, 0, 10, 3, true]);
		for (const refusal of open.slice(7)) assert.match(String(refusal), /threw .*closed/);
	});

	it("that are not there, or are no files, are refused", () => {
		const { missing, odd } = events.get("files") ?? {};
		for (const refusal of [...(missing as unknown[]), ...(odd as unknown[])]) assert.match(String(refusal), /^threw /);
	});

	for (const [index, path] of escapes.entries())
		it(`do not lead out of their folder by ${JSON.stringify(path.slice(0, 30))}`, () => {
			const [, read, write, , move, make] = (events.get("escapes")?.results as unknown[][])[index] ?? [];
			for (const refusal of [read, write, make]) assert.match(String(refusal), /^threw /);
			// Links in the folder may be replaced and deleted; they are never followed.
			if (!["link"].includes(path)) assert.match(String(move), /^threw /);
		});

	it("have touched nothing outside", () => {
		assert.equal(readFileSync(join(base, "outside"), "utf8"), "secret");
		assert.deepEqual(readdirSync(base).sort(), ["files", "outside"]);
		assert.ok(existsSync(folder));
	});
});
