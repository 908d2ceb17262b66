import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { HTTPClient } from "fleetling/http/client";
import { type ExchangeOptions, exchange } from "fleetling/http/exchange";
import { describe, it } from "test/harness";
import { answering } from "./answering";
import { base, chunked, failure, redirectTo, response } from "./outcome";
import { turn, Wire } from "./wire";

describe("http exchange", () => {
	it("brings status, headers, text and the server's date", async () => {
		const { pool } = answering({
			"GET /x?y": response("200 OK", '{"a":"\xc3\xa4"}', "Date: Sat, 21 Nov 2026 21:30:41 GMT", "X-A: 1"),
		});
		const got = await exchange(pool, { url: `${base}/x?y` });
		assert.equal(got.status, 200);
		assert.equal(got.text(), '{"a":"ä"}');
		assert.equal(got.headers.get("x-a"), "1");
		assert.equal(got.date, Date.UTC(2026, 10, 21, 21, 30, 41));
		assert.isFalse(got.truncated);
		assert.equal(got.url.path, "/x?y");
	});
	it("sends method, headers and body", async () => {
		const { pool, requests } = answering({ "POST /x": response("200 OK", "{}") });
		await exchange(pool, { url: `${base}/x`, method: "POST", headers: [["Content-Type", "application/json"]], body: '{"b":1}' });
		assert.deepEqual(requests, [
			'POST /x HTTP/1.1\r\nHost: 192.0.2.1\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"b":1}',
		]);
	});
	it("takes an HTML error as it is, and when to come back", async () => {
		const html = "<!doctype html><title>500</title>";
		const { pool } = answering({ "GET /": response("503 Unavailable", html, "Retry-After: 7", "Content-Type: text/html") });
		const got = await exchange(pool, { url: base, wanted: ["content-type"] });
		assert.equal(got.status, 503);
		assert.equal(got.text(), html);
		assert.equal(got.retryAfter, 7000);
		assert.isFalse(got.headers.has("content-length"));
	});
	it("takes 204 and 304 without a body", async () => {
		const { pool } = answering({
			"GET /204": "HTTP/1.1 204 NO CONTENT\r\n\r\n",
			"GET /304": "HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n",
		});
		for (const status of [204, 304]) {
			const got = await exchange(pool, { url: `${base}/${status}` });
			assert.equal(got.status, status);
			assert.equal(got.text(), "");
		}
	});
	for (const length of [0, 1, 511, 512, 513, 1024, 3000, 4096]) {
		it(`collects ${length} bytes, announced or in chunks`, async () => {
			const body = "x".repeat(length);
			const { pool } = answering({
				"GET /a": response("200 OK", body),
				"GET /b": length > 0 ? chunked("200 OK", body) : response("200 OK", ""),
			});
			for (const path of ["a", "b"]) assert.equal((await exchange(pool, { url: `${base}/${path}`, limit: 4096 })).text(), body);
		});
	}
	for (const [name, make] of [
		["announced", response],
		["in chunks", chunked],
	] as const) {
		it(`refuses a successful body above the limit, ${name}`, async () => {
			const { pool, wire } = answering({ "GET /": make("200 OK", "x".repeat(3000)) });
			assert.equal((await failure(exchange(pool, { url: base, limit: 2000 }))).code, "http.body-too-large");
			assert.isTrue(wire.last.closed);
		});
		it(`cuts an error's body above the limit, ${name}`, async () => {
			const { pool } = answering({ "GET /": make("500 Oops", "x".repeat(2001)) });
			const got = await exchange(pool, { url: base, limit: 2000 });
			assert.equal(got.status, 500);
			assert.isTrue(got.truncated);
			assert.equal(got.body.length, 2000);
		});
	}
	it("fails with the client's error", async () => {
		const { pool } = answering({ "GET /": null });
		assert.equal((await failure(exchange(pool, { url: base }))).code, "net.closed");
	});
	it("fails with bad options, without throwing at once", async () => {
		const { pool } = answering({});
		const bad: readonly ExchangeOptions[] = [{ url: "x" }, { url: "/x" }, { url: base, headers: [["a", "\n"]] }];
		for (const options of bad) assert.match((await failure(exchange(pool, options))).code, /^http\.bad-/);
	});
	it("fails when the pool is closed meanwhile, and afterwards", async () => {
		const { pool } = answering({});
		const waiting = failure(exchange(pool, { url: base }));
		pool.close();
		assert.equal((await waiting).code, "http.cancelled");
		assert.equal((await failure(exchange(pool, { url: base }))).code, "http.cancelled");
	});
	it("ends when it is cancelled, with the reason", async () => {
		const reason = new FleetlingError("net.timeout", "changed my mind");
		const listeners = new Set<() => void>();
		const cancel = {
			reason,
			add: (listener: () => void) => void listeners.add(listener),
			remove: (listener: () => void) => void listeners.delete(listener),
		};
		const { pool } = answering({ "GET /": response("200 OK", "") });
		await exchange(pool, { url: base, cancel });
		assert.equal(listeners.size, 0, "the listener was left behind");
		const waiting = failure(exchange(pool, { url: `${base}/`, cancel }));
		await undefined;
		assert.equal(listeners.size, 1);
		for (const listener of listeners) listener();
		assert.equal(await waiting, reason);
		assert.equal(listeners.size, 0);
	});
});

describe("http exchange: redirects", () => {
	it("are followed, relative ones too, on the same connection", async () => {
		const { pool, log, wire } = answering({
			"GET /a/b": redirectTo("../c"),
			"GET /c": redirectTo("/d?e", "308 Permanent"),
			"GET /d?e": response("200 OK", "there"),
		});
		const got = await exchange(pool, { url: `${base}/a/b`, wanted: [] });
		assert.equal(got.text(), "there");
		assert.equal(got.url.path, "/d?e");
		assert.deepEqual(log, [`GET ${base}/a/b`, `GET ${base}/c`, `GET ${base}/d?e`]);
		assert.lengthOf(wire.sockets, 1);
	});
	it("lose the body and the credentials where they must", async () => {
		const { pool, requests, log } = answering({
			"POST /x": redirectTo("http://192.0.2.2/y", "303 See Other"),
			"GET /y": response("200 OK", ""),
		});
		const headers = [
			["Authorization", "Bearer token=t"],
			["Accept", "*/*"],
			["Content-Type", "a/b"],
		] as const;
		await exchange(pool, { url: `${base}/x`, method: "POST", headers, body: "secret" });
		assert.deepEqual(log, [`POST ${base}/x`, "GET http://192.0.2.2:80/y"]);
		assert.equal(requests[1], "GET /y HTTP/1.1\r\nHost: 192.0.2.2\r\nAccept: */*\r\n\r\n");
	});
	it("keep the body with 307", async () => {
		const { pool, requests } = answering({ "PUT /x": redirectTo("/y", "307 Temporary"), "PUT /y": response("200 OK", "") });
		await exchange(pool, { url: `${base}/x`, method: "PUT", body: "data" });
		assert.isTrue(requests[1]?.endsWith("\r\n\r\ndata"));
	});
	it("repeat a body to another origin, but for one that is for the first alone", async () => {
		const { pool, log } = answering({
			"PUT /x": redirectTo("http://192.0.2.2/y", "307 Temporary"),
			"PUT /y": response("200 OK", ""),
			"PUT /z": redirectTo("/here", "308 Permanent"),
			"PUT /here": response("200 OK", "here"),
		});
		const options = { url: `${base}/x`, method: "PUT", body: "secret" };
		await exchange(pool, options);
		assert.deepEqual(log, [`PUT ${base}/x`, "PUT http://192.0.2.2:80/y"]);
		assert.equal((await failure(exchange(pool, { ...options, confined: true }))).code, "http.redirect-refused");
		assert.deepEqual(log.slice(2), [`PUT ${base}/x`]);
		assert.equal((await exchange(pool, { ...options, url: `${base}/z`, confined: true })).text(), "here");
	});
	it("end at the limit", async () => {
		const { pool, log } = answering({ "GET /": redirectTo("/") });
		assert.equal((await failure(exchange(pool, { url: base }))).code, "http.redirect-limit");
		assert.lengthOf(log, 6);
		assert.equal((await failure(exchange(pool, { url: base, redirects: 1 }))).code, "http.redirect-limit");
		assert.lengthOf(log, 8);
	});
	it("can be left to the caller", async () => {
		const { pool } = answering({ "GET /": redirectTo("/x") });
		const got = await exchange(pool, { url: base, redirects: 0 });
		assert.equal(got.status, 302);
		assert.equal(got.headers.get("location"), "/x");
		assert.equal(got.text(), "moved");
	});
	it("without Location are a response like any other", async () => {
		const { pool } = answering({ "GET /": response("301 Moved", "where?") });
		assert.equal((await exchange(pool, { url: base })).text(), "where?");
	});
	it("from https to http are refused", async () => {
		const { pool, log } = answering({ "GET /": redirectTo("http://192.0.2.1/") });
		assert.equal((await failure(exchange(pool, { url: "https://192.0.2.1/" }))).code, "http.redirect-refused");
		assert.deepEqual(log, ["GET https://192.0.2.1:443/"]);
	});
	it("to nonsense are refused", async () => {
		for (const location of ["ftp://h/", "http://", "//"]) {
			const { pool } = answering({ "GET /": redirectTo(location) });
			assert.equal((await failure(exchange(pool, { url: base }))).code, "http.bad-url");
		}
	});
	it("with a long body do not have it read", async () => {
		const { pool, wire } = answering({
			"GET /": response("302 Found", "x".repeat(100_000), "Location: /y"),
			"GET /y": response("200 OK", "y"),
		});
		assert.equal((await exchange(pool, { url: base })).text(), "y");
		assert.lengthOf(wire.sockets, 2);
	});
	it("are followed even if their own body breaks off", async () => {
		const wire = new Wire();
		const waiting = exchange(wire.client(), { url: "/x" });
		await turn();
		wire.last.takes();
		wire.last.arrive("HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 100\r\n\r\nmoved");
		wire.last.end();
		await turn();
		assert.lengthOf(wire.sockets, 2);
		wire.last.takes();
		wire.last.arrive(response("200 OK", "there"));
		assert.equal((await waiting).text(), "there");
	});
	it("of a client alone stay within its origin", async () => {
		const wire = new Wire();
		const client = new HTTPClient({ host: "192.0.2.1", port: 80, socket: wire.socket(), dns: wire.dns() });
		const waiting = failure(exchange(client, { url: "/x" }));
		await turn();
		wire.last.takes();
		assert.include(wire.last.sent, "GET /x ");
		wire.last.arrive(redirectTo("http://192.0.2.2/"));
		assert.equal((await waiting).code, "http.redirect-refused");
	});
});
