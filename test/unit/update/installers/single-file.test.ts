import { assert } from "chai";
import type { Installed, Installer } from "fleetling/update/installer";
import { singleFiles } from "fleetling/update/installers/single-file";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { bytesOf } from "../readers/writing";
import { MemoryFiles } from "./memory-files";

type Parts = readonly (readonly [name: string, text: string])[];

const place = [
	["dest_dir", "/app/data\n"],
	["filename", "settings.json\n"],
	["permissions", "644\n"],
] as const;
const file = ["settings.json", "new content"] as const;
const path = "app/data/settings.json";

function give(installer: Installer, parts: Parts): void {
	for (const [name, text] of parts) {
		const bytes = bytesOf(text);
		installer.begin({ type: "single-file", size: bytes.byteLength, name }, bytes.subarray(0, 512));
		for (let at = 0; at < bytes.byteLength; at += 5) installer.write(bytes.subarray(at, at + 5));
		installer.endFile?.();
	}
}

function install(files: MemoryFiles, parts: Parts): Installed {
	const installer = singleFiles(files)();
	try {
		give(installer, parts);
		return installer.finish();
	} catch (error) {
		installer.abort();
		throw error;
	}
}

const staged = (files: MemoryFiles): string[] => files.scan(".update");

describe("single file", () => {
	it("is written aside, and put in place by activation alone", () => {
		const files = new MemoryFiles({ [path]: "old" });
		const installed = install(files, [...place, file]);
		assert.include(installed, { slot: "", immediate: true });
		assert.equal(files.text(path), "old");
		assert.lengthOf(staged(files), 1);
		installed.activate();
		assert.equal(files.text(path), "new content");
		assert.deepEqual(staged(files), []);
		assert.isUndefined(installed.revert);
		installed.commit?.();
		assert.equal(files.text(path), "new content");
		assert.equal(files.open, 0);
	});

	it("brings the directories that it needs", () => {
		const files = new MemoryFiles();
		install(files, [
			["dest_dir", "/a//b//"],
			["filename", "c"],
			["permissions", "0600"],
			["c", ""],
		]).activate();
		assert.equal(files.text("a/b/c"), "");
	});

	for (const folder of ["/", "//"])
		it(`may go to the root "${folder}"`, () => {
			const files = new MemoryFiles();
			install(files, [
				["dest_dir", folder],
				["filename", "c"],
				["permissions", "600"],
				["c", "x"],
			]).activate();
			assert.equal(files.text("c"), "x");
		});

	it("with rollback support brings the old one back, until it is committed", () => {
		const files = new MemoryFiles({ [path]: "old ".repeat(400) });
		const parts: Parts = [...place, ["rollback_support", "true\n"], file];
		const installed = install(files, parts);
		installed.activate();
		assert.equal(files.text(path), "new content");
		installed.revert?.();
		assert.equal(files.text(path), "old ".repeat(400));
		assert.deepEqual(staged(files), []);
		const again = install(files, parts);
		again.activate();
		again.commit?.();
		assert.equal(files.text(path), "new content");
		assert.deepEqual(staged(files), []);
		assert.equal(files.open, 0);
	});

	it("with rollback support takes a file back that was not there before", () => {
		const files = new MemoryFiles();
		const installed = install(files, [...place, ["rollback_support", "true\n"], file]);
		installed.activate();
		installed.revert?.();
		assert.isUndefined(files.text(path));
	});

	it("may be called like one of the fields", () => {
		const files = new MemoryFiles();
		install(files, [
			["dest_dir", "/"],
			["filename", "filename"],
			["permissions", "600"],
			["filename", "x"],
		]).activate();
		assert.equal(files.text("filename"), "x");
	});

	it("leaves nothing when it is aborted, at any point", () => {
		for (let count = 0; count <= 4; count++) {
			const files = new MemoryFiles({ [path]: "old" });
			const installer = singleFiles(files)();
			give(installer, [...place, file].slice(0, count));
			installer.abort();
			installer.abort();
			assert.deepEqual(staged(files), []);
			assert.equal(files.open, 0);
			assert.equal(files.text(path), "old");
		}
		const files = new MemoryFiles();
		const installer = singleFiles(files)();
		give(installer, place);
		installer.begin({ type: "single-file", size: 100, name: "settings.json" }, new Uint8Array(100));
		installer.write(new Uint8Array(50));
		installer.abort();
		assert.deepEqual(staged(files), []);
		assert.equal(files.open, 0);
	});

	it("removes what a power cut has left of an earlier one", () => {
		const files = new MemoryFiles({ ".update/0": "half", ".update/7": "more" });
		install(files, [...place, file]).activate();
		assert.deepEqual(staged(files), []);
	});

	it("does not disturb another one of the same package", () => {
		const files = new MemoryFiles();
		const make = singleFiles(files);
		const installers = [make(), make()];
		for (const [at, installer] of installers.entries())
			give(installer, [
				["dest_dir", "/"],
				["filename", `f${at}`],
				["permissions", "600"],
				[`f${at}`, `content ${at}`],
			]);
		for (const installed of installers.map((installer) => installer.finish())) {
			installed.activate();
			installed.commit?.();
		}
		assert.equal(files.text("f0"), "content 0");
		assert.equal(files.text("f1"), "content 1");
		assert.deepEqual(staged(files), []);
	});

	const at = (folder: string, name = "f"): Parts => [
		["dest_dir", folder],
		["filename", name],
		["permissions", "600"],
		[name, "x"],
	];
	const refused: readonly (readonly [string, Parts, string])[] = [
		["a way up", at("/app/../.."), "../.."],
		["a way up at the start", at("../etc"), "../etc"],
		["a way up alone", at(".."), ".."],
		["a dot", at("/app/./x"), "./x"],
		["a backslash", at("/app\\x"), "directory"],
		["a control character", at("/app\tx"), "directory"],
		["a line break in the directory", at("/app\n/x"), "directory"],
		["an empty directory", at(""), "dest_dir"],
		["the staging folder", at("/.update"), ".update"],
		["a file called as the staging folder", at("/", ".update"), ".update"],
		["a name with a slash", at("/app", "a/b"), "a/b"],
		["the name ..", at("/app", ".."), ".."],
		["the name .", at("/app", "."), "."],
		["an empty name", at("/app", ""), "filename"],
		["a path that is too long", at("/a".repeat(110)), "path of"],
		[
			"permissions in words",
			[
				["dest_dir", "/"],
				["filename", "f"],
				["permissions", "rw-r--r--"],
				["f", ""],
			],
			"permissions",
		],
		[
			"permissions that are not octal",
			[
				["dest_dir", "/"],
				["filename", "f"],
				["permissions", "689"],
				["f", ""],
			],
			"permissions",
		],
		["rollback support of maybe", [...place, ["rollback_support", "maybe"], file], "rollback_support"],
		["no place", [file], "dest_dir"],
		["no permissions", [...place.slice(0, 2), file], "permissions"],
		["another name than announced", [...place, ["other", "x"]], "other"],
		["no file", place, "no file"],
		["nothing", [], "no file"],
		["two files", [...place, file, ["more", "x"]], "more"],
		["a field twice", [...place, ["dest_dir", "/"]], "dest_dir"],
		["a field behind the file", [...place, file, ["rollback_support", "true"]], "rollback_support"],
		["a field that is too long", [["dest_dir", "/".repeat(300)]], "300"],
	];
	for (const [what, parts, text] of refused)
		it(`is refused with ${what}`, async () => {
			const files = new MemoryFiles({ [path]: "old" });
			await rejects("artifact.bad-payload", () => install(files, parts), text);
			assert.equal(files.open, 0);
			assert.deepEqual(
				[...files.files.keys()].filter((name) => !name.startsWith(".update/")),
				[path],
			);
			assert.deepEqual(staged(files), []);
		});

	it("is refused where a directory has its name", async () => {
		const files = new MemoryFiles({ [`${path}/x`]: "y" });
		await rejects("artifact.bad-payload", () => install(files, [...place, file]), "directory");
	});

	it("is refused when it is too large, before it is opened", async () => {
		const files = new MemoryFiles();
		const installer = singleFiles(files, { most: 10 })();
		give(installer, place);
		await rejects("update.too-large", () => give(installer, [file]), "11", "10");
		assert.deepEqual(staged(files), []);
	});

	it("is refused when there is no space for it, before it is opened and after what an earlier one has left is gone", async () => {
		const files = new MemoryFiles({ ".update/0": "left behind" });
		files.said = 10;
		const installer = singleFiles(files)();
		give(installer, place);
		await rejects("update.too-large", () => give(installer, [file]), "11 bytes", "space for 10");
		assert.deepEqual(staged(files), []);
		files.said = 11;
		install(files, [...place, file]).activate();
		assert.equal(files.text(path), "new content");
	});

	it("says so when the file system is full, and leaves the old file", async () => {
		const files = new MemoryFiles({ [path]: "old" });
		files.space = 8;
		await rejects("storage.failed", () => install(files, [...place, file]), "written");
		assert.equal(files.text(path), "old");
		assert.deepEqual(staged(files), []);
		assert.equal(files.open, 0);
		files.space = 15;
		await rejects("storage.failed", () => install(files, [...place, ["rollback_support", "true"], file]), "prepared");
		assert.equal(files.text(path), "old");
		assert.deepEqual(staged(files), []);
		assert.equal(files.open, 0);
	});

	const reversible: Parts = [...place, ["rollback_support", "true"], file];

	it("that fails for want of space leaves it as it was for the next one", async () => {
		const files = new MemoryFiles({ [path]: "old" });
		const make = singleFiles(files);
		const once = (): Installed => {
			const installer = make();
			try {
				give(installer, reversible);
				return installer.finish();
			} catch (error) {
				installer.abort();
				throw error;
			}
		};
		files.space = 15;
		for (let times = 0; times < 3; times++) {
			await rejects("storage.failed", once, "prepared");
			assert.deepEqual(staged(files), [], `after ${times + 1}`);
		}
		files.space = 17;
		once().activate();
		assert.equal(files.text(path), "new content");
	});

	it("that is not put to use leaves nothing, and neither does one that cannot be", () => {
		for (const parts of [[...place, file], reversible]) {
			const files = new MemoryFiles({ [path]: "old" });
			const make = singleFiles(files);
			const give1 = (): Installed => {
				const installer = make();
				give(installer, parts);
				return installer.finish();
			};
			give1().discard?.();
			assert.deepEqual(staged(files), []);
			const broken = give1();
			files.folders.delete("app/data");
			assert.throws(() => broken.activate());
			files.folders.add("app/data");
			broken.revert?.();
			broken.discard?.();
			broken.revert?.();
			assert.deepEqual(staged(files), []);
			assert.equal(files.text(path), "old");
			assert.equal(files.open, 0);
		}
	});
});
