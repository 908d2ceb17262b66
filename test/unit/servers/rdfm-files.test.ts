import { assert } from "chai";
import { limits } from "fleetling/common/deadlines";
import { Fields } from "fleetling/common/json";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { filesRoot } from "fleetling/management/files/directory";
import { leaf } from "fleetling/management/files/texts";
import { FileTree } from "fleetling/management/files/tree";
import { RDFMFiles } from "fleetling/servers/rdfm/files";
import { describe, it } from "test/harness";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import { FakeLine } from "../fakes/line";
import { Lines } from "../fakes/log";
import { type Scripted, ScriptedWeb } from "../fakes/web";
import { MemoryFiles } from "../update/installers/memory-files";

const base = "http://host:5000/local_storage_multipart/parts";

class Bench {
	readonly log = new Lines();
	readonly files = new MemoryFiles({ "a.txt": "0123456789", empty: "" });
	text = "a log";
	readonly web: ScriptedWeb;
	readonly line = new FakeLine();
	readonly facility: RDFMFiles;

	constructor(...script: (Scripted | Error)[]) {
		this.web = new ScriptedWeb(...script);
		const files = new FileTree({
			files: filesRoot(this.files),
			log: leaf("log", () => new Uint8Array(new TextEncoder().encode(this.text))),
		});
		this.facility = new RDFMFiles({ url: "https://host:5000", web: this.web, log: this.log.tag("rdfm"), files });
	}

	hear(message: Readonly<Record<string, unknown>>): boolean {
		return this.facility.take(String(message.method), new Fields(message, "the message"), this.line);
	}

	fetch(file: unknown, urls: unknown, size: unknown, id = "1"): void {
		assert.isTrue(this.hear({ method: "fs_file_download", id, file, upload_urls: urls, part_size: size }));
	}

	async reply(count = 1) {
		for (let waited = 0; waited < 5_000; waited += 5) {
			const replies = this.line.of("fs_file_download_reply");
			const last = replies[count - 1];
			if (last !== undefined) return last;
			await sleep(5);
		}
		throw new Error("no reply");
	}
}

const part = (etag: string): Scripted => ({ status: 200, etag });
const ok = (id: string, ...etags: readonly string[]): object => ({ method: "fs_file_download_reply", id, status: 0, etags });
const failed = (id: string, status: number): object => ({ method: "fs_file_download_reply", id, status, etags: [] });

describe("RDFM's files", () => {
	const probes: readonly (readonly [file: unknown, status: number, size: number])[] = [
		["/files/a.txt", 0, 10],
		["/files/empty", 0, 0],
		["/log", 0, 5],
		["/files", 0, 17],
		["/nothing", 2, 0],
		["/files/../log", 22, 0],
		["", 22, 0],
		[undefined, 22, 0],
		[7, 22, 0],
	];
	for (const [file, status, size] of probes)
		it(`a probe of ${JSON.stringify(file)} is answered with ${status} and ${size}`, async () => {
			const bench = new Bench();
			assert.isTrue(bench.hear({ method: "fs_file_probe", id: "p", file }));
			await sleep(5);
			assert.deepEqual(bench.line.sent, [{ method: "fs_file_probe_reply", id: "p", status, size }]);
			assert.equal(bench.files.open, 0);
		});

	it("leaves what is not its own alone", () => assert.isFalse(new Bench().hear({ method: "shell_attach", id: "1" })));

	it("puts one part where it was told to, over TLS like the server, without a type and without a token", async () => {
		const bench = new Bench(part("abc"));
		bench.fetch("/files/a.txt", [`${base}/x`], 10);
		assert.deepEqual(await bench.reply(), ok("1", "abc") as never);
		const [request] = bench.web.requests;
		assert.equal(request?.method, "PUT");
		assert.equal(request?.url, `${base.replace("http:", "https:")}/x`);
		assert.isUndefined(request?.headers);
		assert.equal(new TextDecoder().decode(bench.web.uploads[0]), "0123456789");
		assert.equal(bench.files.open, 0);
	});

	it("puts many parts in their order, to another host as it is, and hands etags on as they came", async () => {
		const bench = new Bench(part('"a"'), part('W/"b"'), part("c"));
		bench.fetch("/files/a.txt", ["https://s3/1?X=1", "http://s3:9000/2", `${base}/3`], 4);
		assert.deepEqual(await bench.reply(), ok("1", '"a"', 'W/"b"', "c") as never);
		assert.deepEqual(
			bench.web.requests.map(({ url }) => url),
			["https://s3/1?X=1", "http://s3:9000/2", "https://host:5000/local_storage_multipart/parts/3"],
		);
		assert.deepEqual(
			bench.web.uploads.map((bytes) => new TextDecoder().decode(bytes)),
			["0123", "4567", "89"],
		);
	});

	it("sends of a log what the server has asked for, although it has got longer or shorter", async () => {
		const bench = new Bench(part("a"), part("b"));
		bench.text = "a log that is longer";
		bench.fetch("/log", [`${base}/1`], 5);
		await bench.reply();
		bench.text = "log";
		bench.fetch("/log", [`${base}/1`], 5, "2");
		assert.deepEqual(await bench.reply(2), ok("2", "b") as never);
		assert.deepEqual(
			bench.web.uploads.map((bytes) => new TextDecoder().decode(bytes)),
			["a log", "log"],
		);
	});

	const wrong: readonly (readonly [what: string, file: unknown, urls: unknown, size: unknown, status: number])[] = [
		["a file that is not there", "/files/b.txt", [`${base}/1`], 10, 2],
		["a path that leads out", "/files/../../etc/passwd", [`${base}/1`], 10, 22],
		["a file that has got longer", "/files/a.txt", [`${base}/1`], 9, 5],
		["a file that has got shorter", "/files/a.txt", [`${base}/1`, `${base}/2`], 10, 5],
		["no links", "/files/a.txt", [], 10, 22],
		["links that are none", "/files/a.txt", ["nonsense"], 10, 5],
		["links that are no texts", "/files/a.txt", [7], 10, 22],
		["a part of no size", "/files/a.txt", [`${base}/1`], 0, 22],
		["no part size", "/files/a.txt", [`${base}/1`], undefined, 22],
		["no file", undefined, [`${base}/1`], 10, 22],
	];
	for (const [what, file, urls, size, status] of wrong)
		it(`answers with ${status} to ${what}`, async () => {
			const bench = new Bench();
			bench.fetch(file, urls, size);
			assert.deepEqual(await bench.reply(), failed("1", status) as never);
			assert.equal(bench.web.requests.length, 0);
			assert.equal(bench.files.open, 0);
		});

	const troubles: readonly (readonly [what: string, trouble: Scripted | Error, status: number])[] = [
		["refuses", { status: 403 }, 5],
		["fails", { status: 500, type: "text/html", body: "<h1>no</h1>" }, 5],
		["does not name what it has got", { status: 200 }, 22],
		["is silent", new FleetlingError("net.timeout", "no answer"), 110],
		["breaks the connection", new FleetlingError("net.reset", "it is gone"), 5],
		["does something that nobody has thought of", new TypeError("no"), 5],
	];
	for (const [what, trouble, status] of troubles)
		it(`answers with ${status} when the storage ${what}, and goes on with the next file`, async () => {
			const bench = new Bench(part("a"), trouble, part("c"));
			bench.fetch("/files/a.txt", [`${base}/1`, `${base}/2`], 5);
			assert.deepEqual(await bench.reply(), failed("1", status) as never);
			bench.fetch("/files/a.txt", [`${base}/1`], 10, "2");
			assert.deepEqual(await bench.reply(2), ok("2", "c") as never);
			assert.equal(bench.files.open, 0);
		});

	it("answers with 5 when the file vanishes between two parts, or gets shorter within one", async () => {
		for (const act of [
			(files: MemoryFiles) => files.delete("a.txt"),
			(files: MemoryFiles) => files.files.get("a.txt")?.splice(3),
		]) {
			const bench = new Bench(part("a"), part("b"));
			bench.web.onUpload = () => void act(bench.files);
			bench.fetch("/files/a.txt", [`${base}/1`, `${base}/2`], 5);
			assert.deepEqual(await bench.reply(), failed("1", 5) as never);
			assert.equal(bench.files.open, 0);
		}
	});

	it("sends one file at a time, has a few wait, and refuses more", async () => {
		const bench = new Bench(...Array.from({ length: limits.fileQueue + 1 }, (_, at) => part(String(at))));
		for (let count = 0; count < limits.fileQueue + 3; count++)
			bench.fetch("/files/a.txt", [`${base}/${count}`], 10, String(count));
		await bench.reply(limits.fileQueue + 3);
		const statuses = bench.line.of("fs_file_download_reply").map(({ id, status }) => `${id}:${status}`);
		assert.deepEqual(statuses.sort(), ["0:0", "1:0", "2:0", "3:16", "4:16"]);
	});

	it("waits for a connection, and for room on the link", async () => {
		const bench = new Bench(part("a"));
		bench.web.busy = new FleetlingError("http.busy", "an update has it");
		bench.fetch("/files/a.txt", [`${base}/1`], 10);
		await sleep(250);
		assert.equal(bench.web.requests.length, 0);
		bench.web.busy = undefined;
		bench.line.full = true;
		await sleep(250);
		assert.equal(bench.web.requests.length, 1);
		bench.line.full = false;
		assert.deepEqual(await bench.reply(), ok("1", "a") as never);
	});

	it("gives up when the link is gone, and answers nothing", async () => {
		const bench = new Bench(part("a"));
		bench.web.busy = new FleetlingError("http.busy", "an update has it");
		bench.fetch("/files/a.txt", [`${base}/1`], 10);
		await sleep(50);
		bench.line.isOpen = false;
		bench.facility.closed();
		bench.web.busy = undefined;
		await sleep(250);
		assert.equal(bench.files.open, 0);
		assert.equal(bench.web.requests.length, 0);
		assert.deepEqual(bench.line.sent, []);
		bench.line.isOpen = true;
		bench.fetch("/files/a.txt", [`${base}/1`], 10, "2");
		assert.deepEqual(await bench.reply(), ok("2", "a") as never);
	});
});
