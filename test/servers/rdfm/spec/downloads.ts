/** Facts B.4: the download, its headers, ranges and conditions. */
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { httpDate } from "../dates";
import type { Package } from "../packages";
import { RdfmServer } from "../server";
import { assertHtml, exchange, type RequestParts, type Response } from "./client";

describe("B.4 download", () => {
	const server = new RdfmServer();
	const content = randomBytes(100_000);
	const size = content.length;
	let stored: Package;
	let etag = "";
	let modified = "";

	before(async () => {
		await server.start();
		stored = server.addPackage(content, { "rdfm.software.version": "1" });
		const { headers } = await get();
		etag = headers.etag ?? "";
		modified = headers["last-modified"] ?? "";
	});
	after(() => server.stop());

	const get = (headers: Record<string, string> = {}, parts: RequestParts = {}): Promise<Response> =>
		exchange(server.link(stored), { ...parts, headers });

	it("200 and its headers", async () => {
		const { status, headers, body } = await get();
		assert.equal(status, 200);
		assert.deepEqual(body, content);
		assert.equal(headers["content-type"], "application/octet-stream");
		assert.equal(headers["content-length"], String(size));
		assert.match(headers.etag ?? "", /^"\d+(\.\d+)?-100000-\d+"$/);
		assert.equal(headers["last-modified"], httpDate(stored.modified));
		assert.equal(headers["cache-control"], "no-cache");
		assert.equal(headers["content-disposition"], "inline");
	});
	it("no Accept-Ranges on 200 and HEAD, only on 206", async () => {
		assert.equal((await get()).headers["accept-ranges"], undefined);
		assert.equal((await get({}, { method: "HEAD" })).headers["accept-ranges"], undefined);
		assert.equal((await get({ Range: "bytes=0-0" })).headers["accept-ranges"], "bytes");
	});
	it("HEAD has the same headers and no body", async () => {
		const { status, headers, body } = await get({}, { method: "HEAD" });
		assert.equal(status, 200);
		assert.equal(headers["content-length"], String(size));
		assert.equal(headers.etag, etag);
		assert.equal(body.length, 0);
	});
	it("is public, Authorization does no harm", async () => {
		for (const authorization of ["Bearer token=garbage", "Bearer garbage"]) {
			assert.equal((await get({ Authorization: authorization })).status, 200);
		}
	});
	it("is not one-time", async () => {
		await get();
		assert.equal((await get()).status, 200);
	});
	it("knows no gzip", async () => {
		const { headers } = await get({ "Accept-Encoding": "gzip" });
		assert.equal(headers["content-encoding"], undefined);
	});
	it("the link's folder is the upload's", async () => {
		const inside = server.addPackage(content, {}, "some/where/");
		assert.match(server.link(inside), /\/local_storage\/some\/where\/[0-9a-f-]{36}$/);
		assert.equal((await exchange(server.link(inside))).status, 200);
		assert.throws(() => server.addPackage(content, {}, "../out"), /outside the storage/);
	});
	for (const path of ["unknown", "", "../etc/passwd", "%2e%2e/etc/passwd", "%zz"]) {
		it(`404 HTML for "${path}"`, async () => assertHtml(await exchange(`${server.url}/local_storage/${path}`), 404));
	}
	it("405 for POST", async () => assertHtml(await get({}, { method: "POST" }), 405));

	describe("Range", () => {
		const satisfiable: readonly (readonly [range: string, start: number, end: number])[] = [
			["bytes=0-99", 0, 100],
			["bytes=100-199", 100, 200],
			["bytes=99999-", 99_999, size],
			["bytes=50000-", 50_000, size],
			["bytes=0-", 0, size],
			["bytes=-1", size - 1, size],
			["bytes=-100000", 0, size],
			["bytes=-0", 0, size],
			["bytes=99990-200000", 99_990, size],
		];
		for (const [range, start, end] of satisfiable) {
			it(`${range} -> 206`, async () => {
				const { status, headers, body } = await get({ Range: range });
				assert.equal(status, 206);
				assert.equal(headers["content-range"], `bytes ${start}-${end - 1}/${size}`);
				assert.equal(headers["content-length"], String(end - start));
				assert.equal(headers.etag, etag);
				assert.deepEqual(body, content.subarray(start, end));
			});
		}
		const unsatisfiable = [
			"bytes=100000-",
			"bytes=100000-100001",
			"bytes=20-10",
			"bytes=-100001",
			"bytes=0-1,5-6",
			"bytes=a-b",
			"lines=0-1",
			"0-1",
		];
		for (const range of unsatisfiable) {
			it(`${range} -> 416`, async () => {
				const response = await get({ Range: range });
				assertHtml(response, 416);
				assert.equal(response.headers["content-range"], `bytes */${size}`);
			});
		}
		it("HEAD with a range is a 206 without a body", async () => {
			const { status, headers, body } = await get({ Range: "bytes=0-9" }, { method: "HEAD" });
			assert.deepEqual([status, headers["content-range"], body.length], [206, `bytes 0-9/${size}`, 0]);
		});
	});

	describe("If-Range", () => {
		const cases: readonly (readonly [name: string, value: () => string, status: 200 | 206])[] = [
			["the ETag", () => etag, 206],
			["Last-Modified", () => modified, 206],
			["a later date", () => httpDate(stored.modified + 60_000), 206],
			["another ETag", () => '"other"', 200],
			["the ETag, but weak", () => `W/${etag}`, 206],
			["the ETag, but unquoted", () => etag.slice(1, -1), 206],
			["an earlier date", () => httpDate(stored.modified - 60_000), 200],
		];
		for (const [name, value, status] of cases) {
			it(`${name} -> ${status}`, async () => {
				const response = await get({ Range: "bytes=10-19", "If-Range": value() });
				assert.equal(response.status, status);
				assert.equal(response.body.length, status === 206 ? 10 : size);
			});
		}
		it("stale after the file was replaced", async () => {
			const replaced = server.addPackage(content, {});
			const before = (await exchange(server.link(replaced))).headers.etag ?? "";
			replaced.content = randomBytes(size);
			replaced.modified += 5_000;
			const response = await exchange(server.link(replaced), { headers: { Range: "bytes=10-19", "If-Range": before } });
			assert.equal(response.status, 200);
			assert.deepEqual(response.body, replaced.content);
		});
	});

	describe("conditions", () => {
		it("If-None-Match -> 304 without a body", async () => {
			const { status, headers, body } = await get({ "If-None-Match": etag });
			assert.equal(status, 304);
			assert.equal(headers.etag, etag);
			assert.equal(headers["content-length"], undefined);
			assert.equal(body.length, 0);
		});
		const table: readonly (readonly [name: string, headers: () => Record<string, string>, status: number])[] = [
			["If-None-Match, weak", () => ({ "If-None-Match": `W/${etag}` }), 304],
			["If-None-Match, in a list", () => ({ "If-None-Match": `"x", ${etag}` }), 304],
			["If-None-Match, *", () => ({ "If-None-Match": "*" }), 304],
			["If-None-Match, another", () => ({ "If-None-Match": '"x"' }), 200],
			["If-Modified-Since the date", () => ({ "If-Modified-Since": modified }), 304],
			["If-Modified-Since before", () => ({ "If-Modified-Since": httpDate(stored.modified - 60_000) }), 200],
			["If-Match", () => ({ "If-Match": etag }), 200],
			["If-Match, *", () => ({ "If-Match": "*" }), 412],
			["If-Match, another", () => ({ "If-Match": '"x"' }), 412],
			["a range goes before If-None-Match", () => ({ "If-None-Match": etag, Range: "bytes=0-1" }), 206],
		];
		for (const [name, headers, status] of table) {
			it(`${name} -> ${status}`, async () => assert.equal((await get(headers())).status, status));
		}
	});

	it("an empty package has no ranges", async () => {
		const empty = server.addPackage(new Uint8Array(0), {});
		const { status, headers } = await exchange(server.link(empty), { headers: { Range: "bytes=0-" } });
		assert.deepEqual([status, headers["content-length"]], [200, "0"]);
	});

	it("8 MiB arrive whole and are counted", async () => {
		const large = randomBytes(8 << 20);
		const response = await exchange(server.link(server.addPackage(large, {})));
		assert.ok(response.body.equals(large));
		const record = await server.log.until(({ bytesSent }) => bytesSent === large.length);
		assert.deepEqual([record.route, record.status, record.complete], ["download", 200, true]);
	});
});
