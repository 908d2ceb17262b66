/** The proxy's counting and its disturbances, byte by byte. */
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Action, Disturbance, Place } from "../disturbances";
import { TcpProxy } from "../proxy";

/** What a client got, and how the connection ended for it. */
interface Received {
	readonly bytes: Buffer;
	readonly end: string;
	readonly milliseconds: number;
}

const payload = randomBytes(100_000);

describe("TCP proxy", () => {
	let server: Server;
	let proxy: TcpProxy;
	/** What the server got, by connection. */
	let arrived: Buffer[];

	/** Serves the payload to whoever has sent a line, then closes. */
	const serve = (socket: Socket): void => {
		const index = arrived.push(Buffer.alloc(0)) - 1;
		socket.on("error", () => socket.destroy());
		socket.on("data", (chunk) => {
			const before = arrived[index] ?? Buffer.alloc(0);
			arrived[index] = Buffer.concat([before, chunk]);
			if (!before.includes("\n") && arrived[index]?.includes("\n")) socket.end(payload);
		});
	};

	beforeEach(async () => {
		arrived = [];
		server = createServer(serve).listen(0, "127.0.0.1");
		await once(server, "listening");
		proxy = await TcpProxy.start({ target: { port: (server.address() as AddressInfo).port } });
	});
	afterEach(async () => {
		await proxy.stop();
		await new Promise((resolve) => server.close(resolve));
	});

	const fetchThrough = (text = "please\n", patience = 5_000): Promise<Received> =>
		new Promise((resolve) => {
			const begun = Date.now();
			const socket = connect(proxy.port, "127.0.0.1");
			let bytes = Buffer.alloc(0);
			const settle = (end: string): void => {
				clearTimeout(timer);
				socket.destroy();
				resolve({ bytes, end, milliseconds: Date.now() - begun });
			};
			const timer = setTimeout(() => settle("silence"), patience);
			socket.on("data", (chunk) => {
				bytes = Buffer.concat([bytes, chunk]);
			});
			socket.on("error", (error: NodeJS.ErrnoException) => settle(error.code ?? ""));
			socket.on("end", () => settle("end"));
			socket.write(text);
		});
	const disturb = (action: Action, at: Place = { byte: 60_000 }, more: Partial<Disturbance> = {}) =>
		proxy.disturb({ direction: "toClient", at, action, ...more });

	it("passes bytes both ways and counts them and connections", async () => {
		const { bytes, end } = await fetchThrough();
		assert.deepEqual([bytes.equals(payload), end], [true, "end"]);
		await fetchThrough("once more\n");
		await closed(proxy);
		assert.deepEqual(proxy.totals, {
			connections: 2,
			open: 0,
			toServer: 7 + 10,
			toClient: 200_000,
			handshakes: { full: 0, resumed: 0, incomplete: 0 },
		});
		assert.deepEqual(
			proxy.connections.map(({ id, toServer, handshake }) => [id, toServer, handshake]),
			[
				[1, 7, undefined],
				[2, 10, undefined],
			],
		);
		proxy.forget();
		assert.equal(proxy.totals.connections, 0);
	});
	it("shows open connections", async () => {
		const socket = connect(proxy.port, "127.0.0.1");
		await once(socket, "connect");
		socket.write("x");
		while (proxy.totals.toServer === 0) await sleep(5);
		assert.equal(proxy.totals.open, 1);
		socket.destroy();
		await closed(proxy);
	});

	for (const [reset, end] of [
		[false, "end"],
		[true, "ECONNRESET"],
	] as const) {
		it(`cuts at a byte with ${reset ? "RST" : "FIN"}`, async () => {
			const handle = disturb({ kind: "cut", reset });
			const received = await fetchThrough();
			assert.deepEqual([received.bytes.length, received.end], [60_000, end]);
			assert.equal(handle.hits, 1);
			assert.equal((await fetchThrough()).bytes.length, payload.length, "once only");
		});
	}
	it("cuts before the first byte and at the last", async () => {
		disturb({ kind: "cut" }, { byte: 0 });
		assert.equal((await fetchThrough()).bytes.length, 0);
		disturb({ kind: "cut" }, { byte: payload.length - 1 });
		assert.equal((await fetchThrough()).bytes.length, payload.length - 1);
	});
	it("stalls for a time", async () => {
		disturb({ kind: "stall", milliseconds: 300 });
		const { bytes, milliseconds } = await fetchThrough();
		assert.ok(bytes.equals(payload));
		assert.ok(milliseconds >= 290, `${milliseconds} ms`);
	});
	it("stalls until released", async () => {
		disturb({ kind: "stall" });
		assert.deepEqual(await outcome(fetchThrough("please\n", 200)), [60_000, "silence"]);
		proxy.calm();
		await closed(proxy);
		disturb({ kind: "stall" });
		const received = fetchThrough();
		while (proxy.connections[1]?.toClient !== 60_000) await sleep(5);
		proxy.release();
		assert.deepEqual(await outcome(received), [payload.length, "end"]);
	});
	it("slows down", async () => {
		disturb({ kind: "slow", bytesPerSecond: 100_000 });
		const { bytes, milliseconds } = await fetchThrough();
		assert.ok(bytes.equals(payload));
		assert.ok(milliseconds >= 350 && milliseconds < 2_000, `40,000 bytes at 100,000 a second took ${milliseconds} ms`);
	});
	it("corrupts one byte, or several with a mask", async () => {
		disturb({ kind: "corrupt" });
		const expected = Buffer.from(payload);
		expected[60_000] = (payload[60_000] ?? 0) ^ 0xff;
		assert.ok((await fetchThrough()).bytes.equals(expected));
		disturb({ kind: "corrupt", bytes: 3, mask: 1 }, { byte: 10 });
		const three = Buffer.from(payload);
		for (const index of [10, 11, 12]) three[index] = (payload[index] ?? 0) ^ 1;
		assert.ok((await fetchThrough()).bytes.equals(three));
	});
	it("duplicates and drops, also more than one chunk", async () => {
		disturb({ kind: "duplicate", bytes: 30_000 }, { byte: 50_000 });
		const twice = Buffer.concat([payload.subarray(0, 80_000), payload.subarray(50_000)]);
		assert.ok((await fetchThrough()).bytes.equals(twice));
		disturb({ kind: "drop", bytes: 90_000 }, { byte: 5_000 });
		const less = Buffer.concat([payload.subarray(0, 5_000), payload.subarray(95_000)]);
		assert.ok((await fetchThrough()).bytes.equals(less));
	});
	it("duplicates what there is when the stream ends before", async () => {
		disturb({ kind: "duplicate", bytes: 1_000 }, { byte: payload.length - 10 });
		assert.ok((await fetchThrough()).bytes.equals(Buffer.concat([payload, payload.subarray(-10)])));
	});
	it("disturbs what goes to the server", async () => {
		proxy.disturb({ direction: "toServer", at: { byte: 2 }, action: { kind: "drop", bytes: 3 } });
		await fetchThrough("please\n");
		assert.equal(arrived[0]?.toString(), "ple\n");
	});

	describe("places", () => {
		it("after a text, even across chunks", async () => {
			proxy.disturb({ direction: "toServer", at: { after: "marker" }, action: { kind: "cut" } });
			const socket = connect({ port: proxy.port, host: "127.0.0.1", noDelay: true });
			for (const part of ["before mar", "ke", "r after"]) {
				socket.write(part);
				await sleep(30);
			}
			await closed(proxy);
			assert.equal(arrived[0]?.toString(), "before marker");
			socket.destroy();
		});
		it("after a text at the very end of what is sent", async () => {
			const handle = proxy.disturb({ direction: "toServer", at: { after: "please\n" }, action: { kind: "cut" } });
			assert.equal((await fetchThrough()).bytes.length, 0);
			assert.equal(handle.hits, 1);
		});
		it("by total over connections", async () => {
			disturb({ kind: "cut" }, { total: 150_000 });
			assert.equal((await fetchThrough()).bytes.length, payload.length);
			assert.equal((await fetchThrough()).bytes.length, 50_000);
		});
		it("by a function", async () => {
			disturb(
				{ kind: "cut" },
				{ find: (chunk, offset) => (offset + chunk.length > 70_000 ? Math.max(0, 70_000 - offset) : undefined) },
			);
			assert.equal((await fetchThrough()).bytes.length, 70_000);
		});
		it("on several connections, on chosen ones, and removed", async () => {
			const handle = disturb({ kind: "cut" }, { byte: 10 }, { times: 2, connections: (id) => id !== 2 });
			const lengths: number[] = [];
			for (let round = 0; round < 4; round += 1) lengths.push((await fetchThrough()).bytes.length);
			assert.deepEqual(lengths, [10, payload.length, 10, payload.length]);
			assert.equal(handle.hits, 2);
			const other = disturb({ kind: "cut" }, { byte: 10 });
			other.remove();
			assert.equal((await fetchThrough()).bytes.length, payload.length);
		});
		it("several in one stream, in order of their places", async () => {
			disturb({ kind: "cut" }, { byte: 90_000 });
			disturb({ kind: "drop", bytes: 5 }, { byte: 20 });
			disturb({ kind: "corrupt" }, { byte: 30 });
			const expected = Buffer.concat([payload.subarray(0, 20), payload.subarray(25, 90_000)]);
			expected[25] = (payload[30] ?? 0) ^ 0xff;
			assert.ok((await fetchThrough()).bytes.equals(expected));
		});
	});

	it("ends all connections at once", async () => {
		const received = fetchThrough("no line yet");
		while (proxy.totals.toServer === 0) await sleep(5);
		proxy.cut(true);
		assert.deepEqual(await outcome(received), [0, "ECONNRESET"]);
	});
	it("refuses while down, serves again on the same port", async () => {
		const { port } = proxy;
		await proxy.down();
		assert.equal((await fetchThrough()).end, "ECONNREFUSED");
		await proxy.up();
		assert.equal(proxy.port, port);
		assert.equal((await fetchThrough()).bytes.length, payload.length);
	});
	it("a server that is not there resets the client", async () => {
		const nowhere = await TcpProxy.start({ target: { port: 1 } });
		try {
			const socket = connect(nowhere.port, "127.0.0.1");
			const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
			assert.equal(error.code, "ECONNRESET");
		} finally {
			await nowhere.stop();
		}
	});
	it("passes half-closed connections on", async () => {
		const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
		socket.end("please\n");
		let length = 0;
		for await (const chunk of socket) length += (chunk as Buffer).length;
		assert.equal(length, payload.length);
	});
});

const outcome = async (received: Promise<Received>): Promise<readonly [number, string]> => {
	const { bytes, end } = await received;
	return [bytes.length, end];
};

/** Resolves when the proxy has no open connection. */
async function closed(proxy: TcpProxy): Promise<void> {
	while (proxy.totals.open > 0) await sleep(5);
}
