import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { HTTPClient } from "fleetling/http/client";
import { type DownloadOptions, download, type ExchangeOptions, exchange } from "fleetling/http/exchange";
import { describe, it } from "test/harness";
import { answering } from "./answering";
import { textOf } from "./feeding";
import { turn, Wire } from "./wire";

const base = "http://192.0.2.1:80";

const response = (status: string, body: string, ...fields: readonly string[]): string =>
	[`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...fields, "", body].join("\r\n");

const redirectTo = (location: string, status = "302 Found"): string => response(status, "moved", `Location: ${location}`);

const chunked = (status: string, body: string): string =>
	`HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

async function failure(promise: Promise<unknown>): Promise<FleetlingError> {
	try {
		await promise;
	} catch (error) {
		if (error instanceof FleetlingError) return error;
		throw error;
	}
	throw new Error("no error");
}

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

describe("http download", () => {
	const text = Array.from({ length: 1000 }, (_, index) => String(index).padStart(5, " ")).join("");

	const collect = (blocks: string[], more: Partial<DownloadOptions> = {}): DownloadOptions => ({
		url: base,
		buffer: new Uint8Array(512),
		onBlock(bytes) {
			blocks.push(textOf(bytes));
		},
		...more,
	});

	for (const [name, body] of [
		["announced", response("200 OK", text)],
		["in chunks", chunked("200 OK", text)],
		["until the end of the connection", null],
	] as const) {
		it(`delivers whole blocks and the rest, ${name}`, async () => {
			const blocks: string[] = [];
			let got: Promise<{ received: number; complete: boolean }>;
			if (body === null) {
				const wire = new Wire();
				got = download(wire.client(), collect(blocks, { url: "/" }));
				await turn();
				wire.last.takes();
				wire.last.arrive(`HTTP/1.1 200 OK\r\n\r\n${text}`);
				wire.last.end();
			} else got = download(answering({ "GET /": body }).pool, collect(blocks));
			const { received, complete } = await got;
			assert.equal(blocks.join(""), text);
			assert.deepEqual(
				blocks.map((block) => block.length),
				[...Array.from({ length: 9 }, () => 512), 392],
			);
			assert.equal(received, 5000);
			assert.isTrue(complete);
		});
	}
	it("hands out the same memory for every block", async () => {
		const buffer = new Uint8Array(1000);
		const seen = new Set<Uint8Array>();
		const { pool } = answering({ "GET /": response("200 OK", text) });
		await download(pool, { url: base, buffer, onBlock: (bytes) => void seen.add(bytes) });
		assert.deepEqual([...seen], [buffer]);
	});
	it("waits for a block that takes its time, and reads nothing meanwhile", async () => {
		const { pool, wire } = answering({ "GET /": response("200 OK", text) }, {}, 10_000);
		let busy = 0;
		let worst = 0;
		const unread: number[] = [];
		const blocks: string[] = [];
		await download(
			pool,
			collect(blocks, {
				async onBlock(bytes) {
					worst = Math.max(worst, ++busy);
					const before = wire.last.unread;
					await turn(3);
					unread.push(before - wire.last.unread);
					blocks.push(textOf(bytes));
					busy--;
				},
			}),
		);
		assert.equal(blocks.join(""), text);
		assert.equal(worst, 1);
		assert.deepEqual([...new Set(unread)], [0]);
	});
	it("ends after its last block has been dealt with", async () => {
		for (const size of [1024, 1025]) {
			const { pool } = answering({ "GET /": response("200 OK", "x".repeat(size)) }, {}, 10_000);
			let dealt = 0;
			const got = await download(
				pool,
				collect([], {
					async onBlock(bytes) {
						const { length } = bytes;
						await turn(10);
						dealt += length;
					},
				}),
			);
			assert.equal(dealt, size);
			assert.equal(got.received, size);
		}
	});
	it("leaves the body of an error alone", async () => {
		const blocks: string[] = [];
		const { pool, wire } = answering({ "GET /": response("404 Not Found", "<html>") });
		const got = await download(pool, collect(blocks));
		assert.equal(got.status, 404);
		assert.isFalse(got.complete);
		assert.lengthOf(blocks, 0);
		assert.isFalse(wire.last.closed, "a short body is read and dropped");
	});
	it("lets the caller decide by the headers", async () => {
		const blocks: string[] = [];
		const { pool, requests } = answering({
			"GET /": response("206 Partial", "world", "Content-Range: bytes 6-10/11", 'ETag: "x"'),
		});
		const got = await download(
			pool,
			collect(blocks, {
				headers: [
					["Range", "bytes=6-"],
					["If-Range", '"x"'],
				],
				wanted: ["content-range", "etag"],
				onHead: (head) => head.status === 206 && head.headers.get("content-range") === "bytes 6-10/11",
			}),
		);
		assert.isTrue(got.complete);
		assert.deepEqual(blocks, ["world"]);
		assert.include(requests[0], '\r\nRange: bytes=6-\r\nIf-Range: "x"\r\n');
		const none = await download(pool, collect(blocks, { onHead: () => false }));
		assert.equal(none.received, 0);
		assert.isFalse(none.complete);
	});
	for (const [name, stop] of [
		["at once", () => false],
		[
			"later",
			async () => {
				await turn(2);
				return false;
			},
		],
	] as const) {
		it(`stops when a block says so ${name}`, async () => {
			const { pool, wire } = answering({ "GET /": response("200 OK", text) });
			let calls = 0;
			const got = await download(pool, collect([], { onBlock: () => (++calls < 3 ? true : stop()) }));
			assert.equal(calls, 3);
			assert.equal(got.received, 1536);
			assert.isFalse(got.complete);
			assert.isTrue(wire.last.closed);
		});
	}
	for (const [name, fail] of [
		[
			"at once",
			() => {
				throw new RangeError("flash");
			},
		],
		[
			"later",
			async () => {
				await turn(2);
				throw new RangeError("flash");
			},
		],
	] as const) {
		it(`fails with what a block throws ${name}`, async () => {
			const { pool, wire } = answering({ "GET /": response("200 OK", text) });
			let error: unknown;
			try {
				await download(pool, collect([], { onBlock: fail }));
			} catch (thrown) {
				error = thrown;
			}
			assert.instanceOf(error, RangeError);
			assert.isTrue(wire.last.closed);
		});
	}
	it("fails with what onHead throws", async () => {
		const { pool } = answering({ "GET /": response("200 OK", text) });
		const error = new FleetlingError("http.bad-response", "wrong object");
		assert.equal(
			await failure(
				download(
					pool,
					collect([], {
						onHead() {
							throw error;
						},
					}),
				),
			),
			error,
		);
	});
	it("that breaks off has delivered whole blocks, and ends after the one in hand", async () => {
		const wire = new Wire();
		const blocks: string[] = [];
		let inHand = false;
		const got = failure(
			download(
				wire.client(),
				collect(blocks, {
					url: "/",
					async onBlock(bytes) {
						inHand = true;
						await turn(30);
						blocks.push(textOf(bytes));
						inHand = false;
					},
				}),
			),
		);
		await turn();
		wire.last.takes();
		wire.last.arrive(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${text.slice(0, 700)}`);
		wire.last.end();
		assert.equal((await got).code, "http.body-short");
		assert.isFalse(inHand);
		assert.deepEqual(blocks, [text.slice(0, 512)]);
	});
	it("can be cancelled while a block is in hand: it ends after the block", async () => {
		const { pool } = answering({ "GET /": response("200 OK", text) });
		const reason = new FleetlingError("http.cancelled", "stop");
		let cancel: (() => void) | undefined;
		let release: (() => void) | undefined;
		let ended = false;
		let calls = 0;
		const got = failure(
			download(
				pool,
				collect([], {
					cancel: {
						reason,
						add(added) {
							cancel = added;
						},
						remove() {},
					},
					onBlock() {
						calls++;
						return new Promise((resolve) => {
							release = () => resolve(true);
						});
					},
				}),
			),
		).finally(() => {
			ended = true;
		});
		while (release === undefined) await turn(1);
		cancel?.();
		await turn(5);
		assert.isFalse(ended, "the memory of the block is still in use");
		release();
		assert.equal(await got, reason);
		assert.equal(calls, 1);
	});
});

describe("http pool", () => {
	it("opens as many connections as it may, and gives up the one unused for longest", async () => {
		const { pool, wire } = answering({ "GET /": response("200 OK", "x") });
		for (const host of ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"]) await exchange(pool, { url: `http://${host}/` });
		assert.deepEqual(
			wire.sockets.map(({ options, closed }) => [options.address, closed]),
			[
				["192.0.2.1", false],
				["192.0.2.2", true],
				["192.0.2.3", false],
			],
		);
		pool.release();
		assert.isTrue(wire.sockets.every(({ closed }) => closed));
	});
	it("refuses another when all are in use", async () => {
		const { pool } = answering({ "GET /": response("200 OK", "x") }, { connections: 1 });
		const first = exchange(pool, { url: "http://192.0.2.1/" });
		assert.equal((await failure(exchange(pool, { url: "http://192.0.2.2/" }))).code, "http.busy");
		await first;
		assert.equal((await exchange(pool, { url: "http://192.0.2.2/" })).status, 200);
	});
	it("gives each TLS socket the name and the session of its origin", async () => {
		const trust = {};
		const wire = new Wire();
		const { pool } = { pool: answering({}, { https: { ...wire.socket(), over: Wire, secure: { trust } } }).pool };
		interface Secure {
			readonly serverName: string;
			readonly session: ArrayBuffer | undefined;
			readonly trust: object;
			onSession(session: ArrayBuffer): void;
		}
		const connect = async (error?: Error): Promise<Secure> => {
			const waiting = exchange(pool, { url: "https://192.0.2.1/", timeouts: { keepAlive: 0 } }).catch(() => undefined);
			await turn();
			const socket = wire.last;
			const secure = socket.options.secure as Secure;
			const seen = { ...secure };
			if (error === undefined) {
				secure.onSession(new ArrayBuffer(7));
				socket.takes();
				socket.arrive("HTTP/1.1 204 No Content\r\n\r\n");
			} else socket.end(error);
			await waiting;
			return seen;
		};
		const first = await connect();
		assert.equal(first.serverName, "192.0.2.1");
		assert.equal(first.trust, trust);
		assert.isUndefined(first.session);
		assert.equal((await connect()).session?.byteLength, 7);
		assert.equal((await connect(new Error("handshake"))).session?.byteLength, 7);
		assert.isUndefined((await connect()).session, "a session that may be the fault is tried again");
	});
	for (const [missing, url] of [
		["http", "http://192.0.2.1/"],
		["https", "https://192.0.2.1/"],
	] as const) {
		it(`without ${missing} sockets refuses such links`, async () => {
			const wire = new Wire();
			const { pool } = answering({}, missing === "http" ? { http: undefined as never } : { https: undefined as never });
			assert.equal((await failure(exchange(pool, { url }))).code, "http.unsupported");
			assert.lengthOf(wire.sockets, 0);
		});
	}
});
