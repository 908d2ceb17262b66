/** The HTTP client against Node's own server. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { runStep, runSteps } from "./http-runs";

interface Server {
	readonly url: string;
	readonly port: number;
	/** Number of connections so far. */
	readonly connections: () => number;
	/** "METHOD path" of each request, with its body. */
	readonly log: {
		readonly request: string;
		readonly headers: http.IncomingHttpHeaders;
		readonly body: Buffer;
		readonly raw: readonly string[];
	}[];
	close(): Promise<void>;
}

const open: Server[] = [];

async function serve(
	answer: (request: http.IncomingMessage, response: http.ServerResponse, body: Buffer) => void,
	options: http.ServerOptions = {},
): Promise<Server> {
	let connections = 0;
	const log: Server["log"] = [];
	const server = http.createServer(options, (request, response) => {
		const pieces: Buffer[] = [];
		request.on("data", (piece: Buffer) => pieces.push(piece));
		request.on("end", () => {
			const body = Buffer.concat(pieces);
			log.push({ request: `${request.method} ${request.url}`, headers: request.headers, body, raw: request.rawHeaders });
			answer(request, response, body);
		});
	});
	server.on("connection", () => connections++);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	const started: Server = {
		url: `http://127.0.0.1:${port}`,
		port,
		connections: () => connections,
		log,
		close: () =>
			new Promise((resolve) => {
				server.closeAllConnections();
				server.close(() => resolve());
			}),
	};
	open.push(started);
	return started;
}

const pattern = (size: number): Buffer =>
	Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 9)) & 255));
const sha256 = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

describe("http against Node's server", () => {
	afterEach(async () => {
		for (const server of open.splice(0)) await server.close();
	});

	it("gets, with headers in order and the Host field", async () => {
		const server = await serve((_, response) => response.end("hello"));
		const headers = [
			["X-B", "1"],
			["Accept", "*/*"],
			["X-A", "2"],
		] as const;
		const told = await runStep({ url: `${server.url}/a/b?c=d%20e`, headers });
		assert.equal(told.status, 200);
		assert.equal(told.text, "hello");
		assert.equal(server.log[0]?.request, "GET /a/b?c=d%20e");
		assert.deepEqual(server.log[0]?.raw, ["Host", `127.0.0.1:${server.port}`, "X-B", "1", "Accept", "*/*", "X-A", "2"]);
		assert.ok(Math.abs((told.date ?? 0) - Date.now()) < 5000, "the server's date is not read");
	});
	for (const size of [0, 1, 4095, 4096, 20_000, 300_000]) {
		it(`posts ${size} bytes with their length`, async () => {
			const server = await serve((_, response, body) => response.end(sha256(body)));
			const told = await runStep({ url: server.url, method: "POST", bodyBytes: size });
			const expected = Buffer.from(Uint8Array.from({ length: size }, (_, index) => index * 7));
			assert.equal(told.text, sha256(expected));
			assert.equal(server.log[0]?.headers["content-length"], String(size));
		});
	}
	it("posts text as UTF-8", async () => {
		const server = await serve((_, response, body) => response.end(body));
		assert.equal((await runStep({ url: server.url, method: "POST", body: '{"name":"Grüße €"}' })).text, '{"name":"Grüße €"}');
	});
	it("takes chunks with trailers", async () => {
		const server = await serve((_, response) => {
			response.writeHead(200, { Trailer: "X-Sum" });
			for (let i = 0; i < 20; i++) response.write(`chunk ${i};`);
			response.addTrailers({ "X-Sum": "1" });
			response.end();
		});
		const { told } = await runSteps([{ url: server.url }, { url: server.url }]);
		for (const { text } of told) assert.equal(text, Array.from({ length: 20 }, (_, index) => `chunk ${index};`).join(""));
		assert.equal(server.connections(), 1);
	});
	it("takes HEAD, 204 without a length, 304, and goes on with the same connection", async () => {
		const server = await serve((request, response) => {
			if (request.url === "/204") {
				response.removeHeader("Content-Length");
				response.writeHead(204, { "Content-Type": "application/json" });
			}
			if (request.url === "/304") response.writeHead(304, { ETag: '"x"', "Content-Length": "500" });
			if (request.url === "/head") response.writeHead(200, { "Content-Length": "500" });
			response.end();
		});
		const { told } = await runSteps([
			{ url: `${server.url}/head`, method: "HEAD" },
			{ url: `${server.url}/204`, method: "POST", body: "{}" },
			{ url: `${server.url}/304` },
			{ url: `${server.url}/` },
		]);
		assert.deepEqual(
			told.map(({ status, text }) => [status, text]),
			[
				[200, ""],
				[204, ""],
				[304, ""],
				[200, ""],
			],
		);
		assert.equal(told[0]?.headers?.["content-length"], "500");
		assert.equal(server.connections(), 1);
	});
	it("skips interim responses", async () => {
		const server = await serve((_, response) => {
			response.writeContinue();
			response.writeProcessing();
			response.writeEarlyHints({ link: "</x>; rel=preload" });
			response.end("final");
		});
		const told = await runStep({ url: server.url });
		assert.equal(told.text, "final");
		assert.equal(told.headers?.link, undefined);
	});
	it("takes errors with bodies of any kind", async () => {
		const html = "<!doctype html>\n<title>500 Internal Server Error</title>\n";
		const server = await serve((request, response) => {
			response.writeHead(Number(request.url?.slice(1)), { "Content-Type": "text/html", "Retry-After": "30" });
			response.end(html);
		});
		const { told } = await runSteps([400, 401, 404, 415, 429, 500, 503].map((status) => ({ url: `${server.url}/${status}` })));
		for (const { text, retryAfter } of told) assert.deepEqual([text, retryAfter], [html, 30_000]);
		assert.deepEqual(
			told.map(({ status }) => status),
			[400, 401, 404, 415, 429, 500, 503],
		);
		assert.equal(server.connections(), 1);
	});
	it("keeps only the headers that are wanted", async () => {
		const server = await serve((_, response) => {
			response.setHeader("ETag", '"v1"');
			response.setHeader("X-Noise", "n".repeat(2000));
			response.end();
		});
		const told = await runStep({ url: server.url, wanted: ["etag"] });
		assert.deepEqual(Object.keys(told.headers ?? {}).sort(), ["date", "etag"]);
	});

	describe("connections", () => {
		it("are kept and used again", async () => {
			const server = await serve((_, response) => response.end("x"));
			await runSteps(Array.from({ length: 10 }, () => ({ url: server.url })));
			assert.equal(server.connections(), 1);
			assert.equal(server.log.length, 10);
		});
		it("are closed when the server wants it", async () => {
			const server = await serve((_, response) => {
				response.setHeader("Connection", "close");
				response.end("x");
			});
			const { told, reported } = await runSteps(Array.from({ length: 3 }, () => ({ url: server.url })));
			assert.deepEqual(
				told.map(({ text }) => text),
				["x", "x", "x"],
			);
			assert.equal(server.connections(), 3);
			assert.deepEqual(reported, []);
		});
		it("that the server has dropped meanwhile are replaced, for POST too", async () => {
			const server = await serve((_, response) => response.end("x"), { keepAliveTimeout: 60 });
			// Node announces a time-out in whole seconds only; this one is as silent as gunicorn's.
			const { told } = await runSteps(
				Array.from({ length: 4 }, () => ({ url: server.url, method: "POST", body: "{}", pause: 150 })),
			);
			assert.deepEqual(
				told.map(({ text, code }) => text ?? code),
				["x", "x", "x", "x"],
			);
			assert.equal(server.connections(), 4);
		});
		it("are closed after their own time", async () => {
			const server = await serve((_, response) => response.end("x"));
			const { told } = await runSteps([{ url: server.url }, { url: server.url, pause: 250 }], {
				pool: { timeouts: { keepAlive: 100 } },
			});
			assert.equal(told.length, 2);
			assert.equal(server.connections(), 2);
		});
		it("resolve names", async () => {
			const server = await serve((_, response) => response.end("x"));
			assert.equal((await runStep({ url: `http://localhost:${server.port}/` })).text, "x");
			assert.equal(server.log[0]?.headers.host, `localhost:${server.port}`);
		});
		it("fail with a name that does not exist", async () => {
			const told = await runStep({ url: "http://no-such-host.invalid/" });
			assert.equal(told.code, "net.dns");
			assert.match(told.message ?? "", /no-such-host\.invalid/);
		});
		it("fail where nobody listens", async () => {
			const server = await serve((_, response) => response.end());
			await server.close();
			const told = await runStep({ url: server.url });
			assert.equal(told.code, "net.refused");
			assert.match(told.message ?? "", new RegExp(`127\\.0\\.0\\.1:${server.port}`));
			assert.ok(told.took < 1000);
		});
	});

	describe("redirects", () => {
		it("are followed with their rules, without credentials to another origin", async () => {
			const other = await serve((_, response) => response.end("other"));
			const server = await serve((request, response) => {
				const target = { "/a": "/b?x", "/b?x": "c/../d", "/d": `${other.url}/end` }[request.url ?? ""];
				response.writeHead(307, { Location: target ?? "/" });
				response.end("moved");
			});
			const headers = [
				["Authorization", "Bearer token=secret"],
				["X-RDFM-Device-Signature", "c2ln"],
				["Cookie", "a=b"],
				["Accept", "*/*"],
			] as const;
			const told = await runStep({ url: `${server.url}/a`, method: "POST", body: "{}", headers });
			assert.equal(told.text, "other");
			assert.equal(told.path, "/end");
			assert.equal(server.connections(), 1);
			for (const { headers: sent } of server.log) assert.equal(sent.authorization, "Bearer token=secret");
			assert.deepEqual(other.log[0]?.raw, ["Host", `127.0.0.1:${other.port}`, "Accept", "*/*", "Content-Length", "2"]);
			assert.equal(other.log[0]?.body.toString(), "{}");
		});
		it("stop at the limit", async () => {
			const server = await serve((_, response) => {
				response.writeHead(302, { Location: "/again" });
				response.end();
			});
			const told = await runStep({ url: server.url });
			assert.equal(told.code, "http.redirect-limit");
			assert.equal(server.log.length, 6);
		});
	});

	describe("downloads", () => {
		const whole = pattern(1_000_000);
		const files = (request: http.IncomingMessage, response: http.ServerResponse): void => {
			const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
			const fresh = request.headers["if-range"] === undefined || request.headers["if-range"] === '"v1"';
			response.setHeader("ETag", '"v1"');
			if (match === null || !fresh) {
				response.setHeader("Content-Length", whole.length);
				response.end(whole);
				return;
			}
			const start = Number(match[1]);
			if (start >= whole.length) {
				response.writeHead(416, { "Content-Range": `bytes */${whole.length}` });
				response.end();
				return;
			}
			response.writeHead(206, {
				"Content-Range": `bytes ${start}-${whole.length - 1}/${whole.length}`,
				"Content-Length": whole.length - start,
			});
			response.end(whole.subarray(start));
		};
		for (const block of [100, 4096, 16_384]) {
			it(`in blocks of ${block} bytes`, async () => {
				const server = await serve(files);
				const told = await runStep({ url: server.url, kind: "download", block });
				assert.deepEqual([told.received, told.complete, told.sha256], [whole.length, true, sha256(whole)]);
			});
		}
		it("in chunks", async () => {
			const server = await serve((_, response) => {
				for (let i = 0; i < whole.length; i += 10_007) response.write(whole.subarray(i, i + 10_007));
				response.end();
			});
			const told = await runStep({ url: server.url, kind: "download" });
			assert.deepEqual([told.received, told.complete, told.sha256], [whole.length, true, sha256(whole)]);
			assert.equal(told.headers?.["content-length"], undefined);
		});
		it("hold the server back while blocks take their time, and lose nothing", async () => {
			let written = 0;
			const big = pattern(8_000_000);
			const server = await serve((_, response) => {
				response.setHeader("Content-Length", big.length);
				response.end(big, () => {
					written = Date.now();
				});
			});
			const start = Date.now();
			const told = await runStep({ url: server.url, kind: "download", block: 65_536, slow: 4, timeouts: { idle: 200 } });
			assert.deepEqual([told.received, told.sha256], [big.length, sha256(big)]);
			assert.ok(written - start > 50, "the server could send everything at once");
		});
		it("resume by Range and If-Range", async () => {
			const server = await serve(files);
			const range = (start: number, tag: string): readonly (readonly [string, string])[] => [
				["Range", `bytes=${start}-`],
				["If-Range", tag],
			];
			const wanted = ["content-range", "etag"];
			const { told } = await runSteps([
				{ url: server.url, kind: "download", stopAfter: 100, wanted },
				{ url: server.url, kind: "download", headers: range(409_600, '"v1"'), wanted },
				{ url: server.url, kind: "download", headers: range(409_600, '"v2"'), wanted },
				{ url: server.url, kind: "download", headers: range(whole.length, '"v1"'), wanted },
			]);
			const [first, rest, changed, beyond] = told;
			assert.deepEqual([first?.received, first?.complete], [409_600, false]);
			assert.equal(first?.sha256, sha256(whole.subarray(0, 409_600)));
			assert.deepEqual(
				[rest?.status, rest?.received, rest?.sha256],
				[206, whole.length - 409_600, sha256(whole.subarray(409_600))],
			);
			assert.equal(rest?.headers?.["content-range"], `bytes 409600-999999/1000000`);
			assert.deepEqual([changed?.status, changed?.received], [200, whole.length]);
			assert.deepEqual([beyond?.status, beyond?.received, beyond?.headers?.["content-range"]], [416, 0, "bytes */1000000"]);
		});
		it("of an error are left alone", async () => {
			const server = await serve((_, response) => {
				response.writeHead(404);
				response.end("<html>not here</html>");
			});
			const { told } = await runSteps([{ url: server.url, kind: "download" }, { url: server.url }]);
			assert.deepEqual([told[0]?.status, told[0]?.received, told[0]?.complete], [404, 0, false]);
			assert.equal(server.connections(), 1);
		});
	});
});
