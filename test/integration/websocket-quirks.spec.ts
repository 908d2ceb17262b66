/** What real management servers do beside the rules, and what networks do: each of it ends in order, and in time. */
import assert from "node:assert/strict";
import { createAuthority, type Issued } from "../pki/pki";
import { closePeers, type Peer, proxyPeer, recordsIn } from "./tls-peers";
import { type RawPeer, type RawServer, type RawServerOptions, startRaw } from "./websocket-raw";
import { type Client, type OpenStep, startClient } from "./websocket-runs";

const page = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const failure = "HTTP/1.1 500 INTERNAL SERVER ERROR\r\nContent-Type: text/html\r\n\r\n<!doctype html>\n<title>500</title>";
const text = (content: string) => ({ opcode: 1, payload: Buffer.from(content) });
const close = (code: number, reason = "") => ({
	opcode: 8,
	payload: Buffer.concat([Buffer.of(code >> 8, code & 255), Buffer.from(reason)]),
});
const connected = text('{"method":"alert","alert":{"message":"connected"}}');
/** What a TLS record may have beside its plaintext. */
const expansion = 64;

describe("websocket: servers and networks as they are", () => {
	let client: Client;
	let issued: Issued;
	let server: RawServer | undefined;

	before(async () => {
		const authority = await createAuthority({ name: "Test root", key: "ec" });
		issued = await authority.issue({ names: ["localhost"] });
		client = await startClient({ ca: authority.certPEM });
	});
	after(() => client.close());
	afterEach(async () => {
		await server?.close();
		await closePeers();
	});

	const run = (port: number, step: Partial<OpenStep> = {}) =>
		client.run({ port, path: "/api/v1/devices/ws", mode: "read", timeouts: { close: 500 }, ...step });
	const serve = async (act: (peer: RawPeer) => void, step: Partial<OpenStep> = {}, options: RawServerOptions = {}) => {
		server = await startRaw(act, options);
		return run(server.port, step);
	};

	for (const secure of [false, true]) {
		describe(secure ? "over TLS" : "plain", () => {
			const own = (): RawServerOptions => (secure ? { issued } : {});
			it("HTTP after the Close frame is not looked at", async () => {
				const told = await serve(
					(peer) => {
						peer.send(connected, close(4001, "invalid request"), Buffer.from(page));
						peer.socket.end();
					},
					{ secure },
					own(),
				);
				assert.deepEqual(told.closed, { code: 4001, reason: "invalid request", remote: true });
				assert.equal(told.messages, 1);
				assert.equal(server?.peers[0]?.closeCode, 4001, "the Close frame was answered");
			});
			it("HTTP after the answer to the client's own Close frame, neither", async () => {
				const told = await serve(
					(peer) => {
						void peer
							.until(() => peer.closeFrame !== undefined)
							.then(() => {
								peer.send(close(1000), Buffer.from(page));
								peer.socket.end();
							});
					},
					{ secure, end: { after: 0 } },
					own(),
				);
				assert.deepEqual(told.closed, { code: 1000, reason: "", remote: false });
			});
			it("HTTP instead of a Close frame is a lost connection, and is shown", async () => {
				const told = await serve(
					(peer) => {
						peer.send(connected, Buffer.from(failure));
						peer.socket.end();
					},
					{ secure },
					own(),
				);
				assert.equal(told.code, "websocket.lost");
				assert.match(told.message ?? "", /HTTP\/1\.1 500 INTERNAL SERVER ERROR/);
				assert.equal(told.messages, 1);
			});
			it("4002 right after the opening handshake", async () => {
				const told = await serve(
					(peer) => {
						peer.send(close(4002, "duplicate connections not allowed"));
						void peer.until(() => peer.closeFrame !== undefined).then(() => peer.socket.end());
					},
					{ secure },
					own(),
				);
				assert.deepEqual(told.closed, { code: 4002, reason: "duplicate connections not allowed", remote: true });
				assert.ok(told.took < 400, "it does not wait for its deadline");
			});
			it("frames in the same packet as the acceptance", async () => {
				const told = await serve(
					(peer) => peer.send(close(1000)),
					{ secure },
					{
						...own(),
						answer: (_, proof) =>
							Buffer.concat([
								Buffer.from(
									`HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${proof}\r\n\r\n`,
								),
								Buffer.from([0x81, 5]),
								Buffer.from("hello"),
							]),
					},
				);
				assert.deepEqual(told.texts, ["hello"]);
				assert.equal(told.closed?.code, 1000);
			});
			it("a subprotocol whose name is not what RFC 6455 allows", async () => {
				const told = await serve(
					(peer) => peer.send(close(1000)),
					{ secure, protocols: ["protomsg/msgpack"] },
					{
						...own(),
						answer: (head, proof) =>
							head.includes("\r\nSec-WebSocket-Protocol: protomsg/msgpack\r\n")
								? `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: ${proof}\r\nSec-WebSocket-Protocol: protomsg/msgpack\r\n\r\n`
								: "HTTP/1.1 400 X\r\n\r\n",
					},
				);
				assert.equal(told.protocol, "protomsg/msgpack", told.message);
			});
			it("an end without a Close frame", async () => {
				const told = await serve(
					(peer) => {
						peer.send(connected);
						peer.socket.end();
					},
					{ secure },
					own(),
				);
				assert.equal(told.code, "websocket.lost");
				assert.equal(told.messages, 1);
			});
			it("a server that does not end the connection after its Close frame: the deadline does", async () => {
				const told = await serve((peer) => peer.send(close(1001)), { secure }, own());
				assert.equal(told.closed?.code, 1001);
				assert.ok(told.took >= 490 && told.took < 3000, `${told.took} ms`);
			});
			it("a server that does not answer a Close frame: the deadline ends it", async () => {
				const told = await serve((peer) => peer.send(connected), { secure, end: { after: 1, code: 1001 } }, own());
				assert.deepEqual(told.closed, { code: 1006, reason: "", remote: false });
				assert.ok(told.took >= 490 && told.took < 3000, `${told.took} ms`);
				assert.equal(server?.peers[0]?.closeCode, 1001);
			});
			it("a server that is gone without a trace: found by a ping", async () => {
				const told = await serve(() => undefined, { secure, timeouts: { ping: 200, pong: 200 } }, own());
				assert.equal(told.code, "websocket.timeout");
				assert.ok(told.took >= 390 && told.took < 3000, `${told.took} ms`);
				assert.equal(server?.peers[0]?.frames[0]?.opcode, 9);
			});
			it("an answer to the opening handshake that comes slowly and never ends", async () => {
				const told = await serve(
					() => undefined,
					{ secure, timeouts: { handshake: 300 } },
					{ ...own(), answer: () => "HTTP/1.1 101 Sw" },
				);
				assert.equal(told.code, "websocket.timeout");
				assert.ok(told.took < 3000);
			});
			it("noise after the opening handshake", async () => {
				const told = await serve((peer) => peer.send(Buffer.alloc(100_000, 0xff)), { secure }, own());
				assert.equal(told.code, "websocket.protocol");
			});
		});
	}
	it("a connection that is reset", async () => {
		const told = await serve((peer) => {
			peer.send(connected);
			setTimeout(() => peer.socket.resetAndDestroy(), 30);
		});
		assert.equal(told.code, "net.reset");
	});
	it("a flood of pings whose answers are not read ends nothing and grows nothing", async () => {
		const told = await serve((peer) => {
			peer.socket.pause();
			const flood = Buffer.concat(
				Array.from({ length: 20_000 }, () => Buffer.concat([Buffer.of(0x89, 100), Buffer.alloc(100, 7)])),
			);
			peer.socket.write(flood, () => {
				peer.socket.resume();
				peer.send(text("after the flood"), close(1000));
				void peer.until(() => peer.closeFrame !== undefined).then(() => peer.socket.end());
			});
		});
		assert.deepEqual(told.texts, ["after the flood"], told.message);
		assert.equal(told.closed?.code, 1000);
		assert.deepEqual(server?.peers[0]?.faults, []);
	});
	it("no TLS record holds more than 4,096 bytes, and no frame more than 4,090", async () => {
		const seen: Buffer[] = [];
		server = await startRaw(
			(peer) => {
				void peer
					.until(() => peer.messages.length === 2)
					.then(() => {
						peer.send(close(1000));
						peer.socket.end();
					});
			},
			{ issued },
		);
		const target: Peer = { port: server.port, close: async () => undefined };
		const proxy = await proxyPeer(target, (bytes) => bytes, { seen });
		const told = await run(proxy.port, { secure: true, send: [50_000, "x".repeat(3000)] });
		assert.equal(told.closed?.code, 1000, told.message);
		const [peer] = server.peers;
		assert.ok(peer);
		assert.equal(peer.messages[0]?.payload.length, 50_000);
		assert.ok(Math.max(...peer.sizes) <= 4090, `a frame of ${Math.max(...peer.sizes)} bytes`);
		const records = recordsIn(Buffer.concat(seen)).filter(({ type }) => type === 23);
		assert.ok(records.length >= 13, `${records.length} records`);
		assert.ok(Math.max(...records.map(({ length }) => length)) <= 4096 + expansion);
	});
});
