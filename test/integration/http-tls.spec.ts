/** The HTTP client over TLS, against Node's own server: sessions, credentials, and ends that are none. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { createAuthority, type Issued } from "../pki/pki";
import { runStep, runSteps } from "./http-runs";

interface Handshakes {
	full: number;
	resumed: number;
}

const open: net.Server[] = [];
const sockets = new Set<net.Socket>();

async function listen(server: net.Server): Promise<number> {
	open.push(server);
	server.on("connection", (socket: net.Socket) => {
		sockets.add(socket);
		socket.on("error", () => undefined);
		socket.on("close", () => sockets.delete(socket));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return (server.address() as AddressInfo).port;
}

async function serve(
	issued: Issued,
	answer: http.RequestListener,
	handshakes: Handshakes = { full: 0, resumed: 0 },
): Promise<string> {
	const server = https.createServer({ cert: issued.chainPEM, key: issued.keyPEM }, answer);
	server.on("secureConnection", (socket: tls.TLSSocket) => {
		if (socket.isSessionReused()) handshakes.resumed++;
		else handshakes.full++;
	});
	return `https://localhost:${await listen(server)}`;
}

/** A TLS server below HTTP: the test writes what it wants. */
async function serveRaw(issued: Issued, answer: (socket: tls.TLSSocket) => void): Promise<string> {
	const server = tls.createServer({ cert: issued.chainPEM, key: issued.keyPEM }, (socket) => {
		socket.on("error", () => undefined);
		socket.once("data", () => answer(socket));
	});
	return `https://localhost:${await listen(server)}`;
}

describe("http over TLS", () => {
	let ca: string;
	let issued: Issued;
	let stranger: Issued;

	before(async () => {
		const authority = await createAuthority({ name: "Test root", key: "ec" });
		ca = authority.certPEM;
		issued = await authority.issue({ names: ["localhost"], ips: ["127.0.0.1"] });
		stranger = await (await createAuthority({ name: "Other root", key: "ec" })).issue({ names: ["localhost"] });
	});
	afterEach(async () => {
		for (const socket of sockets) socket.destroy();
		for (const server of open.splice(0)) await new Promise((resolve) => server.close(resolve));
	});

	it("keeps the connection, and resumes the session on the next one", async () => {
		const handshakes = { full: 0, resumed: 0 };
		const url = await serve(
			issued,
			(request, response) => {
				if (request.url === "/close") response.setHeader("Connection", "close");
				response.end("x");
			},
			handshakes,
		);
		const paths = ["/", "/close", "/", "/", "/close", "/"];
		const { told } = await runSteps(
			paths.map((path) => ({ url: url + path })),
			{ ca },
		);
		assert.deepEqual(
			told.map(({ text, message }) => text ?? message),
			paths.map(() => "x"),
		);
		assert.deepEqual(handshakes, { full: 1, resumed: 2 });
	});
	it("sends head and body of a request in one record", async () => {
		const sizes: number[] = [];
		const url = await serveRaw(issued, (socket) => socket.end());
		const server = open.at(-1);
		server?.on("secureConnection", (socket: tls.TLSSocket) => socket.on("data", (data: Buffer) => sizes.push(data.length)));
		await runStep({ url, method: "POST", body: "x".repeat(1000) }, { ca });
		assert.equal(sizes.length, 1);
		assert.ok((sizes[0] ?? 0) > 1000);
	});
	for (const block of [1000, 4096, 16_384]) {
		it(`downloads in blocks of ${block} bytes`, async () => {
			const data = Buffer.from(Uint8Array.from({ length: 3_000_001 }, (_, index) => (index * 13 + (index >> 10)) & 255));
			const url = await serve(issued, (_, response) => {
				response.setHeader("Content-Length", data.length);
				response.end(data);
			});
			const told = await runStep({ url, kind: "download", block }, { ca });
			assert.equal(told.received, data.length, told.message);
			assert.equal(told.sha256, createHash("sha256").update(data).digest("hex"));
		});
	}
	it("holds the server back while blocks take their time", async () => {
		const data = Buffer.alloc(6_000_000, 5);
		let sentAt = 0;
		const url = await serve(issued, (_, response) => {
			response.setHeader("Content-Length", data.length);
			response.end(data, () => {
				sentAt = Date.now();
			});
		});
		const start = Date.now();
		const told = await runStep({ url, kind: "download", block: 65_536, slow: 5, timeouts: { idle: 300 } }, { ca });
		assert.equal(told.received, data.length, told.message);
		assert.ok(sentAt - start > 100, "the server could send everything at once");
	});
	it("refuses a server of another authority, in the words of TLS, and sends it nothing", async () => {
		let requests = 0;
		const url = await serve(stranger, (_, response) => {
			requests++;
			response.end();
		});
		const told = await runStep({ url, method: "POST", headers: [["Authorization", "secret"]], body: "secret" }, { ca });
		assert.match(told.code ?? "", /^tls\./);
		assert.equal(requests, 0);
	});
	it("does not follow a redirect to http", async () => {
		const plain = http.createServer((_, response) => response.end("plain"));
		const port = await listen(plain);
		const url = await serve(issued, (_, response) => {
			response.writeHead(302, { Location: `http://localhost:${port}/` });
			response.end();
		});
		assert.equal((await runStep({ url }, { ca })).code, "http.redirect-refused");
	});
	it("follows a redirect to another TLS server without credentials", async () => {
		let seen: http.IncomingHttpHeaders = {};
		const target = await serve(issued, (request, response) => {
			seen = request.headers;
			response.end("target");
		});
		const url = await serve(issued, (_, response) => {
			response.writeHead(302, { Location: `${target}/x` });
			response.end();
		});
		const told = await runStep({ url, headers: [["Authorization", "Bearer token=secret"]] }, { ca });
		assert.equal(told.text, "target");
		assert.equal(seen.authorization, undefined);
	});
	it("refuses https where no TLS is set up", async () => {
		const told = await runStep({ url: "https://localhost:1/" });
		assert.equal(told.code, "http.unsupported");
	});
	it("takes a body that ends with close_notify as complete", async () => {
		const url = await serveRaw(issued, (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
		assert.equal((await runStep({ url }, { ca })).text, "all of it");
	});
	it("does not take one that ends without (truncation, RFC 9112 section 9.8)", async () => {
		const url = await serveRaw(issued, (socket) => {
			socket.write("HTTP/1.1 200 OK\r\n\r\nnot all of it", () => {
				// The connection below is ended, TLS is not: what an attacker in between can do.
				setTimeout(() => socket.destroy(), 50);
			});
		});
		const told = await runStep({ url }, { ca });
		assert.equal(told.text, undefined, "a truncated body was taken as complete");
		assert.match(told.code ?? "", /^tls\./);
	});
	it("a server that is silent in the handshake: connect deadline", async () => {
		const port = await listen(net.createServer());
		const told = await runStep({ url: `https://localhost:${port}/`, timeouts: { connect: 300 } }, { ca });
		assert.equal(told.code, "net.timeout");
		assert.ok(told.took >= 299 && told.took < 2000, `${told.took} ms`);
	});
	it("a connection closed while it was kept is replaced, by resuming", async () => {
		const handshakes = { full: 0, resumed: 0 };
		const url = await serve(issued, (_, response) => response.end("x"), handshakes);
		const server = open.at(-1) as https.Server;
		server.keepAliveTimeout = 60;
		const { told } = await runSteps(
			[1, 2, 3].map(() => ({ url, method: "POST", body: "{}", pause: 150 })),
			{ ca },
		);
		assert.deepEqual(
			told.map(({ text, message }) => text ?? message),
			["x", "x", "x"],
		);
		assert.deepEqual(handshakes, { full: 1, resumed: 2 });
	});
});
