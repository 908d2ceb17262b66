import { assert } from "chai";
import type { Partition } from "fleetling/common/device";
import { LogMemory } from "fleetling/common/log-memory";
import { FleetlingError } from "fleetling/error/error";
import { coreDump } from "fleetling/management/files/core-dump";
import { filesRoot } from "fleetling/management/files/directory";
import { namesOf } from "fleetling/management/files/path";
import { configurationText, journalText, leaf, logText } from "fleetling/management/files/texts";
import { FileTree } from "fleetling/management/files/tree";
import type { Journal } from "fleetling/update/journal";
import type { UpdateRecord } from "fleetling/update/record";
import { describe, it } from "test/harness";
import TextDecoder from "text/decoder";
import { rejects } from "../../fakes/errors";
import { FakePowers } from "../../fakes/powers";
import { MemoryFiles } from "../../update/installers/memory-files";

const record: UpdateRecord = {
	...({ state: "download", id: "7", package: "ab", from: "1.0.0", version: "", slot: "ota_1", trials: 0, stores: 1 } as const),
};
const journal = (read: Journal["read"]): Journal => ({ read, write: () => {}, clear: () => {} });

function text(tree: FileTree, path: string): string {
	const view = tree.open(path);
	const bytes = new Uint8Array(view.size);
	view.read(bytes, 0);
	view.check();
	view.close();
	return new TextDecoder().decode(bytes);
}

function treeOf(files = new MemoryFiles({ "a.txt": "alpha", "logs/b.txt": "beta", "%2e%2e": "dots" })): FileTree {
	const memory = new LogMemory(256);
	memory.add("I (1) main: first", 1);
	memory.add("W (2) main: zweite – é", 2);
	return new FileTree({
		files: filesRoot(files),
		log: leaf("log", () => logText(memory)),
		config: leaf("config", () => configurationText(new FakePowers().configuration)),
	});
}

describe("paths of managers", () => {
	const good: readonly (readonly [string, readonly string[]])[] = [
		["/", []],
		["/log", ["log"]],
		["/files/", ["files"]],
		["/files/a/b.txt", ["files", "a", "b.txt"]],
		["/files/%2e%2e/x", ["files", "%2e%2e", "x"]],
		["/files/...", ["files", "..."]],
		["/files/é", ["files", "é"]],
	];
	for (const [path, names] of good) it(`${path} has ${names.length} names`, () => assert.deepEqual(namesOf(path), names));

	const bad = [
		"",
		"log",
		"files/a",
		"//",
		"///",
		"//log",
		"/files//a",
		"/files/a//",
		"/..",
		"/../log",
		"/files/..",
		"/files/../log",
		"/files/./a",
		"/files/a/../../../etc/passwd",
		"/files/a\0.txt",
		"/files/a\n",
		"/files/a\x7f",
		"/files/..\\..\\x",
		"C:\\x",
		"file:///log",
		`/${"x".repeat(255)}`,
	];
	for (const path of bad)
		it(`${JSON.stringify(path).slice(0, 40)} is refused`, async () => {
			await rejects("management.bad-path", () => namesOf(path));
		});
});

describe("the tree that managers see", () => {
	it("lists what is in its directories", () => {
		const tree = treeOf();
		assert.equal(text(tree, "/"), "/files\n/log\n/config\n");
		assert.deepEqual(text(tree, "/files").split("\n").sort(), ["", "%2e%2e 4", "a.txt 5", "logs/"]);
		assert.equal(text(tree, "/files/logs/"), "b.txt 4\n");
		assert.equal(text(treeOf(new MemoryFiles()), "/files"), "(empty)\n");
	});

	it("cuts long lists", () => {
		const many: Record<string, string> = {};
		for (let index = 0; index < 100; index++) many[`f${index}`] = "x";
		assert.match(text(treeOf(new MemoryFiles(many)), "/files"), /and 36 more\n$/);
	});

	it("has the files of the device, and closes them", () => {
		const files = new MemoryFiles({ "a.txt": "alpha", "logs/b.txt": "beta" });
		const tree = treeOf(files);
		assert.equal(text(tree, "/files/a.txt"), "alpha");
		assert.equal(text(tree, "/files/logs/b.txt"), "beta");
		assert.equal(tree.sizeOf("/files/a.txt"), 5);
		assert.equal(files.open, 0);
	});

	for (const path of ["/nothing", "/files/nothing", "/files/a.txt/more", "/log/more", "/toString", "/coredump", "/files/%2E%2E"])
		it(`has no ${path}`, async () => {
			await rejects("management.no-file", () => treeOf().open(path));
		});

	it("decodes nothing", () => assert.equal(text(treeOf(), "/files/%2e%2e"), "dots"));

	it("notices that a file has got shorter, longer, or away", async () => {
		const acts: readonly ((files: MemoryFiles) => void)[] = [
			(files) => files.delete("a.txt"),
			(files) => files.files.get("a.txt")?.pop(),
			(files) => files.files.get("a.txt")?.push(1),
		];
		for (const act of acts) {
			const files = new MemoryFiles({ "a.txt": "alpha" });
			const view = treeOf(files).open("/files/a.txt");
			act(files);
			await rejects("management.file-changed", () => {
				view.read(new Uint8Array(5), 0);
				view.check();
			});
			view.close();
		}
	});

	it("shows the log line by line, without what is behind its memory", () => {
		assert.equal(text(treeOf(), "/log"), "I (1) main: first\nW (2) main: zweite – é\n");
		assert.equal(new TextDecoder().decode(logText(new LogMemory(0))), "(empty)\n");
		const small = new LogMemory(60);
		for (let index = 0; index < 50; index++) small.add(`I (${index}) a: ${"é".repeat(40)}`, index);
		assert.isAtMost(logText(small).length, 60);
	});

	it("shows the configuration with secrets blanked", () => {
		const { configuration } = new FakePowers();
		configuration.set("password", "wrdlbrmpft");
		const shown = new TextDecoder().decode(configurationText(configuration));
		assert.notInclude(shown, "wrdlbrmpft");
		assert.deepEqual((JSON.parse(shown) as Record<string, unknown>).password, { value: "(hidden)", origin: "device" });
		assert.deepEqual((JSON.parse(shown) as Record<string, unknown>).pollSeconds, { value: "900", origin: "default" });
	});

	it("shows the record of the update, damaged or not", () => {
		const { update } = new FakePowers();
		const shown = (read: Journal["read"]): unknown => JSON.parse(new TextDecoder().decode(journalText(journal(read), update)));
		const around = { version: "1.0.0", onTrial: false, lastFailure: null };
		assert.deepEqual(
			shown(() => ({ record: undefined })),
			{ ...around, underWay: null },
		);
		assert.deepEqual(
			shown(() => ({ record })),
			{ ...around, underWay: record },
		);
		const torn = new FleetlingError("update.torn-journal", "record0 is torn");
		assert.deepEqual(
			shown(() => ({ record, torn })),
			{ ...around, underWay: { ...record, damage: torn.toString() } },
		);
		const unreadable = new FleetlingError("update.bad-journal", "nothing can be read");
		const damaged = shown(() => {
			throw unreadable;
		});
		assert.deepEqual(damaged, { ...around, underWay: { damage: unreadable.toString() } });
	});
});

describe("a core dump", () => {
	const partition = (...bytes: readonly number[]): Partition => ({
		size: 16,
		read: (buffer, position) => {
			const whole = new Uint8Array(16).fill(0xff);
			whole.set(bytes);
			buffer.set(whole.subarray(position, position + buffer.length));
		},
	});

	it("is as long as it says, and is read as it is", () => {
		const tree = new FileTree({ coredump: coreDump(partition(7, 0, 0, 0, 1, 2, 3)) });
		const view = tree.open("/coredump");
		assert.equal(view.size, 7);
		const bytes = new Uint8Array(3);
		view.read(bytes, 4);
		assert.deepEqual([...bytes], [1, 2, 3]);
	});

	for (const [what, bytes] of [
		["is not there in an erased partition", []],
		["is not there when it is empty", [0, 0, 0, 0]],
		["is not there when it is longer than its partition", [17, 0, 0, 0]],
	] as const)
		it(what, async () => {
			const tree = new FileTree({ coredump: coreDump(partition(...bytes)) });
			await rejects("management.no-file", () => tree.open("/coredump"));
		});
});
