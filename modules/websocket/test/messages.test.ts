import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { grownSize, MessageSocket, type MessageSocketOptions } from "fleetling/websocket/messages";
import { describe, it } from "test/harness";
import { ascii, hex, pattern } from "./octets";
import { binary, close, continuation, ping, text } from "./peer";
import { options, turn, Wire, type WireSocket } from "./wire";

interface Made {
	readonly socket: MessageSocket;
	readonly wire: WireSocket;
	readonly events: string[];
	readonly messages: (string | ArrayBuffer)[];
}

async function make(own: Partial<MessageSocketOptions> = {}, room = 65_536): Promise<Made> {
	const wire = new Wire();
	const events: string[] = [];
	const messages: (string | ArrayBuffer)[] = [];
	const socket = new MessageSocket({
		...options(wire),
		onOpen: () => events.push("open"),
		onMessage: (message) => {
			messages.push(message);
		},
		onDrain: () => events.push("drain"),
		onClose: ({ code }) => events.push(`close ${code}`),
		onError: (error) => events.push(error.code),
		...own,
	});
	await turn();
	wire.last.takes(room);
	return { socket, wire: wire.last, events, messages };
}

async function open(own: Partial<MessageSocketOptions> = {}, room?: number): Promise<Made> {
	const made = await make(own, room);
	made.wire.accept();
	return made;
}

const sent = (wire: WireSocket): readonly string[] =>
	wire.frames.messages.map(({ binary: isBinary, payload }) => `${isBinary ? "b" : "t"}${payload.length}`);
const codeOf = (action: () => unknown): string => {
	try {
		action();
	} catch (error) {
		if (error instanceof FleetlingError) return error.code;
		throw error;
	}
	return "none";
};

describe("websocket/messages: receiving", () => {
	it("gives text as strings and binary as buffers, whole", async () => {
		const { wire, messages } = await open();
		wire.arrive(
			text("\xc2\xb5", false),
			continuation("", false),
			ping(),
			continuation("b"),
			text(""),
			binary(pattern(700)),
			binary(hex("")),
		);
		assert.deepEqual(messages.slice(0, 2), ["µb", ""]);
		assert.deepEqual(new Uint8Array(messages[2] as ArrayBuffer), pattern(700));
		assert.equal((messages[3] as ArrayBuffer).byteLength, 0);
	});
	it("keeps a byte order mark, and NUL", async () => {
		const { wire, messages } = await open();
		wire.arrive(text("\xef\xbb\xbfa\0b"));
		assert.deepEqual(messages, ["\ufeffa\0b"]);
	});
	it("gives buffers that are the callee's own", async () => {
		const { wire, messages } = await open();
		wire.arrive(binary(pattern(10, 1)), binary(pattern(10, 2)));
		assert.deepEqual(new Uint8Array(messages[0] as ArrayBuffer), pattern(10, 1));
		assert.deepEqual(new Uint8Array(messages[1] as ArrayBuffer), pattern(10, 2));
	});
	it("works with messages that arrive byte by byte, and of growing and shrinking length", async () => {
		const { wire, messages } = await open();
		for (const byte of text("byte by byte", false)) wire.arrive(Uint8Array.of(byte));
		for (const byte of continuation(", twice")) wire.arrive(Uint8Array.of(byte));
		for (const length of [10, 5000, 16_384, 3, 600]) wire.arrive(text("x".repeat(length)));
		assert.equal(messages[0], "byte by byte, twice");
		assert.deepEqual(
			messages.slice(1).map((message) => (message as string).length),
			[10, 5000, 16_384, 3, 600],
		);
	});
	it("gives large ones as long as they are, however they arrive, and small ones after them", async () => {
		const { wire, messages } = await open();
		const [large, larger] = [pattern(5_000), pattern(9_000, 3)];
		const bytes = binary(large);
		for (let at = 0; at < bytes.length; at += 700) wire.arrive(bytes.subarray(at, at + 700));
		wire.arrive(binary(larger.subarray(0, 4_000), false), continuation(larger.subarray(4_000)), binary(pattern(10, 5)));
		assert.deepEqual(
			messages.map((message) => new Uint8Array(message as ArrayBuffer)),
			[large, larger, pattern(10, 5)],
		);
		assert.equal((messages[0] as ArrayBuffer).byteLength, 5_000);
	});

	it("refuses more than 16 KiB, or what it was told", async () => {
		for (const [limit, bytes] of [
			[undefined, binary(pattern(16_385))],
			[100, binary(pattern(101))],
		] as const) {
			const { wire, events, messages } = await open(limit === undefined ? {} : { limits: { messageBytes: limit } });
			wire.arrive(bytes);
			wire.end();
			assert.deepEqual(messages, []);
			assert.equal(events.at(-1), "websocket.too-large");
		}
	});
	it("never gives text that is none", async () => {
		const { wire, events, messages } = await open();
		wire.arrive(text("ab", false), continuation("c\xff"), text("after"));
		wire.end();
		assert.deepEqual(messages, []);
		assert.equal(events.at(-1), "websocket.bad-text");
	});
	it("reads nothing while a promise of onMessage is open", async () => {
		const held: (() => void)[] = [];
		const got: unknown[] = [];
		const { wire } = await open({
			onMessage: (message) => {
				got.push(message);
				return new Promise((resolve) => held.push(() => resolve()));
			},
		});
		wire.arrive(text("a"), ping("x"), text("b"), text("c"));
		await turn();
		assert.deepEqual(got, ["a"]);
		assert.lengthOf(wire.frames.of(10), 0);
		held.shift()?.();
		await turn();
		assert.deepEqual(got, ["a", "b"]);
		assert.lengthOf(wire.frames.of(10), 1);
		held.shift()?.();
		await turn();
		assert.deepEqual(got, ["a", "b", "c"]);
	});
	it("ends when onMessage throws or rejects", async () => {
		for (const onMessage of [
			(): never => {
				throw new Error("on purpose");
			},
			() => Promise.reject(new Error("on purpose")),
		]) {
			const { wire, events } = await open({ onMessage });
			wire.arrive(text("a"), text("b"));
			await turn();
			wire.end();
			await turn();
			assert.equal(events.at(-1), "websocket.callback");
		}
	});
	it("drops messages without onMessage", async () => {
		const wire = new Wire();
		const closed: number[] = [];
		new MessageSocket({ ...options(wire), onClose: ({ code }) => closed.push(code) });
		await turn();
		wire.last.takes();
		wire.last.accept();
		wire.last.arrive(text("x".repeat(1000)), binary(pattern(3)), close(1000));
		wire.last.end();
		assert.deepEqual(closed, [1000]);
	});
});

describe("websocket/messages: the buffer", () => {
	/** How often 16 KiB in fragments of `bytes` have the buffer grow. */
	function growths(bytes: number): number {
		let size = 512;
		let count = 0;
		for (let needed = bytes; needed <= 16_384; needed += bytes) {
			const left = needed === 16_384 ? 0 : undefined;
			if (needed <= size) continue;
			size = grownSize(size, needed, left);
			count += 1;
		}
		return count;
	}

	it("grows a few times, however many fragments there are", () => {
		for (const bytes of [1, 16, 64, 512]) assert.equal(growths(bytes), 5, `${bytes}`);
	});
	it("has the size of its message as soon as that is known, unless it is kept", () => {
		assert.equal(grownSize(512, 700, 4_300), 5_000);
		assert.equal(grownSize(512, 5_000, 0), 5_000);
		assert.equal(grownSize(512, 5_000, undefined), 8_192);
		assert.equal(grownSize(512, 700, 100), 1_024);
	});
});

describe("websocket/messages: sending", () => {
	it("takes strings, buffers and views, in order, in fragments where it has to", async () => {
		const { socket, wire, events } = await open({}, 1_000_000);
		socket.send("text");
		socket.send(pattern(10_000));
		socket.send(pattern(3).buffer as ArrayBuffer);
		socket.send("");
		assert.deepEqual(sent(wire), ["t4", "b10000", "b3", "t0"]);
		assert.deepEqual(wire.frames.messages[1]?.payload, pattern(10_000));
		assert.isTrue(wire.frames.frames.every(({ size }) => size <= 4090));
		assert.equal(socket.buffered, 0);
		assert.equal(events[0], "open");
	});
	it("keeps what is sent before it is open, and says when all is on its way", async () => {
		const { socket, wire, events } = await make();
		socket.send("early");
		assert.equal(socket.buffered, 5);
		assert.isFalse(socket.isOpen);
		wire.accept();
		assert.deepEqual(sent(wire), ["t5"]);
		assert.deepEqual(events, ["open", "drain"]);
		assert.isTrue(socket.isOpen);
	});
	it("is bounded in bytes and in number", async () => {
		const { socket } = await make({ queueBytes: 1000 });
		socket.send(new Uint8Array(900));
		assert.isTrue(socket.fits(100));
		assert.isFalse(socket.fits(101));
		assert.equal(
			codeOf(() => socket.send(new Uint8Array(101))),
			"websocket.busy",
		);
		for (let i = 0; i < 31; i++) socket.send("");
		assert.equal(
			codeOf(() => socket.send("")),
			"websocket.busy",
		);
		assert.equal(socket.buffered, 900);
		socket.close();
	});
	it("takes one message of any length when nothing waits", async () => {
		const { socket, wire } = await open({ queueBytes: 10 }, 1_000_000);
		socket.send(pattern(50_000));
		assert.deepEqual(sent(wire), ["b50000"]);
	});
	it("waits for a slow network, and tells when it is done", async () => {
		const { socket, wire, events } = await open({}, 500);
		socket.send(pattern(9000));
		socket.send("after");
		assert.isAbove(socket.buffered, 0);
		for (let i = 0; i < 200 && sent(wire).length < 2; i++) wire.takes(100);
		assert.deepEqual(sent(wire), ["b9000", "t5"]);
		wire.takes();
		assert.equal(socket.buffered, 0);
		assert.deepEqual(events, ["open", "drain"]);
		assert.isTrue(socket.idle);
	});
	it("does not send text that is none", async () => {
		const { socket, wire } = await open();
		socket.send("a\u{1f600}b");
		assert.deepEqual(sent(wire), ["t6"]);
	});
	it("takes nothing when it closes", async () => {
		const { socket, wire, events } = await open();
		socket.send("before");
		socket.end(1001);
		assert.equal(
			codeOf(() => socket.send("after")),
			"websocket.bad-use",
		);
		await turn();
		assert.deepEqual(sent(wire), ["t6"]);
		wire.arrive(text("dropped"), close(1001));
		wire.end();
		assert.deepEqual(events, ["open", "close 1001"]);
		assert.equal(
			codeOf(() => socket.send("after")),
			"websocket.bad-use",
		);
	});
	it("close is silent and final", async () => {
		const { socket, wire, events } = await open();
		socket.close();
		socket.close();
		wire.arrive(text("x"));
		await turn();
		assert.isTrue(wire.closed);
		assert.deepEqual(events, ["open"]);
	});
	it("abort ends with websocket.callback", async () => {
		const { socket, wire, events } = await open();
		socket.abort(new Error("x"));
		await turn();
		wire.end();
		assert.equal(events.at(-1), "websocket.callback");
	});
	it("has the caller's own as target", async () => {
		const own = { name: "own" };
		const { socket, wire } = await open({
			target: own,
			onMessage(this: MessageSocket) {
				assert.equal(this.target, own);
			},
		});
		wire.arrive(text(ascii("x")));
		assert.equal(socket.target, own);
		assert.isTrue(socket.isOpen);
	});
});
