/** Facts B.7 and F: parts of files, and how an administrator gets one. */
import { strict as assert } from "node:assert";
import { createAuthority } from "../../../pki/pki";
import { RdfmServer } from "../server";
import { exchange, json, sendJson } from "./client";
import { TestDevice, withServer } from "./device";
import { ManagementPeer } from "./peer";

const part = (server: RdfmServer, name: string): string => `${server.url}/local_storage_multipart/parts/${name}`;

describe("B.7 parts", () => {
	const server = new RdfmServer();
	before(() => server.start());
	after(() => server.stop());

	it("are stored without a token, and named by their last name", async () => {
		const response = await exchange(part(server, "a/b"), { method: "PUT", body: "abc" });
		assert.equal(response.status, 200);
		assert.equal(response.headers.etag, "b");
		assert.equal(response.text, "");
		assert.equal(Buffer.from(server.parts.parts.get("a/b") ?? []).toString(), "abc");
	});

	const stored: readonly (readonly [type: string, bytes: number])[] = [
		["application/octet-stream", 3],
		["text/plain", 3],
		["application/x-www-form-urlencoded", 0],
		["multipart/form-data; boundary=x", 0],
	];
	for (const [type, bytes] of stored)
		it(`of type ${type} -> 200 and ${bytes} bytes`, async () => {
			const response = await exchange(part(server, "x"), { method: "PUT", body: "abc", headers: { "Content-Type": type } });
			assert.equal(response.status, 200);
			assert.equal(server.parts.parts.get("x")?.byteLength, bytes);
		});

	it("may come in chunks", async () => {
		await exchange(part(server, "c"), { method: "PUT", body: "chunked", chunked: true });
		assert.equal(server.parts.parts.get("c")?.byteLength, 7);
	});
});

describe("F files", () => {
	const server = new RdfmServer();
	let macs = 0;
	let device: TestDevice;
	let peer: ManagementPeer;
	const content = Buffer.from("The quick brown fox");
	const ask = (file: unknown = "/log") =>
		sendJson(`${server.url}/api/v2/devices/${server.devices.find(device.mac)?.id}/fs/file`, { file });

	before(() => server.start({ flavour: "gunicorn" }));
	after(() => server.stop());
	beforeEach(async () => {
		macs += 1;
		device = new TestDevice(server, `02:00:00:00:0f:${macs.toString(16).padStart(2, "0")}`);
		await device.enrol();
		peer = await new ManagementPeer(server, `Bearer token=${device.token}`).opened();
		peer.say({ method: "capability_report", capabilities: { filesystem: true } });
		await server.management.connected(device.mac);
		server.files.partSize = 10_485_760;
	});
	afterEach(() => peer.socket.terminate());

	/** Answers a probe, and puts the parts as they were asked for. */
	async function serve(status = 0, etags: (names: readonly string[]) => readonly string[] = (names) => names): Promise<void> {
		const probe = await peer.hears("fs_file_probe");
		peer.say({ method: "fs_file_probe_reply", id: probe.id, status: 0, size: content.length });
		const { id, upload_urls: urls, part_size: size } = await peer.hears("fs_file_download");
		const names: string[] = [];
		for (const [at, url] of (urls as readonly string[]).entries()) {
			const body = content.subarray(at * Number(size), (at + 1) * Number(size));
			names.push(String((await exchange(url, { method: "PUT", body })).headers.etag));
		}
		peer.say({ method: "fs_file_download_reply", id, status, etags: etags(names) });
	}

	it("of up to a part's size have one part of just their size", async () => {
		const answer = ask();
		await serve();
		const { status, url } = json(await answer) as { readonly status: number; readonly url: string };
		assert.equal(status, 0);
		const [message] = peer.of("fs_file_download");
		assert.equal(message?.part_size, content.length);
		assert.equal((message?.upload_urls as readonly string[]).length, 1);
		assert.equal((await exchange(url)).text, content.toString());
	});

	it("that are larger have as many parts as they need", async () => {
		server.files.partSize = 7;
		const answer = ask();
		await serve();
		const { url } = json(await answer) as { readonly url: string };
		const [message] = peer.of("fs_file_download");
		assert.equal(message?.part_size, 7);
		assert.equal((message?.upload_urls as readonly string[]).length, 3);
		assert.equal((await exchange(url)).text, content.toString());
	});

	const wrong: Readonly<Record<string, (names: readonly string[]) => readonly string[]>> = {
		"too few": (names) => names.slice(1),
		quoted: (names) => names.map((name) => `"${name}"`),
		"in another order": (names) => [...names].reverse(),
	};
	for (const [name, change] of Object.entries(wrong))
		it(`whose etags are ${name} are there, and their link leads nowhere`, async () => {
			server.files.partSize = 7;
			const answer = ask();
			await serve(0, change);
			const { status, url } = json(await answer) as { readonly status: number; readonly url: string };
			assert.equal(status, 0);
			assert.equal((await exchange(url)).status, 404);
		});

	for (const [status, size] of [
		[2, 100],
		[0, 0],
	])
		it(`are not asked for after a probe with status ${status} and size ${size}`, async () => {
			const answer = ask();
			const { id } = await peer.hears("fs_file_probe");
			peer.say({ method: "fs_file_probe_reply", id, status, size });
			assert.deepEqual(json(await answer), { status: 1, url: "" });
			assert.equal(peer.of("fs_file_download").length, 0);
		});

	it("the device's status is handed on", async () => {
		const answer = ask();
		await serve(5);
		assert.deepEqual(json(await answer), { status: 5, url: "" });
	});

	for (const method of ["fs_file_probe_reply", "fs_file_download_reply"])
		it(`${method} that nobody waits for -> 4001`, async () => {
			peer.say({ method, id: "nobody", status: 0, size: 1, etags: [] });
			assert.deepEqual(await peer.ended, { code: 4001, reason: "invalid filesystem response" });
		});

	it("etags of null -> 4001", async () => {
		peer.say({ method: "fs_file_download_reply", id: "x", status: 1, etags: null });
		assert.equal((await peer.ended).code, 4001);
	});

	it("have links of http from a server that does TLS", async () => {
		const authority = await createAuthority({ name: "Test root" });
		const { keyPEM, chainPEM } = await authority.issue({ names: ["localhost"], ips: ["127.0.0.1"] });
		await withServer({ tls: { key: keyPEM, cert: chainPEM } }, async (secure) => {
			const ca = authority.certPEM;
			const other = await new TestDevice(secure, "02:00:00:00:0f:ff", "1.0.0", { ca }).enrol();
			const there = await new ManagementPeer(secure, `Bearer token=${other.token}`, { ca }).opened();
			there.say({ method: "capability_report", capabilities: { filesystem: true } });
			void secure.files.fetch(await secure.management.connected(other.mac), "/log");
			const { id } = await there.hears("fs_file_probe");
			there.say({ method: "fs_file_probe_reply", id, status: 0, size: 5 });
			const [url] = (await there.hears("fs_file_download")).upload_urls as readonly string[];
			assert.match(url ?? "", /^http:\/\/127\.0\.0\.1:/);
			await assert.rejects(exchange(url ?? "", { method: "PUT", body: "abcde" }));
			const right = await exchange((url ?? "").replace("http:", "https:"), { method: "PUT", body: "abcde", ca });
			assert.equal(right.status, 200);
			there.socket.terminate();
		});
	});

	it("need a device that is connected", async () => {
		peer.socket.terminate();
		await server.management.linkOf(device.mac)?.untilEnd();
		assert.equal((await ask()).status, 404);
		assert.equal((await sendJson(`${server.url}/api/v2/devices/999/fs/file`, { file: "/log" })).status, 404);
		assert.equal((await ask(7)).status, 400);
	});
});
