/** The HTTP client against a peer that breaks the rules, breaks off, or falls silent. */
import assert from "node:assert/strict";
import { type RawServer, startRaw, startRawByPath } from "../servers/raw/raw";
import { runStep, runSteps } from "./http-runs";
import type { Step } from "./programs/http-steps";

/** Long enough for a busy machine, short enough to tell a deadline from a hang. */
const slack = 1500;

let server: RawServer | undefined;
const url = (path = "/"): string => `http://127.0.0.1:${server?.port}${path}`;

interface Malformed {
	readonly name: string;
	readonly response: string;
	readonly code: string;
	/** The body is sent to its end, then the connection stays open. */
	readonly end?: boolean;
}

const ok = "HTTP/1.1 200 OK\r\n";
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

const malformed: readonly Malformed[] = [
	{ name: "another protocol", response: "SSH-2.0-OpenSSH_9.2\r\n", code: "http.bad-response" },
	{ name: "a status line of HTTP/2", response: "HTTP/2 200\r\n\r\n", code: "http.bad-response" },
	{ name: "a status of two digits", response: "HTTP/1.1 20 OK\r\n\r\n", code: "http.bad-response" },
	{ name: "HTML without a header", response: "<html>\r\n<body>gone</body></html>", code: "http.bad-response" },
	{ name: "a line without end", response: `${ok}X: ${"a".repeat(100_000)}`, code: "http.head-too-large" },
	{ name: "a status line without end", response: "a".repeat(100_000), code: "http.head-too-large" },
	{ name: "headers without end", response: ok + "X-Some: thing\r\n".repeat(10_000), code: "http.head-too-large" },
	{
		name: "interim responses without end",
		response: "HTTP/1.1 102 Processing\r\n\r\n".repeat(10_000),
		code: "http.bad-response",
	},
	{ name: "a folded line", response: `${ok}X: a\r\n b\r\n\r\n`, code: "http.bad-response" },
	{ name: "NUL in a header", response: `${ok}X: a\0b\r\n\r\n`, code: "http.bad-response" },
	{ name: "two lengths", response: `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, code: "http.bad-response" },
	{ name: "the same length twice", response: `${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`, code: "http.bad-response" },
	{ name: "a negative length", response: `${ok}Content-Length: -1\r\n\r\n`, code: "http.bad-response" },
	{ name: "a length of 20 digits", response: `${ok}Content-Length: 18446744073709551617\r\n\r\na`, code: "http.bad-response" },
	{ name: "an unknown transfer coding", response: `${ok}Transfer-Encoding: gzip\r\n\r\n`, code: "http.unsupported" },
	{ name: "a switch of protocols", response: "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", code: "http.unsupported" },
	{ name: "a chunk size that is none", response: `${chunked}hello\r\n`, code: "http.bad-response" },
	{ name: "a chunk size beyond all bounds", response: `${chunked}fffffffffffffffff\r\n`, code: "http.bad-response" },
	{ name: "a chunk extension without end", response: `${chunked}1;${"a".repeat(100_000)}`, code: "http.head-too-large" },
	{ name: "a chunk longer than its size", response: `${chunked}1\r\nab\r\n0\r\n\r\n`, code: "http.head-too-large" },
	{ name: "trailers without end", response: `${chunked}0\r\n${"X: y\r\n".repeat(10_000)}`, code: "http.head-too-large" },
	{ name: "a body shorter than announced", response: `${ok}Content-Length: 10\r\n\r\nabc`, code: "http.body-short", end: true },
	{ name: "chunks without the last", response: `${chunked}3\r\nabc\r\n`, code: "http.body-short", end: true },
	{ name: "nothing at all", response: "", code: "net.closed", end: true },
	{ name: "half a header", response: `${ok}Content-Le`, code: "net.closed", end: true },
];

describe("http against a peer that breaks the rules", () => {
	afterEach(async () => {
		const closing = server;
		server = undefined;
		await closing?.close();
	});

	for (const pieces of [undefined, 7] as const) {
		it(`each fault is an error of its own, at once${pieces === undefined ? "" : `, in pieces of ${pieces} bytes`}`, async () => {
			const faults = malformed.filter(({ response }) => pieces === undefined || response.length < 1000);
			server = await startRawByPath(async ({ path }, connection) => {
				const fault = faults[Number(path.slice(1))];
				assert.ok(fault);
				if (pieces === undefined) connection.send(fault.response);
				else await connection.sendInPieces(fault.response, pieces);
				if (fault.end === true) connection.end();
			});
			const steps = faults.map((_, index): Step => ({ url: url(`/${index}`), timeouts: { headers: 3000, idle: 3000 } }));
			const { told, reported } = await runSteps(steps, { parallel: 1 });
			for (const [index, { code, message = "", took }] of told.entries()) {
				const fault = faults[index];
				assert.ok(fault);
				assert.equal(code, fault.code, `${fault.name}: ${message}`);
				assert.match(message, /^[\x20-\x7e]{30,}$/, fault.name);
				assert.ok(took < 2000, `${fault.name} took ${took} ms`);
			}
			assert.deepEqual(reported, []);
		});
	}

	// Every way of breaking off at every byte of a response that has everything in it.
	const response = `HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n${ok}Transfer-Encoding: chunked\r\nX-Some: thing\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Trailer: y\r\n\r\n`;
	const bodyStart = response.indexOf("\r\n\r\n5\r\n") + 4;
	for (const [how, before, after] of [
		["silence", "net.timeout", "net.timeout"],
		["its end", "net.closed", "http.body-short"],
		["a reset", "net.reset", "net.reset"],
	] as const) {
		it(`${how} after any byte of a response`, async () => {
			server = await startRawByPath(async ({ path }, connection) => {
				const [, cut = "0"] = path.split("/");
				connection.send(response.slice(0, Number(cut)));
				if (how === "silence") return;
				// The client shall have read what came before: a reset throws away what has not been.
				await new Promise((resolve) => setTimeout(resolve, 20));
				if (how === "its end") connection.end();
				else connection.reset();
			});
			const cuts = Array.from({ length: response.length }, (_, index) => index);
			const deadline = how === "silence" ? 60 : 5000;
			const timeouts = { headers: deadline, idle: deadline };
			const steps = cuts.map((cut): Step => ({ url: url(`/${cut}`), timeouts }));
			const { told } = await runSteps(steps, { parallel: 1, timeout: 60_000 });
			for (const [cut, { code, message, took }] of told.entries()) {
				assert.equal(code, cut < bodyStart ? before : after, `after ${cut} bytes: ${message}`);
				assert.ok(took < 60 + slack, `after ${cut} bytes it took ${took} ms`);
				if (how === "silence") assert.ok(took >= 59, `after ${cut} bytes it took only ${took} ms`);
			}
		});
	}

	it("silence before the connection is there: connect deadline", async () => {
		// An address that is reserved for documentation: nobody answers, or the network refuses at once.
		const told = await runStep({ url: "http://192.0.2.1:9/", timeouts: { connect: 200 } });
		assert.ok(told.code === "net.timeout" || told.code === "net.refused", told.code);
		assert.ok(told.took < 200 + slack);
	});
	it("a peer that takes nothing of a long request: send deadline", async () => {
		server = await startRaw(async (connection) => {
			connection.stopReading();
			await connection.closed;
		});
		const told = await runStep({ url: url(), method: "PUT", bodyBytes: 8_000_000, timeouts: { send: 300 } });
		assert.equal(told.code, "net.timeout");
		assert.ok(told.took >= 299 && told.took < 30_000, `${told.took} ms`);
	});
	it("a trickle of headers: headers deadline", async () => {
		server = await startRawByPath(async (_, connection) => connection.sendInPieces(`${ok}${"X: 1\r\n".repeat(100)}`, 2, 20));
		const told = await runStep({ url: url(), timeouts: { headers: 300, idle: 100 } });
		assert.equal(told.code, "net.timeout");
		assert.ok(told.took >= 299 && told.took < 300 + slack, `${told.took} ms`);
	});
	it("a trickle of a body: total deadline only", async () => {
		server = await startRawByPath(async (_, connection) =>
			connection.sendInPieces(`${ok}Content-Length: 100000\r\n\r\n${"x".repeat(1000)}`, 5, 20),
		);
		const told = await runStep({ url: url(), kind: "download", timeouts: { idle: 200, total: 700 } });
		assert.equal(told.code, "net.timeout");
		assert.match(told.message ?? "", /whole request/);
		assert.ok(told.took >= 699 && told.took < 700 + slack, `${told.took} ms`);
	});
	it("silence is not blamed on a peer that is held back", async () => {
		const size = 200_000;
		server = await startRawByPath((_, connection) => connection.send(`${ok}Content-Length: ${size}\r\n\r\n${"x".repeat(size)}`));
		const told = await runStep({ url: url(), kind: "download", block: 50_000, slow: 300, timeouts: { idle: 100 } });
		assert.deepEqual([told.code, told.received], [undefined, size]);
	});

	describe("kept connections", () => {
		it("found closed: the request goes out once more, with its body", async () => {
			const seen: string[] = [];
			server = await startRaw(async (connection) => {
				for (let request = await connection.request(); request !== undefined; request = await connection.request()) {
					seen.push(`${connection.index} ${request.method} ${request.body.toString()}`);
					// The first connection breaks when it is used for the second time.
					if (connection.index === 0 && seen.length > 1) return connection.reset();
					connection.send(`${ok}Content-Length: 2\r\n\r\nok`);
				}
			});
			const { told } = await runSteps([
				{ url: url(), method: "POST", body: "one" },
				{ url: url(), method: "POST", body: "two" },
				{ url: url(), method: "POST", body: "three" },
			]);
			assert.deepEqual(
				told.map(({ text, code }) => text ?? code),
				["ok", "ok", "ok"],
			);
			assert.deepEqual(seen, ["0 POST one", "0 POST two", "1 POST two", "1 POST three"]);
		});
		it("found closed twice: an error", async () => {
			server = await startRaw(async (connection) => {
				await connection.request();
				if (connection.index > 0) return connection.end();
				connection.send(`${ok}Content-Length: 2\r\n\r\nok`);
				await connection.request();
				connection.end();
			});
			const { told } = await runSteps([{ url: url() }, { url: url() }]);
			assert.deepEqual(
				told.map(({ text, code }) => text ?? code),
				["ok", "net.closed"],
			);
			assert.equal(server.connections.length, 2);
		});
		it("broken after a part of the answer: a POST is not repeated", async () => {
			server = await startRaw(async (connection) => {
				await connection.request();
				connection.send(`${ok}Content-Length: 2\r\n\r\nok`);
				await connection.request();
				connection.send("HTTP/1.1 2");
				connection.end();
			});
			const { told } = await runSteps([
				{ url: url(), method: "POST", body: "1" },
				{ url: url(), method: "POST", body: "2" },
			]);
			assert.equal(told[1]?.code, "net.closed");
			assert.equal(server.connections.length, 1);
		});
		it("with surplus are closed, and the next response is the next one", async () => {
			const evil = `${ok}Content-Length: 4\r\n\r\nevil`;
			server = await startRawByPath(async ({ path }, connection) => {
				connection.send(`${ok}Content-Length: 4\r\n\r\n${path === "/0" ? "good" : "next"}`);
				if (path !== "/0") return;
				connection.send(evil);
				connection.send(evil.repeat(100));
			});
			const { told, reported } = await runSteps([{ url: url("/0") }, { url: url("/1"), pause: 100 }]);
			assert.deepEqual(
				told.map(({ text }) => text),
				["good", "next"],
			);
			assert.deepEqual(reported, ["http.surplus"]);
			assert.equal(server.connections.length, 2);
		});
		it("that speak while nobody asked are closed", async () => {
			server = await startRawByPath(async (_, connection) => {
				connection.send(`${ok}Content-Length: 4\r\n\r\ngood`);
				await new Promise((resolve) => setTimeout(resolve, 50));
				connection.send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
				connection.end();
			});
			const { told, reported } = await runSteps([{ url: url() }, { url: url(), pause: 200 }]);
			assert.deepEqual(
				told.map(({ text }) => text),
				["good", "good"],
			);
			assert.ok(reported.includes("http.surplus"));
			assert.equal(server.connections.length, 2);
		});
		it("after HEAD, 204 and 304 with a body all the same are closed", async () => {
			server = await startRawByPath(({ path }, connection) => {
				connection.send(`HTTP/1.1 ${path.slice(1)} X\r\nContent-Length: 4\r\n\r\nevil`);
			});
			const { told, reported } = await runSteps([
				{ url: url("/200"), method: "HEAD" },
				{ url: url("/204"), pause: 50 },
				{ url: url("/304"), pause: 50 },
			]);
			assert.deepEqual(
				told.map(({ status, text }) => [status, text]),
				[
					[200, ""],
					[204, ""],
					[304, ""],
				],
			);
			assert.deepEqual(reported, ["http.surplus", "http.surplus", "http.surplus"]);
			assert.equal(server.connections.length, 3);
		});
	});

	describe("bodies that end with the connection", () => {
		it("are complete at its orderly end", async () => {
			server = await startRawByPath((_, connection) => {
				connection.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it");
				connection.end();
			});
			assert.equal((await runStep({ url: url() })).text, "all of it");
		});
		it("are not complete at a reset", async () => {
			server = await startRawByPath(async (_, connection) => {
				connection.send(`${ok}\r\nnot all of it`);
				await new Promise((resolve) => setTimeout(resolve, 50));
				connection.reset();
			});
			assert.equal((await runStep({ url: url() })).code, "net.reset");
		});
		it("of a download come whole", async () => {
			server = await startRawByPath((_, connection) => {
				connection.send(`${ok}\r\n${"x".repeat(100_000)}`);
				connection.end();
			});
			const told = await runStep({ url: url(), kind: "download", slow: 5 });
			assert.deepEqual([told.received, told.complete], [100_000, true]);
		});
	});

	it("an answer before the request is complete is taken, and the rest not sent", async () => {
		server = await startRaw(async (connection) => {
			while (connection.pending === 0) await new Promise((resolve) => setTimeout(resolve, 5));
			connection.stopReading();
			connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge");
			await connection.closed;
		});
		const told = await runStep({ url: url(), method: "PUT", bodyBytes: 8_000_000 });
		assert.deepEqual([told.status, told.text], [413, "large"]);
	});
	it("bodies above the limit: an error for a success, cut for an error", async () => {
		server = await startRawByPath(({ path }, connection) => {
			const [, status, form] = path.split("/");
			const body = "x".repeat(20_000);
			connection.send(
				form === "length"
					? `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`
					: `HTTP/1.1 ${status} X\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
			);
		});
		const paths = ["/200/length", "/200/chunks", "/500/length", "/500/chunks"];
		const { told } = await runSteps(paths.map((path) => ({ url: url(path) })));
		assert.deepEqual(
			told.map(({ code, status, truncated, text }) => code ?? [status, truncated, text?.length]),
			["http.body-too-large", "http.body-too-large", [500, true, 16_384], [500, true, 16_384]],
		);
	});
});
