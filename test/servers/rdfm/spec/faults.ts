/** What tests rely on beyond the facts: faults, going down, TLS sessions, the record of requests. */
import { strict as assert } from "node:assert";
import { createHash, randomBytes } from "node:crypto";
import { Agent } from "node:https";
import { connect } from "node:net";
import { errorAnswer } from "../http";
import { RdfmServer } from "../server";
import { certificate } from "./certificate";
import { assertHtml, errorText, exchange, json } from "./client";
import { TestDevice } from "./device";

describe("RDFM server: faults", () => {
	let server: RdfmServer;
	let device: TestDevice;
	const content = randomBytes(200_000);

	beforeEach(async () => {
		server = new RdfmServer();
		await server.start();
		device = await new TestDevice(server, "f").enrol();
		server.addPackage(content, { "rdfm.software.version": "2", "rdfm.hardware.devtype": "esp32" });
		server.assign("f", "exact_match,2");
		server.log.clear();
	});
	afterEach(() => server.stop());

	const uri = async (): Promise<string> => (json(await device.check()) as { uri: string }).uri;

	it("500 HTML, once or as often as asked", async () => {
		const fault = server.faults.serverError("check", { times: 2 });
		assertHtml(await device.check(), 500);
		assertHtml(await device.check(), 500);
		assert.equal((await device.check()).status, 200);
		assert.equal(fault.hits, 2);
		assert.deepEqual(
			server.log.of("check").map(({ faults }) => faults),
			[["answer"], ["answer"], []],
		);
	});
	it("the 500 of a failed registration", async () => {
		server.faults.add("auth", { kind: "answer", answer: errorAnswer("registration failed", 500) });
		assert.equal((await device.authenticate()).text, '{"error":"registration failed"}\n');
	});
	it("401 for ever", async () => {
		const fault = server.faults.unauthorized("auth", { times: Number.POSITIVE_INFINITY });
		for (let round = 0; round < 5; round += 1) assert.equal(errorText(await device.authenticate()), "device unauthorized");
		fault.remove();
		assert.equal((await device.authenticate()).status, 200);
	});
	it("a token that expires between any two calls", async () => {
		server.faults.expireTokens("check", { skip: 1 });
		assert.equal((await device.check()).status, 200);
		assert.equal(errorText(await device.check()), "invalid token was provided");
		await device.authenticate();
		assert.equal((await device.check()).status, 200);
		server.expireTokens();
		assert.equal((await device.sendLogs([])).status, 401);
	});
	it("Retry-After", async () => {
		server.faults.retryAfter("any", 7);
		server.faults.retryAfter("auth", 1, { status: 429 });
		const response = await device.check();
		assert.deepEqual([response.status, response.headers["retry-after"]], [503, "7"]);
		assert.equal((await device.authenticate()).status, 429);
	});
	it("wrong hash in the offer", async () => {
		server.faults.rewriteOffer({ sha256: "0".repeat(64) });
		assert.equal((json(await device.check()) as { sha256: string }).sha256, "0".repeat(64));
		const right = createHash("sha256").update(content).digest("hex");
		assert.equal((json(await device.check()) as { sha256: string }).sha256, right);
	});
	it("a package that was truncated where it is stored", async () => {
		const [stored] = server.packages.all();
		assert.ok(stored);
		stored.content = content.subarray(0, 1000);
		const { headers, body } = await exchange(await uri());
		assert.deepEqual([headers["content-length"], body.length], ["1000", 1000]);
		assert.equal((json(await device.check()) as { sha256: string }).sha256, stored.sha256);
	});
	for (const reset of [false, true]) {
		it(`a download that is ${reset ? "reset" : "closed"} after so many bytes`, async () => {
			server.faults.cutDownload(70_000, { reset });
			const received = await bytesUntilEnd(await uri());
			assert.deepEqual([received.bytes, received.code], [70_000, reset ? "ECONNRESET" : "aborted"]);
			const record = await server.log.until(({ route }) => route === "download");
			assert.deepEqual([record.status, record.bytesSent, record.complete], [200, 70_000, false]);
		});
	}
	it("a download that stalls", async () => {
		server.faults.add("download", { kind: "stall", after: 5 });
		const received = await bytesUntilEnd(await uri(), 300);
		assert.deepEqual([received.bytes, received.code], [5, "silence"]);
	});
	it("no answer, a late answer, a dropped connection", async () => {
		server.faults.add("check", { kind: "delay", milliseconds: 150 });
		const begun = Date.now();
		assert.equal((await device.check()).status, 200);
		assert.ok(Date.now() - begun >= 145);
		server.faults.add("check", { kind: "drop" });
		await assert.rejects(device.check(), { code: "ECONNRESET" });
		server.faults.add("check", { kind: "drop", reset: true });
		await assert.rejects(device.check(), { code: "ECONNRESET" });
		server.faults.add("check", { kind: "silence" });
		const silent = device.check();
		await server.log.next(({ faults }) => faults.includes("silence"));
		const before = server.stop();
		await assert.rejects(silent);
		await before;
	});
	it("faults are set by route and by request, and cleared", async () => {
		server.faults.serverError("check", { when: ({ body }) => body.includes("special"), times: 9 });
		server.faults.serverError("logs");
		assert.equal((await device.check()).status, 200);
		assert.equal((await device.check({ special: "1" })).status, 500);
		server.faults.clear();
		assert.equal((await device.check({ special: "1" })).status, 200);
		assert.equal((await device.sendLogs([])).status, 200);
	});
	it("down and up on the same port, with everything it knew", async () => {
		const { port } = server;
		await server.down();
		await assert.rejects(device.check(), { code: "ECONNREFUSED" });
		await server.up();
		assert.equal(server.port, port);
		assert.equal((await device.check()).status, 200);
	});
	it("stopped and started with other settings", async () => {
		await server.stop();
		await server.start({ flavour: "gunicorn" });
		assert.equal((await device.authenticate()).headers.server, "gunicorn");
		await assert.rejects(server.start(), /started already/);
	});
	it("the record of a request", async () => {
		await device.check();
		const record = await server.log.until(({ route }) => route === "check");
		assert.equal(record.method, "POST");
		assert.equal(record.path, "/api/v1/update/check");
		assert.equal(record.status, 200);
		assert.equal(record.complete, true);
		assert.equal(record.bytesReceived, Buffer.byteLength(JSON.stringify(device.metadata)));
		assert.deepEqual(JSON.parse(Buffer.from(record.body).toString()), device.metadata);
		await assert.rejects(
			server.log.next(() => false, 20),
			/no such request within 20 ms; seen: POST \/api\/v1\/update\/check 200/,
		);
	});
	it("a client that leaves in the middle of its body is recorded", async () => {
		const socket = connect(server.port, "127.0.0.1");
		socket.write("POST /api/v1/update/check HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
		await new Promise((resolve) => setTimeout(resolve, 50));
		socket.destroy();
		const record = await server.log.until(({ route }) => route === "check");
		assert.deepEqual([record.status, record.bytesReceived, record.complete], [0, 4, false]);
	});
});

describe("RDFM server: TLS sessions", () => {
	const server = new RdfmServer();

	before(() => server.start({ tls: { ...certificate, maxVersion: "TLSv1.2" } }));
	after(() => server.stop());

	it("are resumed, also after the server was down, until it forgets them", async () => {
		// Node keeps sessions per agent; each request takes a connection of its own.
		const agent = new Agent({ maxCachedSessions: 10 });
		const resumed = async (): Promise<boolean | undefined> => {
			await exchange(`${server.url}/nothing`, { ca: certificate.ca, agent });
			return server.connections.at(-1)?.tls?.resumed;
		};
		assert.equal(await resumed(), false);
		assert.equal(await resumed(), true);
		await server.down();
		await server.up();
		assert.equal(await resumed(), true);
		server.forgetTlsSessions();
		assert.equal(await resumed(), false);
		agent.destroy();
	});
	for (const [reset, reason] of [
		[false, /aborted/],
		[true, /ECONNRESET|aborted/],
	] as const) {
		it(`a download is ${reset ? "reset" : "closed"} over TLS, too`, async () => {
			const stored = server.addPackage(randomBytes(200_000), {});
			const fault = server.faults.cutDownload(70_000, { reset });
			await assert.rejects(exchange(server.link(stored), { ca: certificate.ca }), reason);
			assert.equal(fault.hits, 1);
			assert.equal(server.log.records.at(-1)?.bytesSent, 70_000);
		});
	}
});

/** Downloads until the end, whichever way it comes: an error's code, "aborted" for FIN, "silence" after a time. */
function bytesUntilEnd(url: string, patience = 5_000): Promise<{ readonly bytes: number; readonly code: string }> {
	const { hostname, port, pathname } = new URL(url);
	return new Promise((resolve) => {
		const socket = connect({ host: hostname, port: Number(port) });
		let received = Buffer.alloc(0);
		const settle = (code: string): void => {
			clearTimeout(timer);
			socket.destroy();
			const head = received.indexOf("\r\n\r\n") + 4;
			resolve({ bytes: received.length - head, code });
		};
		let timer = setTimeout(() => settle("silence"), patience);
		socket.on("data", (chunk: Buffer) => {
			received = Buffer.concat([received, chunk]);
			clearTimeout(timer);
			timer = setTimeout(() => settle("silence"), patience);
		});
		socket.on("error", (error: NodeJS.ErrnoException) => settle(error.code ?? ""));
		socket.on("end", () => settle("aborted"));
		socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
	});
}
