/** Full and resumed TLS handshakes, told apart by the proxy and confirmed by Node's own TLS. */
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ConnectionOptions, connect, createServer, type SecureVersion, type Server, type TLSSocket } from "node:tls";
import { certificate } from "../../rdfm/spec/certificate";
import { HandshakeObserver } from "../handshakes";
import { TcpProxy } from "../proxy";

describe("TLS handshakes through the proxy", () => {
	let server: Server;
	let proxy: TcpProxy;

	before(async () => {
		server = createServer({ ...certificate }, (socket) => {
			socket.on("error", () => socket.destroy());
			socket.on("data", (chunk) => socket.end(chunk));
		});
		server.on("tlsClientError", () => undefined);
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
	});
	beforeEach(async () => {
		proxy = await TcpProxy.start({ target: { port: (server.address() as AddressInfo).port } });
	});
	afterEach(() => proxy.stop());
	after((done) => void server.close(done));

	/** One exchange; the session for the next and whether this one was resumed. */
	async function converse(
		options: ConnectionOptions,
	): Promise<{ readonly session: Buffer | undefined; readonly resumed: boolean }> {
		const socket: TLSSocket = connect({ port: proxy.port, host: "127.0.0.1", ca: certificate.ca, ...options });
		let session: Buffer | undefined;
		socket.on("session", (fresh: Buffer) => {
			session = fresh;
		});
		await once(socket, "secureConnect");
		const resumed = socket.isSessionReused();
		socket.resume();
		socket.write("hello");
		await once(socket, "close");
		return { session, resumed };
	}

	const only = (version: SecureVersion): ConnectionOptions => ({ minVersion: version, maxVersion: version });

	for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
		it(`${version}: one full, then two resumed`, async () => {
			const first = await converse(only(version));
			assert.ok(first.session);
			for (let round = 0; round < 2; round += 1) {
				assert.equal((await converse({ ...only(version), session: first.session })).resumed, true, "Node must agree");
			}
			assert.deepEqual(proxy.totals.handshakes, { full: 1, resumed: 2, incomplete: 0 });
			const [full, resumed] = proxy.connections.map(({ handshake }) => handshake);
			assert.deepEqual([full?.version, full?.kind, full?.completed], [version, "full", true]);
			assert.ok((full?.bytes ?? 0) > (resumed?.bytes ?? 0), "a full handshake carries the certificate");
		});
	}
	it("TLS 1.2 by session id instead of a ticket", async () => {
		const sessions = new Map<string, Buffer>();
		const byId = createServer(
			{ ...certificate, secureOptions: noTicket },
			(socket) => void socket.on("data", (chunk) => socket.end(chunk)),
		);
		byId.on("newSession", (id: Buffer, data: Buffer, done: () => void) => {
			sessions.set(id.toString("hex"), data);
			done();
		});
		byId.on("resumeSession", (id: Buffer, done: (error: Error | null, data: Buffer | null) => void) => {
			done(null, sessions.get(id.toString("hex")) ?? null);
		});
		byId.listen(0, "127.0.0.1");
		await once(byId, "listening");
		const own = await TcpProxy.start({ target: { port: (byId.address() as AddressInfo).port } });
		try {
			const { session } = await converse({ ...only("TLSv1.2"), port: own.port });
			await converse({ ...only("TLSv1.2"), port: own.port, ...(session && { session }) });
			assert.deepEqual(own.totals.handshakes, { full: 1, resumed: 1, incomplete: 0 });
		} finally {
			await own.stop();
			byId.close();
		}
	});
	it("a HelloRetryRequest does not confuse it", async () => {
		await converse({ ...only("TLSv1.3"), ecdhCurve: "P-521:P-256" });
		assert.deepEqual(proxy.totals.handshakes, { full: 1, resumed: 0, incomplete: 0 });
	});
	for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
		it(`${version}: a client that refuses the certificate leaves it incomplete`, async () => {
			// OpenSSL's own client, for Node completes the handshake before it judges the certificate.
			const options = [
				"-connect",
				`127.0.0.1:${proxy.port}`,
				"-verify_return_error",
				version === "TLSv1.2" ? "-tls1_2" : "-tls1_3",
			];
			await once(spawn("openssl", ["s_client", ...options], { stdio: "ignore" }), "close");
			while (proxy.totals.open > 0) await new Promise((resolve) => setTimeout(resolve, 5));
			assert.deepEqual(proxy.totals.handshakes, { full: 0, resumed: 0, incomplete: 1 });
		});
	}
	it("a handshake cut in the middle is incomplete", async () => {
		proxy.disturb({ direction: "toClient", at: { byte: 100 }, action: { kind: "cut", reset: true } });
		const socket = connect({ port: proxy.port, host: "127.0.0.1", ca: certificate.ca });
		await once(socket, "error");
		assert.deepEqual(proxy.totals.handshakes, { full: 0, resumed: 0, incomplete: 1 });
	});
	it("what is not TLS is no handshake", () => {
		const observer = new HandshakeObserver();
		observer.feed("toServer", Buffer.from("GET / HTTP/1.1\r\n\r\n"));
		observer.feed("toClient", Buffer.from("HTTP/1.1 200 OK\r\n\r\n"));
		assert.equal(observer.handshake, undefined);
	});
	it("records and messages in any pieces give the same picture", () => {
		// ServerHello (version, random, no session id, cipher, compression, no extensions) and an empty Certificate in three records.
		const hello = Buffer.concat([Buffer.from([2, 0, 0, 40, 3, 3]), Buffer.alloc(32, 7), Buffer.from([0, 0xc0, 0x2f, 0, 0, 0])]);
		const messages = Buffer.concat([hello, Buffer.from([11, 0, 0, 3, 0, 0, 0])]);
		const record = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([type, 3, 3, 0, body.length]), body]);
		const stream = Buffer.concat([
			record(22, messages.subarray(0, 10)),
			record(22, messages.subarray(10, 45)),
			record(22, messages.subarray(45)),
			record(20, Buffer.from([1])),
			record(22, Buffer.alloc(40)),
		]);
		for (const size of [1, 3, 7, stream.length]) {
			const observer = new HandshakeObserver();
			observer.feed("toServer", record(22, Buffer.from([1, 0, 0, 0])));
			for (let at = 0; at < stream.length; at += size) observer.feed("toClient", stream.subarray(at, at + size));
			assert.equal(observer.handshake?.completed, false);
			observer.feed("toServer", Buffer.concat([record(20, Buffer.from([1])), record(22, Buffer.alloc(40))]));
			assert.deepEqual(
				[observer.handshake?.version, observer.handshake?.kind, observer.handshake?.completed],
				["TLSv1.2", "full", true],
			);
		}
	});
});

/** SSL_OP_NO_TICKET. */
const noTicket = 0x4000;
