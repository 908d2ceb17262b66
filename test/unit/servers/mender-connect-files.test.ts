import { assert } from "chai";
import { sleep } from "fleetling/common/time";
import { filesRoot } from "fleetling/management/files/directory";
import { Intake } from "fleetling/management/files/intake";
import { leaf } from "fleetling/management/files/texts";
import { FileTree } from "fleetling/management/files/tree";
import { type Frame, makeBody, parseBody } from "fleetling/servers/mender/connect/frame";
import type { ConnectOptions } from "fleetling/servers/mender/connect/link";
import { describe, it } from "test/harness";
import { MemoryFiles } from "../update/installers/memory-files";
import { brief, ConnectBench, session, textOf, utf8 } from "./connect-bench";

const other = "8ce8ce2e-4a0c-4a2b-9f3e-000000000002";
const protocol = 2;
const big = "0123456789abcdef".repeat(1_280);

class FilesBench extends ConnectBench {
	readonly files: MemoryFiles;
	/** What the log says, made anew each time. */
	readonly texts: { text: string };

	constructor(options: Partial<ConnectOptions> = {}, writable = true) {
		const files = new MemoryFiles({ "a.txt": "0123456789", empty: "", "big.bin": big });
		const texts = { text: "a log" };
		const tree = new FileTree({ files: filesRoot(files), log: leaf("log", () => utf8(texts.text)) });
		super({ files: tree, ...(writable && { intake: new Intake(files) }) }, options);
		this.files = files;
		this.texts = texts;
	}

	async ask(type: string, fields: Readonly<Record<string, string | number>>, id = session): Promise<readonly Frame[]> {
		await this.say({ protocol, type, session: id }, makeBody(fields));
		return this.rest();
	}

	async ack(offset: number): Promise<readonly Frame[]> {
		await this.say({ protocol, type: "ack", properties: { offset } });
		return this.rest();
	}

	async chunk(offset: number, text: string): Promise<readonly Frame[]> {
		await this.say({ protocol, type: "file_chunk", properties: { offset } }, utf8(text));
		return this.rest();
	}

	/** Everything that comes until nothing more does. */
	async rest(): Promise<readonly Frame[]> {
		const frames: Frame[] = [];
		for (let quiet = 0; quiet < 3; ) {
			await sleep(5);
			const { sent } = this;
			frames.push(...sent);
			quiet = sent.length === 0 ? quiet + 1 : 0;
		}
		return frames;
	}
}

const up = async (options: Partial<ConnectOptions> = {}): Promise<FilesBench> => {
	const bench = new FilesBench(options);
	await bench.up();
	return bench;
};

/** The one error among them: its text and its status. */
function failureIn(frames: readonly Frame[]): readonly [unknown, unknown] {
	const errors = frames.filter(({ type }) => type === "error");
	assert.equal(errors.length, 1, brief(frames).join(" "));
	const fields = parseBody(errors[0] as never);
	return [fields.get("err"), fields.get("code")];
}

const offsets = (frames: readonly Frame[]): readonly unknown[] => frames.map(({ properties }) => properties.get("offset"));

describe("device connect: files to managers", () => {
	it("says what a file is", async () => {
		const bench = await up();
		const [info] = await bench.ask("stat", { path: "/files/a.txt" });
		assert.deepEqual([info?.type, info?.session], ["file_info", session]);
		const fields = parseBody(info as never);
		assert.deepEqual([fields.get("path"), fields.get("size"), fields.get("mode")], ["/files/a.txt", 10, 0o644]);
		assert.equal(bench.files.open, 0);
	});

	it("sends a small file and says where it ends", async () => {
		const bench = await up();
		const frames = await bench.ask("get_file", { path: "/files/a.txt" });
		assert.deepEqual(brief(frames), ["2/file_chunk", "2/file_chunk"]);
		assert.deepEqual(offsets(frames), [0, 10]);
		assert.equal(textOf(frames[0]?.body ?? utf8("")), "0123456789");
		assert.equal(frames[1]?.body.length, 0);
		assert.equal(bench.files.open, 1);
		await bench.ack(10);
		assert.equal(bench.files.open, 0);
	});

	it("sends an empty file, and directories as lists", async () => {
		const bench = await up();
		assert.deepEqual(offsets(await bench.ask("get_file", { path: "/files/empty" })), [0]);
		assert.equal(bench.files.open, 0);
		const [list] = await bench.ask("get_file", { path: "/" });
		assert.include(textOf(list?.body ?? utf8("")), "/files\n/log\n");
	});

	it("goes no further ahead than the window, and on with what is acknowledged", async () => {
		const bench = new FilesBench();
		bench.files.files.set(
			"large",
			Array.from({ length: 100_000 }, (_, index) => index & 0xff),
		);
		await bench.up();
		await bench.say({ protocol, type: "get_file" }, makeBody({ path: "/files/large" }));
		const first = await bench.rest();
		assert.equal(first.length, 20);
		assert.deepEqual(await bench.ack(-4), []);
		assert.deepEqual(await bench.ack(1_000_000), []);
		for (const properties of [{}, { offset: "8192" }]) await bench.say({ protocol, type: "ack", properties });
		assert.isEmpty(await bench.rest());
		await bench.say({ protocol, type: "ack", properties: { offset: 8_192 } });
		const second = await bench.rest();
		assert.deepEqual(offsets(second), [81_920, 86_016]);
		await bench.say({ protocol, type: "ack", properties: { offset: 90_112 } });
		const third = await bench.rest();
		assert.deepEqual(offsets(third), [90_112, 94_208, 98_304, 100_000]);
		assert.deepEqual(
			third.map(({ body }) => body.length),
			[4_096, 4_096, 1_696, 0],
		);
		let at = 0;
		for (const { body } of [...first, ...second, ...third])
			for (const byte of body) if (byte !== (at++ & 0xff)) assert.fail(`byte ${at - 1} is another`);
		assert.equal(at, 100_000);
		await bench.ack(100_000);
		assert.equal(bench.files.open, 0);
	});

	it("sends a chunk only when the line is free", async () => {
		const bench = await up();
		const { conversation } = bench;
		const send = conversation.send.bind(conversation);
		conversation.send = (message) => {
			conversation.idle = false;
			// What waits has to stay as it is until it is on its way.
			send((message as Uint8Array).slice());
		};
		assert.equal((await bench.ask("get_file", { path: "/files/big.bin" })).length, 1);
		assert.isEmpty(await bench.rest());
		await bench.drain();
		assert.deepEqual(offsets(bench.sent), [4_096]);
	});

	it("keeps a text that was asked about as long as it was said to be", async () => {
		const bench = await up();
		const [info] = await bench.ask("stat", { path: "/log" });
		assert.equal(parseBody(info as never).get("size"), 5);
		bench.texts.text = "a longer log";
		const [chunk] = await bench.ask("get_file", { path: "/log" });
		assert.equal(textOf(chunk?.body ?? utf8("")), "a log");
		await bench.ack(5);
		const [now] = await bench.ask("get_file", { path: "/log" });
		assert.equal(textOf(now?.body ?? utf8("")), "a longer log");
		await bench.ack(12);
		await bench.ask("stat", { path: "/log" });
		bench.texts.text = "x";
		await bench.say({ type: "close" });
		const [last] = await bench.ask("get_file", { path: "/log" });
		assert.equal(textOf(last?.body ?? utf8("")), "x");
	});

	it("is refused with a reason and a status", async () => {
		const bench = await up();
		const cases: readonly (readonly [string, Readonly<Record<string, string | number>>, string, number])[] = [
			["stat", { path: "/files/none" }, "management.no-file", 404],
			["get_file", { path: "/files/none" }, "management.no-file", 404],
			["get_file", { path: "/files/../x" }, "management.bad-path", 400],
			["get_file", { path: "" }, "management.bad-path", 400],
			["get_file", { path: 7 }, "management.bad-path", 400],
			["stat", {}, "management.bad-path", 400],
			["dance", {}, "server.bad-answer", 400],
		];
		for (const [type, fields, text, code] of cases) {
			const [said, status] = failureIn(await bench.ask(type, fields));
			assert.include(said, text);
			assert.equal(status, code);
		}
		await bench.say({ protocol, type: "get_file" }, utf8("garbage"));
		assert.equal(failureIn(bench.sent)[1], 400);
	});

	it("has one transfer at a time, and goes on with it", async () => {
		const bench = await up();
		bench.files.files.set("large", new Array(90_000).fill(1));
		await bench.say({ protocol, type: "get_file" }, makeBody({ path: "/files/large" }));
		await bench.rest();
		for (const [type, path] of [
			["get_file", "/files/a.txt"],
			["put_file", "/files/b.txt"],
		] as const) {
			const [said, status] = failureIn(await bench.ask(type, { path }, other));
			assert.include(said, "management.busy");
			assert.equal(status, 503);
		}
		await bench.say({ protocol, type: "ack", session: other, properties: { offset: 40_960 } });
		assert.isEmpty(await bench.rest());
		await bench.say({ protocol, type: "error" }, makeBody({ err: "no more" }));
		assert.equal(bench.files.open, 0);
		assert.equal((await bench.ask("get_file", { path: "/files/a.txt" }, other)).length, 2);
	});

	it("ends when the file is changed meanwhile", async () => {
		const bench = await up();
		bench.files.files.set("large", new Array(90_000).fill(1));
		await bench.say({ protocol, type: "get_file" }, makeBody({ path: "/files/large" }));
		await bench.rest();
		bench.files.files.set("large", [1, 2, 3]);
		await bench.say({ protocol, type: "ack", properties: { offset: 81_920 } });
		const [said, status] = failureIn(await bench.rest());
		assert.include(said, "management.file-changed");
		assert.equal(status, 409);
		assert.equal(bench.files.open, 0);
	});

	it("asks who says nothing, and ends when there is no answer or no progress", async () => {
		const bench = await up({ interval: 150 });
		bench.files.files.set("large", new Array(90_000).fill(1));
		await bench.say({ protocol, type: "get_file" }, makeBody({ path: "/files/large" }));
		const frames: Frame[] = [];
		for (let times = 0; times < 200 && bench.files.open > 0; times++) {
			await sleep(20);
			frames.push(...bench.sent);
		}
		assert.equal(bench.files.open, 0);
		// Which of the two is found out first depends on how far the window was when it was looked at.
		assert.match(String(failureIn(frames)[0]), /net\.timeout|nothing has come from this session/);
		await sleep(400);
		assert.isEmpty(bench.sent);
	});
});

describe("device connect: files from managers", () => {
	it("are acknowledged while they come, and as a whole when they are in their place", async () => {
		const bench = await up();
		const [first] = await bench.ask("put_file", { path: "/files/b.txt", mode: 420 });
		assert.deepEqual([first?.type, first?.properties.get("offset")], ["ack", 0]);
		assert.deepEqual(offsets(await bench.chunk(0, "hello ")), [0]);
		assert.deepEqual(offsets(await bench.chunk(6, "there")), [6]);
		assert.isUndefined(bench.files.text("b.txt"));
		assert.deepEqual(offsets(await bench.chunk(11, "")), [11]);
		assert.equal(bench.files.text("b.txt"), "hello there");
		assert.equal(bench.files.open, 0);
	});

	it("take the place of what was there, and keep their name in a directory", async () => {
		const bench = await up();
		await bench.ask("put_file", { path: "/files/", src_path: "a.txt" });
		await bench.chunk(0, "new");
		await bench.chunk(3, "");
		assert.equal(bench.files.text("a.txt"), "new");
	});

	it("are acknowledged once for what has come meanwhile", async () => {
		const bench = await up();
		await bench.ask("put_file", { path: "/files/b.txt" });
		bench.conversation.idle = false;
		assert.isEmpty(await bench.chunk(0, "one"));
		assert.isEmpty(await bench.chunk(3, "two"));
		await bench.drain();
		assert.deepEqual(offsets(bench.sent), [3]);
	});

	const endings: readonly (readonly [string, (bench: FilesBench) => Promise<unknown>, string?])[] = [
		["a part that does not fit", (bench) => bench.chunk(7, "x"), "server.bad-answer"],
		["a part without its place", (bench) => bench.say({ protocol, type: "file_chunk" }, utf8("x")), "server.bad-answer"],
		["a storage that is full", (bench) => bench.chunk(3, "x".repeat(4_000)), "storage.failed"],
		["an error of the manager's", (bench) => bench.say({ protocol, type: "error" }, makeBody({ err: "no" }))],
		["the end of the session", (bench) => bench.say({ type: "close" })],
		["the end of the connection", (bench) => Promise.resolve(bench.conversation.over({ code: 1006, reason: "", remote: false }))],
	];
	for (const [name, end, text] of endings)
		it(`leave what was there after ${name}`, async () => {
			const bench = await up();
			await bench.ask("put_file", { path: "/files/a.txt" });
			await bench.chunk(0, "new");
			bench.files.space = 22_000;
			const frames = await end(bench);
			await sleep(5);
			if (text !== undefined)
				assert.include(failureIn([...(Array.isArray(frames) ? (frames as Frame[]) : []), ...bench.sent])[0], text);
			assert.equal(bench.files.text("a.txt"), "0123456789");
			assert.equal(bench.files.open, 0);
			assert.isUndefined(bench.files.text(".upload/0"));
			bench.sent;
			if (bench.conversation.isOpen) assert.isEmpty(await bench.chunk(3, "late"));
			else await bench.link.stop();
		});

	it("are refused with a reason and a status", async () => {
		const bench = await up();
		const cases: readonly (readonly [Readonly<Record<string, string | number>>, string, number])[] = [
			[{ path: "/log" }, "management.read-only", 403],
			[{ path: "/files/../x" }, "management.bad-path", 400],
			[{ path: "/files/x", size: 2_000_000 }, "management.too-large", 413],
			[{}, "management.bad-path", 400],
		];
		for (const [fields, text, code] of cases) {
			const [said, status] = failureIn(await bench.ask("put_file", fields));
			assert.include(said, text);
			assert.equal(status, code);
		}
		const readOnly = new FilesBench({}, false);
		await readOnly.up();
		assert.equal(failureIn(await readOnly.ask("put_file", { path: "/files/x" }))[1], 403);
	});

	it("end when nothing more comes of them, although somebody is there", async () => {
		const bench = await up({ interval: 150 });
		await bench.ask("put_file", { path: "/files/a.txt" });
		await bench.chunk(0, "new");
		const frames: Frame[] = [];
		for (let times = 0; times < 60 && bench.files.open > 0; times++) {
			await bench.say({ type: "pong" });
			await sleep(20);
			frames.push(...bench.sent);
		}
		assert.include(failureIn(frames)[0], "net.timeout");
		assert.equal(bench.files.text("a.txt"), "0123456789");
	});
});
