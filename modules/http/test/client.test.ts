import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import type { RequestOptions } from "fleetling/http/types";
import { describe, it } from "test/harness";
import { Recorded, turn, Wire, type WireSocket } from "./wire";

const ok = (body: string, ...fields: readonly string[]): string =>
	["HTTP/1.1 200 OK", `Content-Length: ${body.length}`, ...fields, "", body].join("\r\n");

/** Starts a request and brings it as far as having been sent. */
async function sent(
	wire: Wire,
	options: Partial<RequestOptions> = {},
	client = wire.client(),
): Promise<{ recorded: Recorded; socket: WireSocket; client: typeof client }> {
	const before = wire.sockets.length;
	const recorded = new Recorded(client, options);
	await turn();
	const socket = wire.last;
	if (wire.sockets.length > before) socket.takes();
	return { recorded, socket, client };
}

describe("http client: requests", () => {
	it("go out as one write, head and body together", async () => {
		const wire = new Wire();
		const headers = [
			["X-B", "1"],
			["X-A", "2"],
		] as const;
		const { recorded, socket } = await sent(wire, { method: "POST", path: "/a?b", headers, body: "grün" });
		assert.deepEqual(socket.writes, [
			"POST /a?b HTTP/1.1\r\nHost: 192.0.2.1\r\nX-B: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\ngr\xc3\xbcn",
		]);
		socket.arrive(ok("x"));
		assert.deepEqual(recorded.events, ["head 200", "done"]);
		assert.equal(recorded.body, "x");
	});
	it("give the socket its own options, and the one below as io", async () => {
		const wire = new Wire();
		const below = class {};
		const client = wire.client({ socket: wire.socket({ over: below, secure: { serverName: "s" } }), port: 8443 });
		await sent(wire, {}, client);
		const { options } = wire.last;
		assert.equal(options.io, below);
		assert.deepEqual(options.secure, { serverName: "s" });
		assert.equal(options.address, "192.0.2.1");
		assert.equal(options.port, 8443);
		assert.notProperty(options, "over");
	});
	it("are written in the pieces that the connection takes", async () => {
		const wire = new Wire();
		const body = new Uint8Array(10_000).fill(0x61);
		const recorded = new Recorded(wire.client(), { method: "PUT", body });
		await turn();
		const socket = wire.last;
		for (let i = 0; i < 20 && socket.sent.length < 10_000; i++) socket.takes(1000);
		socket.takes(1000);
		assert.isTrue(socket.sent.endsWith(`\r\n\r\n${"a".repeat(10_000)}`));
		assert.isAbove(socket.writes.length, 9);
		socket.arrive(ok(""));
		assert.deepEqual(recorded.events, ["head 200", "done"]);
	});
	it("take a body that is written bit by bit", async () => {
		const wire = new Wire();
		const asked: number[] = [];
		let left = 25;
		const { recorded, socket } = await sent(wire, {
			method: "PUT",
			bodyLength: 25,
			onWritable(count) {
				asked.push(count);
				const size = Math.min(count, 10);
				left -= size;
				this.write(new Uint8Array(size).fill(0x62));
			},
		});
		while (left > 0) socket.takes();
		assert.deepEqual(asked, [25, 15, 5]);
		assert.isTrue(socket.sent.endsWith(`Content-Length: 25\r\n\r\n${"b".repeat(25)}`));
		assert.equal(recorded.request.write(new Uint8Array(1)), 0);
		socket.arrive(ok(""));
		assert.deepEqual(recorded.events, ["head 200", "done"]);
	});
	it("refuse more of a body than was announced", async () => {
		const wire = new Wire();
		let error: unknown;
		await sent(wire, {
			method: "PUT",
			bodyLength: 5,
			onWritable() {
				try {
					this.write(new Uint8Array(6));
				} catch (thrown) {
					error = thrown;
				}
			},
		});
		assert.equal((error as FleetlingError).code, "http.bad-request");
	});
	it("are checked before anything is done", () => {
		const wire = new Wire();
		const client = wire.client();
		for (const options of [
			{ path: "x" },
			{ path: "/", headers: [["a", "b\n"]] as const },
			{ path: "/", bodyLength: 3 },
			{ path: "/", bodyLength: -1, onWritable() {} },
		]) {
			assert.throws(() => client.request(options), FleetlingError);
		}
		assert.isFalse(client.busy);
	});
	it("wait for each other", async () => {
		const wire = new Wire();
		const client = wire.client();
		const first = await sent(wire, { path: "/1" }, client);
		const second = new Recorded(client, { path: "/2" });
		await turn();
		assert.notInclude(first.socket.sent, "/2");
		first.socket.arrive(ok("one"));
		await turn();
		assert.include(first.socket.sent, "GET /2 ");
		first.socket.arrive(ok("two"));
		assert.equal(second.body, "two");
		assert.lengthOf(wire.sockets, 1);
	});
	it("are refused when too many wait", () => {
		const client = new Wire().client({ limits: { queue: 2 } });
		new Recorded(client);
		new Recorded(client);
		assert.throws(() => new Recorded(client), /wait for/);
	});
	it("stop going out when the final response comes early, and the connection is not used again", async () => {
		const wire = new Wire();
		const client = wire.client();
		const recorded = new Recorded(client, { method: "PUT", body: new Uint8Array(10_000) });
		await turn();
		wire.last.takes(2000);
		wire.last.arrive(["HTTP/1.1 413 Too Large", "Content-Length: 2", "", "no"].join("\r\n"));
		assert.deepEqual(recorded.events, ["head 413", "done"]);
		assert.equal(recorded.body, "no");
		assert.isTrue(wire.last.closed);
	});
});

describe("http client: responses", () => {
	it("are read straight into the caller's buffer", async () => {
		const wire = new Wire();
		const buffer = new ArrayBuffer(4);
		let bytes = "";
		const { socket, recorded } = await sent(wire, {
			onReadable() {
				while (this.read(buffer) > 0) bytes += String.fromCharCode(...new Uint8Array(buffer));
			},
		});
		socket.arrive("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
		socket.arrive("abcdefgh");
		socket.arrive("ijkl");
		assert.equal(bytes, "abcdefghijkl");
		assert.deepEqual(
			socket.reads.slice(-3).map((read) => read === buffer),
			[true, true, true],
		);
		assert.deepEqual(recorded.events, ["head 200", "done"]);
	});
	it("come in any pieces", async () => {
		const text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n world\r\n0\r\nT: v\r\n\r\n";
		for (let size = 1; size < text.length; size++) {
			const wire = new Wire();
			const { socket, recorded } = await sent(wire);
			for (let i = 0; i < text.length; i += size) socket.arrive(text.slice(i, i + size));
			assert.equal(recorded.body, "hello world", `pieces of ${size}`);
			assert.deepEqual(recorded.events, ["head 200", "done"]);
			assert.isFalse(socket.closed);
		}
	});
	it("say how much can be read", async () => {
		const wire = new Wire();
		const counts: number[] = [];
		const { socket } = await sent(wire, {
			onReadable(count) {
				counts.push(count);
			},
		});
		socket.arrive("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
		socket.arrive("defg");
		assert.deepEqual(counts, [3, 7]);
	});
	it("hold the peer back while they are not read, and can be read later", async () => {
		const wire = new Wire();
		const { socket, recorded } = await sent(wire, { onReadable() {} });
		socket.arrive("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
		socket.arrive("abcdef");
		assert.equal(socket.unread, 6);
		const { request } = recorded;
		const buffer = new Uint8Array(4);
		assert.equal(request.read(buffer), 4);
		assert.isFalse(request.complete);
		assert.equal(request.read(buffer), 2);
		assert.isTrue(request.complete);
		assert.isFalse(recorded.done, "told before the caller has got the last bytes");
		await turn();
		assert.isTrue(recorded.done);
		assert.equal(request.read(buffer), 0);
	});
	it("without a reader are dropped", async () => {
		const wire = new Wire();
		const client = wire.client();
		let done = false;
		client.request({
			path: "/",
			onDone(error) {
				done = error === undefined;
			},
		});
		await turn();
		wire.last.takes();
		wire.last.arrive(ok("x".repeat(5000)));
		assert.isTrue(done);
		assert.isFalse(wire.last.closed);
	});
	it("that end with the connection are complete when it ends in an orderly way", async () => {
		const wire = new Wire();
		const { socket, recorded } = await sent(wire);
		socket.arrive("HTTP/1.1 200 OK\r\n\r\nabc");
		socket.arrive("def");
		assert.isFalse(recorded.done);
		socket.end();
		assert.deepEqual(recorded.events, ["head 200", "done"]);
		assert.equal(recorded.body, "abcdef");
		assert.isTrue(socket.closed);
	});
	it("that end with the connection are complete also when read after its end", async () => {
		const wire = new Wire();
		const { socket, recorded } = await sent(wire, { onReadable() {} });
		socket.arrive("HTTP/1.1 200 OK\r\n\r\nabc");
		socket.fail(new FleetlingError("net.closed", "close_notify"));
		assert.isFalse(recorded.done);
		assert.equal(recorded.request.read(new Uint8Array(8)), 3);
		await turn();
		assert.deepEqual(recorded.events, ["head 200", "done"]);
	});
	for (const [name, error] of [
		["a reset", new Error("connection reset")],
		["a TLS error", new FleetlingError("net.reset", "truncated")],
	] as const) {
		it(`that end with the connection fail with ${name}`, async () => {
			const wire = new Wire();
			const { socket, recorded } = await sent(wire);
			socket.arrive("HTTP/1.1 200 OK\r\n\r\nabc");
			socket.end(error);
			assert.deepEqual(recorded.events, ["head 200", "net.reset"]);
		});
	}
	it("that are shorter than announced fail, after what has come has been read", async () => {
		const wire = new Wire();
		const { socket, recorded } = await sent(wire);
		socket.arrive("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
		socket.end();
		assert.deepEqual(recorded.events, ["head 200", "http.body-short"]);
		assert.equal(recorded.body, "abc");
		assert.include(recorded.error?.message, "10");
	});
	it("that break a rule inside read fail there, without throwing", async () => {
		const wire = new Wire();
		const { socket, recorded } = await sent(wire, { onReadable() {} });
		socket.arrive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc");
		socket.arrive("XX\r\n");
		const buffer = new Uint8Array(8);
		assert.equal(recorded.request.read(buffer), 3);
		assert.equal(recorded.request.read(buffer), 0);
		await turn();
		assert.deepEqual(recorded.events, ["head 200", "http.head-too-large"]);
		assert.isTrue(socket.closed);
	});
	it("to HEAD have no body", async () => {
		const wire = new Wire();
		const { socket, recorded } = await sent(wire, { method: "HEAD" });
		socket.arrive("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
		assert.deepEqual(recorded.events, ["head 200", "done"]);
		assert.isFalse(socket.closed);
	});
});
