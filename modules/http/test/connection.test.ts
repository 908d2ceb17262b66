import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import type { RequestOptions } from "fleetling/http/types";
import { describe, it } from "test/harness";
import { Recorded, turn, Wire, type WireSocket } from "./wire";

const ok = (body: string, ...fields: readonly string[]): string =>
	["HTTP/1.1 200 OK", `Content-Length: ${body.length}`, ...fields, "", body].join("\r\n");

/** A client with a kept connection. */
async function kept(wire: Wire, client = wire.client()): Promise<{ client: typeof client; socket: WireSocket }> {
	const first = new Recorded(client);
	await turn();
	wire.last.takes();
	wire.last.arrive(ok("1"));
	assert.isTrue(first.done);
	return { client, socket: wire.last };
}

describe("http client: the kept connection", () => {
	it("is used again", async () => {
		const wire = new Wire();
		const { client, socket } = await kept(wire);
		for (let i = 0; i < 5; i++) {
			const next = new Recorded(client);
			await turn();
			socket.arrive(ok("2"));
			assert.equal(next.body, "2");
		}
		assert.lengthOf(wire.sockets, 1);
	});
	it("is closed when the server says so", async () => {
		const wire = new Wire();
		const client = wire.client();
		const first = new Recorded(client);
		await turn();
		wire.last.takes();
		wire.last.arrive(ok("1", "Connection: close"));
		assert.isTrue(first.done);
		assert.isTrue(wire.last.closed);
		assert.isFalse(client.connected);
	});
	it("is closed after its time", async () => {
		const wire = new Wire();
		let closed = 0;
		const client = wire.client({ timeouts: { keepAlive: 30 }, onClose: () => closed++ });
		await kept(wire, client);
		await turn(10);
		assert.isFalse(wire.last.closed);
		await turn(40);
		assert.isTrue(wire.last.closed);
		assert.equal(closed, 1);
	});
	it("is not closed while it is in use again", async () => {
		const wire = new Wire();
		const { client, socket } = await kept(wire, wire.client({ timeouts: { keepAlive: 40 } }));
		await turn(20);
		const next = new Recorded(client);
		await turn(60);
		assert.isFalse(socket.closed);
		socket.arrive(ok("2"));
		assert.deepEqual(next.events, ["head 200", "done"]);
	});
	it("is closed earlier when the server announces to do so", async () => {
		const wire = new Wire();
		const client = wire.client();
		new Recorded(client);
		await turn();
		wire.last.takes();
		wire.last.arrive(ok("1", "Keep-Alive: timeout=1"));
		assert.isTrue(wire.last.closed);
	});
	it("is not kept with a time of 0, and the server is told", async () => {
		const wire = new Wire();
		const { socket } = await kept(wire, wire.client({ timeouts: { keepAlive: 0 } }));
		assert.include(socket.sent, "\r\nConnection: close\r\n");
		assert.isTrue(socket.closed);
	});
	it("that the server has closed is replaced by the next request", async () => {
		const wire = new Wire();
		const { client, socket } = await kept(wire);
		socket.end();
		assert.isTrue(socket.closed);
		const next = new Recorded(client, { method: "POST", body: "x" });
		await turn();
		assert.lengthOf(wire.sockets, 2);
		wire.last.takes();
		wire.last.arrive(ok("2"));
		assert.deepEqual(next.events, ["head 200", "done"]);
	});
	for (const method of ["GET", "POST"]) {
		it(`found closed by ${method}: the request goes out once more, once`, async () => {
			const wire = new Wire();
			const { client, socket } = await kept(wire);
			const next = new Recorded(client, { method, body: "body" });
			await turn();
			assert.include(socket.sent, `${method} / `);
			socket.end(new Error("broken pipe"));
			assert.isFalse(next.done);
			assert.lengthOf(wire.sockets, 2);
			wire.last.takes();
			assert.isTrue(wire.last.sent.endsWith("body"));
			wire.last.end();
			assert.deepEqual(next.events, ["net.closed"]);
			await turn();
			assert.lengthOf(wire.sockets, 2);
		});
	}
	it("found closed by writing to it", async () => {
		const wire = new Wire();
		const { client, socket } = await kept(wire);
		socket.broken = true;
		const next = new Recorded(client);
		await turn();
		assert.lengthOf(wire.sockets, 2);
		wire.last.takes();
		wire.last.arrive(ok("2"));
		assert.deepEqual(next.events, ["head 200", "done"]);
	});
	for (const [method, repeatable, expected] of [
		["GET", undefined, 2],
		["PUT", undefined, 2],
		["POST", undefined, 1],
		["POST", true, 2],
		["GET", false, 1],
	] as const) {
		it(`broken in the middle of the headers: ${method}${repeatable === undefined ? "" : `, repeatable ${repeatable}`}`, async () => {
			const wire = new Wire();
			const { client, socket } = await kept(wire);
			const next = new Recorded(client, { method, ...(repeatable !== undefined && { repeatable }) });
			await turn();
			socket.arrive("HTTP/1.1 2");
			socket.end();
			await turn();
			assert.lengthOf(wire.sockets, expected);
			if (expected === 1) assert.deepEqual(next.events, ["net.closed"]);
		});
	}
	it("broken in the middle of the body: not repeated", async () => {
		const wire = new Wire();
		const { client, socket } = await kept(wire);
		const next = new Recorded(client);
		await turn();
		socket.arrive("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
		socket.end();
		await turn();
		assert.deepEqual(next.events, ["head 200", "http.body-short"]);
		assert.lengthOf(wire.sockets, 1);
	});
	it("broken on its first request: not repeated", async () => {
		const wire = new Wire();
		const first = new Recorded(wire.client());
		await turn();
		wire.last.takes();
		wire.last.end();
		assert.deepEqual(first.events, ["net.closed"]);
		assert.lengthOf(wire.sockets, 1);
	});
	it("silent: not repeated", async () => {
		const wire = new Wire();
		const { client } = await kept(wire);
		const next = new Recorded(client, { timeouts: { headers: 20 } });
		await turn(60);
		assert.deepEqual(next.events, ["net.timeout"]);
		assert.lengthOf(wire.sockets, 1);
	});
	for (const restart of [true, false]) {
		it(`found closed in the middle of a body that is written bit by bit, ${restart ? "with" : "without"} onRestart`, async () => {
			const wire = new Wire();
			const { client, socket } = await kept(wire);
			let restarts = 0;
			const options: Partial<RequestOptions> = {
				method: "PUT",
				bodyLength: 4,
				onWritable() {
					this.write(new Uint8Array([0x78, 0x79]));
				},
				...(restart && { onRestart: () => restarts++ }),
			};
			const next = new Recorded(client, options);
			await turn();
			assert.isTrue(socket.sent.endsWith("xy"));
			socket.end();
			if (!restart) {
				assert.deepEqual(next.events, ["net.closed"]);
				return;
			}
			wire.last.takes();
			wire.last.takes();
			assert.equal(restarts, 1);
			assert.isTrue(wire.last.sent.endsWith("\r\n\r\nxyxy"));
			wire.last.arrive(ok(""));
			assert.deepEqual(next.events, ["head 200", "done"]);
		});
	}
});

describe("http client: surplus", () => {
	for (const when of ["with the response", "later"]) {
		it(`that comes ${when} closes the connection, is reported, and reaches no other response`, async () => {
			const wire = new Wire();
			const errors: string[] = [];
			const client = wire.client({ onError: (error) => errors.push(error.code) });
			const first = new Recorded(client);
			await turn();
			const socket = wire.last;
			socket.takes();
			const poison = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
			if (when === "later") {
				socket.arrive(ok("good"));
				socket.arrive(poison);
			} else socket.arrive(ok("good") + poison);
			assert.equal(first.body, "good");
			assert.deepEqual(first.events, ["head 200", "done"]);
			assert.deepEqual(errors, ["http.surplus"]);
			assert.isTrue(socket.closed);
			const next = new Recorded(client);
			await turn();
			assert.lengthOf(wire.sockets, 2);
			wire.last.takes();
			wire.last.arrive(ok("next"));
			assert.equal(next.body, "next");
		});
	}
	it("to a HEAD, a 204 and a 304", async () => {
		for (const [method, head] of [
			["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4"],
			["GET", "HTTP/1.1 204 No Content\r\nContent-Length: 4"],
			["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4"],
		] as const) {
			const wire = new Wire();
			const errors: string[] = [];
			const recorded = new Recorded(wire.client({ onError: (error) => errors.push(error.code) }), { method });
			await turn();
			wire.last.takes();
			wire.last.arrive(`${head}\r\n\r\nevil`);
			assert.equal(recorded.body, "");
			assert.equal(recorded.events[1], "done");
			assert.deepEqual(errors, ["http.surplus"]);
			assert.isTrue(wire.last.closed);
		}
	});
});

describe("http client: names", () => {
	it("are resolved for each connection, and the resolver is closed", async () => {
		const wire = new Wire();
		const recorded = new Recorded(wire.client({ host: "server.test", port: 5000 }));
		await turn();
		assert.equal(wire.queries[0]?.host, "server.test");
		wire.queries[0]?.answer("192.0.2.9");
		assert.equal(wire.last.options.address, "192.0.2.9");
		assert.equal(wire.resolversClosed, 1);
		wire.last.takes();
		assert.include(wire.last.sent, "\r\nHost: server.test:5000\r\n");
		wire.last.arrive(ok(""));
		assert.isTrue(recorded.done);
	});
	it("that are addresses need no resolver", async () => {
		for (const host of ["192.0.2.1", "2001:db8::1"]) {
			const wire = new Wire();
			new Recorded(wire.client({ host }));
			await turn();
			assert.equal(wire.last.options.address, host);
			assert.lengthOf(wire.queries, 0);
		}
	});
	it("that do not resolve fail", async () => {
		const wire = new Wire();
		const recorded = new Recorded(wire.client({ host: "server.test" }));
		await turn();
		wire.queries[0]?.fail();
		assert.deepEqual(recorded.events, ["net.dns"]);
		assert.equal(wire.resolversClosed, 1);
	});
	it("that resolve to nonsense fail", async () => {
		const wire = new Wire();
		const socket = {
			io: class {
				constructor() {
					throw new Error("invalid address");
				}
				read() {
					return 0;
				}
				write() {
					return 0;
				}
				close() {}
			},
		};
		const recorded = new Recorded(wire.client({ host: "server.test", socket }));
		await turn();
		wire.queries[0]?.answer("nonsense");
		assert.deepEqual(recorded.events, ["net.refused"]);
	});
	it("are not waited for by a request that was closed", async () => {
		const wire = new Wire();
		const recorded = new Recorded(wire.client({ host: "server.test" }));
		await turn();
		recorded.request.close();
		wire.queries[0]?.answer("192.0.2.9");
		assert.lengthOf(wire.sockets, 0);
		assert.deepEqual(recorded.events, []);
	});
	it("cannot be resolved by a broken resolver", async () => {
		const wire = new Wire();
		const dns = {
			io: class {
				resolve(): void {
					throw new Error("no socket");
				}
				close(): void {}
			},
		};
		const recorded = new Recorded(wire.client({ host: "server.test", dns }));
		await turn();
		assert.deepEqual(recorded.events, ["net.dns"]);
	});
});

describe("http client: connections that fail", () => {
	for (const [name, error, code] of [
		["refused", new Error("ECONNREFUSED"), "net.refused"],
		["closed", undefined, "net.refused"],
		["refused by TLS", new FleetlingError("net.closed", "in the handshake"), "net.closed"],
	] as const) {
		it(`are reported: ${name}`, async () => {
			const wire = new Wire();
			const refused: string[] = [];
			const client = wire.client({ onRefused: (found) => refused.push(found.code) });
			const recorded = new Recorded(client);
			await turn();
			wire.last.end(error);
			assert.deepEqual(recorded.events, [code]);
			assert.deepEqual(refused, [code]);
			assert.isTrue(wire.last.closed);
			assert.isFalse(client.busy);
			const next = new Recorded(client);
			await turn();
			wire.last.takes();
			wire.last.arrive(ok("fine"));
			assert.equal(next.body, "fine");
		});
	}
});
