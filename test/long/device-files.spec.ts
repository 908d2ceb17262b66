/** The whole firmware and what managers read of it: files, log, record and configuration, over TLS and without. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fleet, mac, oldVersion } from "../integration/fleet";
import type { DeviceLink } from "../servers/rdfm/device-link";
import { strangeMembers } from "../servers/rdfm/device-messages";
import type { FileOutcome } from "../servers/rdfm/files";
import { htmlAnswer } from "../servers/rdfm/http";

const kilobyte = 1_024;

/** Bytes that are the same nowhere. */
function bytes(length: number): Buffer {
	const content = Buffer.alloc(length);
	for (let at = 0, state = 1; at < length; at++) {
		state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
		content[at] = state >> 16;
	}
	return content;
}

describe("device: files", () => {
	let fleet: Fleet;
	let link: DeviceLink;
	afterEach(async () => {
		for (const each of fleet?.server.management.links ?? []) {
			for (const text of each.texts) assert.deepEqual(strangeMembers(text), [], text);
			assert.notEqual(each.end?.code, 4001, each.end?.reason);
		}
		await fleet?.stop();
	});
	const begin = async (options: Parameters<typeof Fleet.start>[0]): Promise<void> => {
		fleet = await Fleet.start(options);
		link = await fleet.server.management.connected(mac, 30_000);
	};
	const path = (name: string): string => join(`${fleet.flash}.files`, name);
	const put = (name: string, content: Uint8Array): void => {
		mkdirSync(join(path(name), ".."), { recursive: true });
		writeFileSync(path(name), content);
	};
	const fetch = (file: string): Promise<FileOutcome> => fleet.server.files.fetch(link, file);
	const read = async (file: string): Promise<Buffer> => {
		const { status, url } = await fetch(file);
		assert.equal(status, 0, file);
		const content = fleet.server.files.content(url);
		assert.ok(content !== undefined, `${file}: wrong etags`);
		return Buffer.from(content);
	};
	const uploads = () => fleet.server.log.records.filter(({ route }) => route === "upload");

	it("are fetched over TLS in parts, byte by byte as they are", async () => {
		await begin({ settings: { pollSeconds: "600" } });
		assert.equal(link.capabilities.filesystem, true);
		const content = bytes(700 * kilobyte + 17);
		put("data/large.bin", content);
		assert.ok(content.equals(await read("/files/data/large.bin")));
		fleet.server.files.partSize = 100 * kilobyte;
		assert.ok(content.equals(await read("/files/data/large.bin")));
		const parts = uploads();
		assert.equal(parts.length, 1 + 8);
		for (const { headers } of parts) {
			assert.equal(headers["content-type"], undefined);
			assert.equal(headers.authorization, undefined);
			assert.equal(headers["transfer-encoding"], undefined);
		}
		assert.ok(link.isOpen);
	});

	it("and what else there is to see can be read, without secrets", async () => {
		await begin({ settings: { pollSeconds: "600" } });
		put("a.txt", Buffer.from("alpha"));
		assert.equal((await read("/")).toString(), "/files\n/log\n/journal\n/config\n");
		assert.equal((await read("/files")).toString(), "a.txt 5\n");
		const log = (await read("/log")).toString();
		assert.match(log, /^I \(\d+\) main: version 1\.0\.0 in slot/m);
		assert.ok(!log.includes("eyJ"), "a token in the log");
		const journal = JSON.parse((await read("/journal")).toString()) as Record<string, unknown>;
		assert.deepEqual(journal, { version: oldVersion, onTrial: false, underWay: null, lastFailure: null });
		const text = (await read("/config")).toString();
		const config = JSON.parse(text) as Record<string, { readonly value: unknown; readonly origin: string }>;
		assert.equal(config.url?.value, fleet.server.url);
		assert.match(String(config.ca?.value), /^\(\d+ characters\)$/);
		assert.ok(!text.includes("BEGIN CERTIFICATE"));
	});

	it("that are not there, are empty, or lie elsewhere cannot be had", async () => {
		await begin({ plain: true, settings: { pollSeconds: "600" } });
		put("empty", Buffer.alloc(0));
		writeFileSync(join(fleet.folder, "outside"), "secret");
		const paths = [
			"/files/empty",
			"/files/nothing",
			"/coredump",
			"/files/../outside",
			"/files/..%2foutside",
			"/files/%2e%2e/outside",
			"/../outside",
			"//etc/hostname",
			"/etc/hostname",
			"etc/hostname",
			"/files//etc/hostname",
			"/files/./empty",
			"/files/a\0",
			"/files/..\\outside",
		];
		for (const file of paths) assert.deepEqual(await fetch(file), { status: 1, url: "" }, file);
		assert.equal(uploads().length, 0);
		assert.ok(link.isOpen);
	});

	it("always get an answer, whatever the storage does", async function () {
		this.timeout(120_000);
		await begin({ plain: true, settings: { pollSeconds: "600" } });
		put("a.bin", bytes(50 * kilobyte));
		const { faults } = fleet.server;
		const troubles: readonly (readonly [string, () => void])[] = [
			["a page of an error", () => faults.serverError("upload")],
			["403 for the second part", () => faults.add("upload", { kind: "answer", answer: htmlAnswer(403) }, { skip: 1 })],
			["a closed connection", () => faults.add("upload", { kind: "drop" }, { times: 2 })],
			["a reset", () => faults.add("upload", { kind: "drop", reset: true }, { times: 2 })],
			["half an answer", () => faults.add("upload", { kind: "answer", answer: htmlAnswer(503, { "Content-Length": "5000" }) })],
		];
		fleet.server.files.partSize = 20 * kilobyte;
		for (const [what, strike] of troubles) {
			strike();
			const { status } = await fetch("/files/a.bin");
			assert.equal(status, 5, what);
			faults.clear();
			assert.equal((await read("/files/a.bin")).length, 50 * kilobyte);
		}
		assert.ok(link.isOpen);
	});

	it("that vanish or change while they are sent end with a status", async function () {
		this.timeout(120_000);
		await begin({ plain: true, settings: { pollSeconds: "600" } });
		fleet.server.files.partSize = 20 * kilobyte;
		const acts: Readonly<Record<string, (file: string) => void>> = {
			vanish: (file) => rmSync(file),
			shrink: (file) => writeFileSync(file, bytes(30 * kilobyte)),
			grow: (file) => writeFileSync(file, bytes(200 * kilobyte)),
		};
		for (const [name, act] of Object.entries(acts)) {
			put("a.bin", bytes(100 * kilobyte));
			fleet.server.faults.add("upload", { kind: "delay", milliseconds: 300 }, { skip: 1, times: 1 });
			const before = uploads().length;
			const outcome = fetch("/files/a.bin");
			while (uploads().length === before) await new Promise((done) => setTimeout(done, 5));
			act(path("a.bin"));
			assert.equal((await outcome).status, 5, name);
			assert.ok(uploads().length - before < 5, `${name}: it went on with ${uploads().length - before} parts`);
		}
		assert.equal((await read("/log")).toString().match(/was changed or deleted/g)?.length, 3);
	});

	it("may have changed between the two questions", async () => {
		await begin({ plain: true, settings: { pollSeconds: "600" } });
		put("a.bin", bytes(5_000));
		const [url = ""] = fleet.server.parts.begin(1);
		const ask = (id: string, size: number, urls: readonly string[]): void =>
			link.send({ method: "fs_file_download", id, file: "/files/a.bin", part_size: size, upload_urls: [...urls] });
		// Questions that the server has not asked: its rule for answers to them is to close the link.
		ask("1", 4_999, [`${fleet.server.url}/local_storage_multipart/parts/${url}`]);
		const reply = await link.until("fs_file_download_reply");
		assert.deepEqual([reply.status, reply.etags], [5, []]);
		assert.equal(uploads().length, 0);
		assert.equal((await link.untilEnd()).code, 4001);
		fleet.server.management.links.pop();
	});

	it("wait for a connection, and are refused when an update keeps it", async function () {
		this.timeout(120_000);
		await begin({ settings: { pollSeconds: "1" } });
		put("a.bin", bytes(10_000));
		fleet.server.faults.add("download", { kind: "stall", after: 4_096 });
		await fleet.offerFirmware("1.1.0");
		await fleet.says(/fetching|download/);
		const begun = Date.now();
		const outcome = await fetch("/files/a.bin");
		assert.equal(outcome.status, 16);
		assert.ok(Date.now() - begun > 15_000, "it did not wait");
		await fleet.says(/the connections are needed for an update/);
		fleet.server.faults.clear();
		await fleet.confirmed("1.1.0", 100_000);
	});
});
