/** Facts B.1: paths, error bodies, authorization, headers, connections, TLS. */
import { strict as assert } from "node:assert";
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { type Flavour, RdfmServer, type RdfmServerOptions } from "../server";
import { certificate } from "./certificate";
import { assertHtml, errorText, exchange, sendJson } from "./client";
import { TestDevice, withServer } from "./device";

describe("B.1 conventions", () => {
	const server = new RdfmServer();
	let device: TestDevice;

	before(async () => {
		await server.start();
		device = await new TestDevice(server, "b1").enrol();
	});
	after(() => server.stop());

	describe("paths", () => {
		it("a trailing slash is 404", async () => assertHtml(await device.authenticateAt("/api/v1/auth/device/"), 404));
		it("a doubled leading slash is accepted", async () => {
			assert.equal((await device.authenticateAt("//api/v1/auth/device")).status, 200);
		});
	});

	describe("framework errors are HTML", () => {
		const auth = "/api/v1/auth/device";
		const jsonType = { "Content-Type": "application/json" };
		const table = [
			["400 malformed JSON", auth, { method: "POST", headers: jsonType, body: "{" }, 400],
			["400 empty body", auth, { method: "POST", headers: jsonType }, 400],
			["404 unknown path", "/api/v1/nothing", {}, 404],
			["404 without Kafka (B.6)", "/api/v1/pubsub/request_topic", { method: "POST", headers: jsonType, body: "{}" }, 404],
			["405 wrong method", auth, {}, 405],
			["415 wrong type", auth, { method: "POST", headers: { "Content-Type": "text/plain" }, body: "{}" }, 415],
			["415 no type", auth, { method: "POST", body: "{}" }, 415],
		] as const;
		for (const [name, path, parts, status] of table) {
			it(name, async () => assertHtml(await exchange(server.url + path, parts), status));
		}
		it("405 names the methods allowed", async () => {
			assert.deepEqual((await exchange(server.url + auth)).headers.allow?.split(", ").sort(), ["OPTIONS", "POST"]);
		});
		it("reason phrases are in capitals", async () => {
			assert.equal((await exchange(`${server.url}/nothing`)).reason, "NOT FOUND");
		});
	});

	it("application errors are one JSON key and a line feed", async () => {
		const response = await device.post("/api/v1/logs", {}, "Basic dTpw");
		assert.equal(response.headers["content-type"], "application/json");
		assert.equal(response.text, '{"error":"invalid authorization - expected authorization type Bearer"}\n');
	});

	describe("Authorization", () => {
		const table: readonly (readonly [name: string, header: (token: string) => string, status: number, error?: string])[] = [
			["Bearer token=<jwt>", (token) => `Bearer token=${token}`, 200],
			['Bearer token="<jwt>"', (token) => `Bearer token="${token}"`, 200],
			["bearer token=<jwt>", (token) => `bearer token=${token}`, 200],
			["other scheme", (token) => `Token token=${token}`, 401, "invalid authorization - expected authorization type Bearer"],
			["garbage for a token", () => "Bearer token=garbage", 401, "invalid token was provided"],
			["a token with another signature", (token) => `Bearer token=${token}AA`, 401, "invalid token was provided"],
			["an expired token", () => `Bearer token=${signed(server, "b1", -300)}`, 401, "invalid token was provided"],
			["a token from the future", () => `Bearer token=${signed(server, "b1", 3600)}`, 200],
			["a token in its last second", () => `Bearer token=${signed(server, "b1", -298)}`, 200],
		];
		for (const [name, header, status, error] of table) {
			it(`${name} -> ${status}`, async () => {
				const response = await device.post("/api/v1/logs", { batch: [] }, header(device.token));
				assert.equal(response.status, status);
				if (error !== undefined) assert.equal(errorText(response), error);
			});
		}
		it("none -> 401", async () => {
			const response = await sendJson(`${server.url}/api/v1/logs`, { batch: [] });
			assert.equal(response.status, 401);
			assert.equal(errorText(response), "no Authorization header was provided");
		});
		it("Bearer <jwt> (RFC 6750) -> 500 HTML", async () => {
			assertHtml(await device.post("/api/v1/logs", { batch: [] }, `Bearer ${device.token}`), 500);
		});
		it("is judged before the body", async () => {
			const response = await exchange(`${server.url}/api/v1/logs`, { method: "POST", body: "{" });
			assert.equal(response.status, 401);
		});
	});

	it("an authenticated request updates last_access", async () => {
		const later = Date.now() + 60_000;
		server.clock = () => later;
		await device.check();
		server.clock = Date.now;
		assert.equal(server.devices.find("b1")?.lastAccess, later);
	});

	it("answers carry Date (RFC 1123, GMT) and Content-Length", async () => {
		const { headers, body } = await device.authenticate();
		assert.match(headers.date ?? "", /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
		assert.equal(headers["content-length"], String(body.length));
	});

	it("the Date header follows the server's clock", async () => {
		server.clock = () => Date.UTC(2030, 0, 1);
		const { headers } = await exchange(`${server.url}/nothing`);
		server.clock = Date.now;
		assert.equal(headers.date, "Tue, 01 Jan 2030 00:00:00 GMT");
	});

	it("a chunked request body is accepted", async () => {
		const response = await sendJson(`${server.url}/api/v1/update/check`, device.metadata, {
			chunked: true,
			headers: { Authorization: `Bearer token=${device.token}` },
		});
		assert.equal(response.status, 204);
		assert.equal(server.log.records.at(-1)?.headers["transfer-encoding"], "chunked");
	});

	it("speaks with fetch, too", async () => {
		const response = await fetch(`${server.url}/api/v1/logs`, { method: "POST" });
		assert.equal(response.status, 401);
		assert.deepEqual(await response.json(), { error: "no Authorization header was provided" });
	});
});

const signed = (server: RdfmServer, mac: string, age: number): string =>
	server.tokens.sign({ device_id: mac, created_at: Math.floor(Date.now() / 1000) + age, expires: 300 });

describe("B.1 connections", () => {
	/** Uses a server and a client that keeps one connection. */
	const kept = <T>(options: RdfmServerOptions, use: (server: RdfmServer, agent: Agent) => Promise<T>): Promise<T> =>
		withServer(options, async (server) => {
			const agent = new Agent({ keepAlive: true, maxSockets: 1 });
			try {
				return await use(server, agent);
			} finally {
				agent.destroy();
			}
		});
	const twoRequests = (flavour: Flavour, pause: number) =>
		kept({ flavour, idleTimeout: 200 }, async (server, agent) => {
			const { headers } = await exchange(`${server.url}/one`, { agent });
			await sleep(pause);
			await exchange(`${server.url}/two`, { agent });
			return { connection: headers.connection, keepAlive: headers["keep-alive"], connections: server.connections.length };
		});

	it("werkzeug closes after each answer", async () => {
		assert.deepEqual(await twoRequests("werkzeug", 0), { connection: "close", keepAlive: undefined, connections: 2 });
	});
	it("gunicorn keeps the connection", async () => {
		assert.deepEqual(await twoRequests("gunicorn", 50), { connection: "keep-alive", keepAlive: undefined, connections: 1 });
	});
	it("gunicorn drops it when idle", async () => {
		assert.equal((await twoRequests("gunicorn", 400)).connections, 2);
	});
	it("gunicorn closes when the client wants it", () =>
		withServer({ flavour: "gunicorn" }, async (server) => {
			const { headers } = await exchange(`${server.url}/one`, { headers: { Connection: "close" } });
			assert.equal(headers.connection, "close");
		}));
	it("gunicorn's idle time: reuse after 1 s works, after 3 s not", () =>
		kept({ flavour: "gunicorn" }, async (server, agent) => {
			await exchange(`${server.url}/one`, { agent });
			await sleep(1_000);
			await exchange(`${server.url}/two`, { agent });
			assert.equal(server.connections.length, 1);
			await sleep(3_000);
			await exchange(`${server.url}/three`, { agent });
			assert.equal(server.connections.length, 2);
		})).timeout(10_000);
});

describe("B.1 TLS", () => {
	const server = new RdfmServer();

	before(() => server.start({ tls: certificate }));
	after(() => server.stop());

	const handshake = (version: SecureVersion): Promise<TLSSocket> =>
		new Promise((resolve, reject) => {
			const options = { ca: certificate.ca, minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" };
			const socket = connect({ port: server.port, host: "127.0.0.1", ALPNProtocols: ["http/1.1"], ...options });
			socket.once("secureConnect", () => resolve(socket));
			socket.once("error", reject);
		});

	for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
		it(`${version} is offered, without ALPN`, async () => {
			const socket = await handshake(version);
			assert.equal(socket.getProtocol(), version);
			assert.equal(socket.alpnProtocol, false);
			socket.destroy();
		});
	}
	it("TLS 1.1 is refused", () => assert.rejects(handshake("TLSv1.1")));
	it("requests work over it and the record says how", async () => {
		const response = await exchange(`${server.url}/nothing`, { ca: certificate.ca });
		assert.equal(response.status, 404);
		assert.deepEqual(server.connections.at(-1)?.tls, { version: "TLSv1.3", resumed: false });
	});
	it("a client without the authority is reported", async () => {
		const reported = new Promise<Error>((resolve) => server.events.once("tlsError", resolve));
		await assert.rejects(exchange(`${server.url}/nothing`));
		assert.match((await reported).message, /unknown ca|hang up|reset/i);
	});
});
