/** The WebSocket client against `ws`, plain and over TLS. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { createAuthority, type Issued } from "../pki/pki";
import { eventually } from "./eventually";
import { type Client, type OpenStep, startClient } from "./websocket-runs";

const bytesOf = (data: RawData): Buffer => (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer));
const pattern = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 7) & 255));
const sha256 = (...parts: readonly (Buffer | string)[]): string =>
	parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");

function suite(name: string, secure: boolean): void {
	describe(`websocket against ws, ${name}`, () => {
		let client: Client;
		let issued: Issued;
		let stranger: Issued;
		const open: (http.Server | https.Server)[] = [];
		const sockets = new Set<Socket>();

		before(async () => {
			const authority = await createAuthority({ name: "Test root", key: "ec" });
			issued = await authority.issue({ names: ["localhost"] });
			stranger = await (await createAuthority({ name: "Other root", key: "ec" })).issue({ names: ["localhost"] });
			client = await startClient({ ca: authority.certPEM });
		});
		after(() => client.close());
		afterEach(async () => {
			for (const socket of sockets) socket.destroy();
			for (const server of open.splice(0)) await new Promise((done) => server.close(done));
		});

		/** Starts a server; `serve` gets each WebSocket. */
		async function start(
			serve: (socket: WebSocket, request: http.IncomingMessage) => void,
			options: ServerOptions = {},
			certificate: Issued = issued,
		): Promise<number> {
			const server = secure ? https.createServer({ cert: certificate.chainPEM, key: certificate.keyPEM }) : http.createServer();
			open.push(server);
			server.on(secure ? "secureConnection" : "connection", (socket: Socket) => {
				sockets.add(socket);
				socket.on("error", () => undefined);
				socket.on("close", () => sockets.delete(socket));
			});
			new WebSocketServer({ server, ...options }).on("connection", serve);
			await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
			return (server.address() as AddressInfo).port;
		}
		const run = (port: number, step: Partial<OpenStep> = {}) => client.run({ port, path: "/", mode: "read", secure, ...step });

		describe("the opening handshake", () => {
			it("brings headers, path and subprotocol, and no extension although the server has one", async () => {
				let seen: http.IncomingMessage | undefined;
				let extensions = "";
				const port = await start(
					(socket, request) => {
						seen = request;
						extensions = socket.extensions;
						socket.close(1000);
					},
					{ perMessageDeflate: true, handleProtocols: (offered) => [...offered][1] ?? false },
				);
				const told = await run(port, {
					path: "/api/v1/devices/ws?x=1",
					headers: [["Authorization", "Bearer token=abc"]],
					protocols: ["first.test", "v2.test"],
				});
				assert.equal(told.protocol, "v2.test", told.message);
				assert.equal(seen?.url, "/api/v1/devices/ws?x=1");
				assert.equal(seen?.headers.authorization, "Bearer token=abc");
				assert.equal(seen?.headers.host, `127.0.0.1:${port}`);
				assert.equal(extensions, "");
			});
			it("works with a name", async () => {
				const port = await start((socket) => socket.close(1000));
				assert.equal((await run(port, { host: "localhost" })).closed?.code, 1000);
			});
			for (const [status, words, body] of [
				[401, /check the credentials/, '{"error":"invalid token was provided"}'],
				[302, /redirects are not followed/, "moved"],
				[500, /try again later/, "<!doctype html><title>500</title>"],
				[404, /check the path/, ""],
			] as const)
				it(`refused with ${status}`, async () => {
					const server = secure ? https.createServer({ cert: issued.chainPEM, key: issued.keyPEM }) : http.createServer();
					open.push(server);
					server.on("upgrade", (_, socket: Socket) =>
						socket.end(
							`HTTP/1.1 ${status} X\r\nLocation: /other\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
						),
					);
					await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
					const told = await run((server.address() as AddressInfo).port);
					assert.equal(told.code, "websocket.refused");
					assert.equal(told.status, status);
					assert.equal(told.excerpt, body);
					assert.match(told.message ?? "", words);
				});
			it("refused by a server that knows no WebSocket", async () => {
				const server = secure
					? https.createServer({ cert: issued.chainPEM, key: issued.keyPEM }, (_, response) => response.end("a page"))
					: http.createServer((_, response) => response.end("a page"));
				open.push(server);
				await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
				const told = await run((server.address() as AddressInfo).port);
				assert.equal(told.code, "websocket.refused");
				assert.equal(told.status, 200);
				assert.equal(told.excerpt, "a page");
			});
			it("with nobody there", async () => {
				const port = await start(() => undefined);
				await new Promise((done) => open.splice(0)[0]?.close(done));
				assert.equal((await run(port)).code, "net.refused");
			});
			if (secure)
				it("not with a server of another authority, which gets no credentials", async () => {
					let requests = 0;
					const port = await start(() => requests++, {}, stranger);
					const told = await run(port, { headers: [["Authorization", "secret"]] });
					assert.match(told.code ?? "", /^tls\./);
					assert.equal(requests, 0);
				});
		});

		describe("messages", () => {
			for (const mode of ["echo", "stream"] as const) {
				it(`of all lengths come back (${mode})`, async () => {
					const lengths = [0, 1, 125, 126, 127, 1000, 4081, 4082, 4083, 4090, 8192, 65_535, 65_536, 200_000];
					const wrong: number[] = [];
					const port = await start((socket) => {
						let index = 0;
						const next = (): void => {
							const length = lengths[index];
							if (length === undefined) socket.close(1000);
							else socket.send(pattern(length));
						};
						socket.on("message", (data, isBinary) => {
							if (!isBinary || !bytesOf(data).equals(pattern(lengths[index] ?? 0))) wrong.push(index);
							index++;
							next();
						});
						next();
					});
					const told = await run(port, { mode, limits: { messageBytes: 300_000 } });
					assert.equal(told.closed?.code, 1000, told.message);
					assert.equal(told.messages, lengths.length);
					assert.deepEqual(wrong, []);
				});
			}
			it("in fragments, text and binary, come back whole", async () => {
				const got: string[] = [];
				const port = await start((socket) => {
					socket.on("message", (data, isBinary) => {
						got.push(`${isBinary} ${bytesOf(data).toString()}`);
						if (got.length === 2) socket.close(1000);
					});
					const parts = ["Fleet", "", "ling ", "µ"];
					for (const binary of [false, true])
						for (const [index, part] of parts.entries()) socket.send(part, { binary, fin: index === parts.length - 1 });
				});
				await run(port, { mode: "echo" });
				assert.deepEqual(got, ["false Fleetling µ", "true Fleetling µ"]);
			});
			it("of several megabytes are streamed in both directions at once", async () => {
				const data = pattern(3_000_001);
				let back: Buffer | undefined;
				const port = await start(
					(socket) => {
						socket.on("message", (message) => {
							back = bytesOf(message);
							socket.close(1000);
						});
						socket.send(data);
					},
					{ maxPayload: 10_000_000 },
				);
				const told = await run(port, { mode: "stream", limits: { frameBytes: 5_000_000, messageBytes: 5_000_000 } });
				assert.equal(told.received, data.length, told.message);
				assert.equal(told.sha256, sha256(data));
				assert.ok(back?.equals(data));
			});
			it("that are sent at once go out in order", async () => {
				const got: string[] = [];
				const port = await start((socket) => {
					socket.on("message", (data, isBinary) => {
						got.push(isBinary ? `${bytesOf(data).length}` : bytesOf(data).toString());
						if (got.length === 5) socket.close(1000);
					});
				});
				await run(port, { send: ["one", 10_000, "", 0, "five µ"] });
				assert.deepEqual(got, ["one", "10000", "", "0", "five µ"]);
			});
			it("that are read slowly hold the server back", async () => {
				let most = 0;
				const total = 400;
				const port = await start((socket) => {
					const block = Buffer.alloc(16_000, 1);
					let sent = 0;
					const timer = setInterval(() => {
						most = Math.max(most, socket.bufferedAmount);
						for (; sent < total && socket.bufferedAmount < 500_000; sent++) socket.send(block);
						if (sent === total && socket.bufferedAmount === 0) {
							clearInterval(timer);
							socket.close(1000);
						}
					}, 5);
				});
				const told = await run(port, { slow: 2, timeouts: { ping: 300, pong: 300 } });
				assert.equal(told.closed?.code, 1000, told.message);
				assert.equal(told.received, total * 16_000);
				assert.ok(most > 100_000, `the server was not held back: ${most} bytes waited`);
				assert.ok(told.took > 500, "not slow");
			});
			it("that a server does not take wait here, and nothing is lost", async () => {
				const port = await start((socket) => {
					const hash = createHash("sha256");
					socket.pause();
					setTimeout(() => socket.resume(), 300);
					socket.on("message", (data) => {
						hash.update(bytesOf(data));
						socket.send(hash.copy().digest("hex"));
						socket.close(1000);
					});
				});
				const told = await run(port, { send: [3_000_000] });
				assert.deepEqual(told.texts, [sha256(pattern(3_000_000))], told.message);
			});
			it("that a server never takes end the WebSocket", async () => {
				const port = await start((socket) => socket.pause());
				const told = await run(port, { send: [8_000_000], timeouts: { send: 300 } });
				assert.equal(told.code, "websocket.timeout");
				assert.match(told.message ?? "", /until the network took bytes/);
			});
		});

		describe("pings", () => {
			it("of the server are answered with their payload", async () => {
				const pongs: string[] = [];
				const port = await start((socket) => {
					socket.on("pong", (data: Buffer) => {
						pongs.push(data.toString());
						if (pongs.length === 3) socket.close(1000);
					});
					for (const payload of ["", "60", "x".repeat(125)]) socket.ping(payload);
				});
				const told = await run(port, { mode: "stream" });
				assert.deepEqual(pongs, ["", "60", "x".repeat(125)]);
				assert.equal(told.pings, 3);
			});
			it("of the client keep a silent connection, and are answered", async () => {
				let pings = 0;
				const port = await start((socket) => {
					socket.on("ping", () => {
						if (++pings === 4) socket.close(1000);
					});
				});
				const told = await run(port, { timeouts: { ping: 60, pong: 1000 } });
				assert.equal(told.closed?.code, 1000, told.message);
				assert.ok(told.took >= 4 * 60 - 10, `${told.took} ms`);
			});
			it("of the client that find nobody end it", async () => {
				const port = await start(() => undefined, { autoPong: false });
				const told = await run(port, { timeouts: { ping: 60, pong: 100 } });
				assert.equal(told.code, "websocket.timeout");
				assert.ok(told.took >= 150 && told.took < 2000, `${told.took} ms`);
			});
		});

		describe("the end", () => {
			for (const [code, reason] of [
				[1000, ""],
				[1001, "Ping/Pong timeout"],
				[1008, ""],
				[4001, "invalid request"],
				[4002, "duplicate connections not allowed"],
			] as const)
				it(`by the server with ${code} "${reason}"`, async () => {
					let answered = 0;
					const port = await start((socket) => {
						socket.on("close", (got) => {
							answered = got;
						});
						socket.send("last words");
						socket.close(code, reason);
					});
					const told = await run(port);
					assert.deepEqual(told.closed, { code, reason, remote: true });
					assert.deepEqual(told.texts, ["last words"]);
					await eventually(() => answered !== 0);
					assert.equal(answered, code);
				});
			it("by the client with code and reason, after what it has sent", async () => {
				const got: string[] = [];
				const port = await start((socket) => {
					socket.on("message", (data) => got.push(bytesOf(data).toString()));
					socket.on("close", (code, reason) => got.push(`${code} ${reason}`));
				});
				const told = await run(port, { send: ["one", "two"], end: { after: 0, code: 1001, reason: "restart µ" } });
				assert.deepEqual(told.closed, { code: 1001, reason: "restart µ", remote: false });
				await eventually(() => got.length === 3);
				assert.deepEqual(got, ["one", "two", "1001 restart µ"]);
			});
			it("by the client, at once and without waiting: the server hears 1001", async () => {
				let heard = 0;
				const port = await start((socket) => {
					socket.on("close", (code) => {
						heard = code;
					});
					socket.send("x");
				});
				const told = await run(port, { leave: 1 });
				assert.equal(told.closed, undefined);
				await eventually(() => heard !== 0);
				assert.equal(heard, 1001);
			});
			it("by both at the same time", async () => {
				const port = await start((socket) => {
					socket.send("x");
					socket.close(1000, "bye");
				});
				const told = await run(port, { end: { after: 1 } });
				assert.equal(told.closed?.code, 1000);
			});
			it("without a word", async () => {
				const port = await start((socket) => {
					socket.send("x", () => socket.terminate());
				});
				const told = await run(port);
				assert.match(told.code ?? "", /^(websocket\.lost|net\.reset|tls\.truncated)$/);
			});
			it("because a message is too long: the server hears 1009", async () => {
				let heard = 0;
				const port = await start((socket) => {
					socket.on("close", (code) => {
						heard = code;
					});
					socket.send(Buffer.alloc(20_000));
				});
				const told = await run(port);
				assert.equal(told.code, "websocket.too-large");
				await eventually(() => heard !== 0);
				assert.equal(heard, 1009);
			});
			it("because text is none: the server hears 1007", async () => {
				let heard = 0;
				const port = await start((socket) => {
					socket.on("close", (code) => {
						heard = code;
					});
					socket.send(Buffer.from([0x61, 0xff]), { binary: false });
				});
				const told = await run(port);
				assert.equal(told.code, "websocket.bad-text");
				await eventually(() => heard !== 0);
				assert.equal(heard, 1007);
			});
		});
	});
}

suite("plain", false);
suite("over TLS", true);
