import { assert } from "chai";
import type { ErrorCode } from "fleetling/error/error";
import { Intake } from "fleetling/management/files/intake";
import { beforeEach, describe, it } from "test/harness";
import TextEncoder from "text/encoder";
import { rejects } from "../../fakes/errors";
import { MemoryFiles } from "../../update/installers/memory-files";

const utf8 = (text: string): Uint8Array => new Uint8Array(new TextEncoder().encode(text));

let files: MemoryFiles;
let intake: Intake;

describe("files from managers", () => {
	beforeEach(() => {
		files = new MemoryFiles({ "a.txt": "old", "folder/b.txt": "b" });
		intake = new Intake(files);
	});

	it("are written aside and take their place when they are whole", () => {
		const file = intake.begin({ path: "/files/a.txt", size: 8 });
		file.write(utf8("new "));
		assert.equal(files.text("a.txt"), "old");
		file.write(utf8("text"));
		file.finish();
		assert.equal(files.text("a.txt"), "new text");
		file.abandon();
		assert.equal(files.text("a.txt"), "new text");
		assert.isFalse(files.status(".upload/0").isFile());
	});

	it("leave what was there when nothing comes of them", () => {
		const file = intake.begin({ path: "/files/a.txt" });
		file.write(utf8("half"));
		file.abandon();
		file.abandon();
		assert.equal(files.text("a.txt"), "old");
		assert.isFalse(files.status(".upload/0").isFile());
		intake.begin({ path: "/files/a.txt" }).finish();
		assert.equal(files.text("a.txt"), "");
	});

	it("make the folders that they are to be in, and keep their name in one that is there", () => {
		intake.begin({ path: "/files/new/deep/c.txt" }).finish();
		assert.isTrue(files.status("new/deep/c.txt").isFile());
		const file = intake.begin({ path: "/files/folder", source: "C/x/c.txt" });
		assert.equal(file.path, "folder/c.txt");
		file.finish();
		assert.equal(intake.begin({ path: "/files/", source: "d.txt" }).path, "d.txt");
	});

	it("do not begin with what a power cut has left", () => {
		files.createDirectory(".upload");
		const left = files.openFile({ path: ".upload/0", mode: "w" });
		left.write(utf8("left over"), 0);
		left.close();
		const file = intake.begin({ path: "/files/c.txt" });
		file.write(utf8("x"));
		file.finish();
		assert.equal(files.text("c.txt"), "x");
	});

	it("come one at a time", async () => {
		const first = intake.begin({ path: "/files/c.txt" });
		await rejects("management.busy", () => intake.begin({ path: "/files/d.txt" }));
		first.abandon();
		intake.begin({ path: "/files/d.txt" }).abandon();
	});

	const refusals: readonly (readonly [string, ErrorCode, string?])[] = [
		["/log", "management.read-only"],
		["/", "management.read-only"],
		["/files", "management.read-only"],
		["/files/folder", "management.read-only"],
		["/files/folder", "management.bad-path", ".."],
		["/files/folder", "management.read-only", "a/"],
		["/files/.update/0", "management.read-only"],
		["/files/.upload/0", "management.read-only"],
		["/files/", "management.read-only", ".update"],
		["files/x", "management.bad-path"],
		["/files/../x", "management.bad-path"],
		["/files//x", "management.bad-path"],
		[`/files/${"x".repeat(300)}`, "management.bad-path"],
		["/files/x\u0000y", "management.bad-path"],
	];
	for (const [path, code, source] of refusals)
		it(`do not go to ${path.slice(0, 30)}${source === undefined ? "" : ` as "${source}"`}: ${code}`, async () => {
			const names = (): readonly string[] => [...Array.from(files.files.keys()), ...Array.from(files.folders)];
			const before = names();
			await rejects(code, () => intake.begin({ path, source }));
			assert.deepEqual(names(), before);
		});

	it("are not larger than there is room, as far as that is known before and while they come", async () => {
		await rejects("management.too-large", () => intake.begin({ path: "/files/c", size: 1_048_577 }));
		files.said = 100;
		await rejects("management.too-large", () => intake.begin({ path: "/files/c", size: 101 }));
		const file = intake.begin({ path: "/files/c" });
		file.write(new Uint8Array(100));
		await rejects("management.too-large", () => file.write(new Uint8Array(1)));
		file.abandon();
		assert.isFalse(files.status("c").isFile());
	});

	it("fail with a reason when the storage does, and let the next one in", async () => {
		const file = intake.begin({ path: "/files/a.txt" });
		files.space = 6;
		file.write(utf8("xy"));
		await rejects("storage.failed", () => file.write(utf8("z")));
		files.move(".upload/0", "gone");
		await rejects("storage.failed", () => file.finish());
		assert.equal(files.text("a.txt"), "old");
		assert.equal(files.open, 0);
		intake.begin({ path: "/files/c" }).abandon();
	});
});
