import { assert } from "chai";
import type { Connection } from "fleetling/http/connection";
import type { Opcode } from "fleetling/websocket/frames";
import { Sender } from "fleetling/websocket/sender";
import { describe, it } from "test/harness";
import { ascii, hex, hexOf, pattern } from "./octets";
import { ClientFrames } from "./peer";

/** A network that takes `writable` bytes. */
class Sink {
	readonly frames = new ClientFrames();
	readonly writes: number[] = [];
	first: Uint8Array | undefined;
	writable: number;

	constructor(writable = 1_000_000) {
		this.writable = writable;
	}

	write(bytes: Uint8Array): void {
		if (bytes.length > this.writable) throw new Error("more than is taken");
		this.first ??= bytes.slice();
		this.writable -= bytes.length;
		this.writes.push(bytes.length);
		this.frames.feed(bytes.slice());
	}

	get connection(): Connection {
		return this as unknown as Connection;
	}
}

const size = 4090;
const headers: readonly (readonly [length: number, header: string])[] = [
	[0, "8280"],
	[1, "8281"],
	[125, "82fd"],
	[126, "82fe007e"],
	[127, "82fe007f"],
	[255, "82fe00ff"],
	[256, "82fe0100"],
	[4082, "82fe0ff2"],
];

describe("websocket/sender", () => {
	for (const [length, header] of headers) {
		it(`frames ${length} bytes`, () => {
			const sender = new Sender(size);
			const sink = new Sink();
			sender.data(2, true, pattern(length));
			assert.isTrue(sender.flush(sink.connection));
			assert.equal(hexOf((sink.first ?? hex("")).subarray(0, header.length / 2)), header);
			const [frame] = sink.frames.frames;
			assert.deepEqual(frame?.payload, pattern(length));
			assert.equal(frame?.size, length + header.length / 2 + 4);
			assert.equal(sink.frames.rest, 0);
			assert.isFalse(sender.flush(sink.connection));
		});
	}
	it("uses another mask for each frame", () => {
		const sender = new Sender(size);
		const sink = new Sink();
		for (let i = 0; i < 200; i++) {
			sender.data(2, true, ascii("x"));
			sender.flush(sink.connection);
		}
		const masks = new Set(sink.frames.frames.map(({ mask }) => mask));
		assert.isAtLeast(masks.size, 198, "random masks of 32 bits hardly ever repeat");
		for (let at = 0; at < 4; at++) {
			const values = new Set([...masks].map((mask) => mask.split(" ")[at]));
			assert.isAtLeast(values.size, 64, `byte ${at} of the masks is not random`);
		}
	});
	it("leaves the caller's bytes as they are", () => {
		const sender = new Sender(size);
		const bytes = pattern(100);
		sender.data(1, false, bytes);
		assert.deepEqual(bytes, pattern(100));
	});
	it("takes as much as it says, and not a byte of room is wasted but the header's", () => {
		const sender = new Sender(size);
		assert.equal(sender.room, size - 8);
		sender.data(2, true, pattern(sender.room));
		assert.equal(sender.room, 0);
		assert.equal(sender.pending, size);
	});
	it("survives a network that takes one byte at a time, at any point of time", () => {
		for (const step of [1, 2, 3, 7, 64]) {
			const sender = new Sender(256);
			const sink = new Sink(0);
			let expected = 0;
			for (let i = 0; i < 600; i++) {
				const room = sender.room;
				if (room > 0) {
					const length = Math.min(room, (i * 7) % 130);
					sender.data(2, true, pattern(length, expected));
					expected++;
				}
				sink.writable = step;
				sender.flush(sink.connection);
			}
			sink.writable = 10_000;
			sender.flush(sink.connection);
			assert.equal(sink.frames.rest, 0);
			assert.lengthOf(sink.frames.frames, expected);
			for (const [index, { payload }] of sink.frames.frames.entries()) assert.deepEqual(payload, pattern(payload.length, index));
		}
	});
	it("never hands over more than its size in one piece", () => {
		const sender = new Sender(size);
		const sink = new Sink();
		for (let i = 0; i < 40; i++) sender.data(2, true, pattern(Math.min(90, sender.room)));
		sender.pong(pattern(125));
		sender.flush(sink.connection);
		assert.isTrue(sink.writes.every((count) => count <= size));
	});
	it("puts control frames between those that were written before and after", () => {
		const sender = new Sender(size);
		const sink = new Sink();
		sender.data(1, false, ascii("a"));
		sender.pong(ascii("1"));
		sender.data(0, true, ascii("b"));
		sender.ping();
		sender.data(2, true, ascii("c"));
		sender.close(hex("03e8"));
		sender.flush(sink.connection);
		assert.deepEqual(
			sink.frames.frames.map(({ opcode }) => opcode),
			[1, 10, 0, 9, 2, 8],
		);
	});
	it("of pongs that wait keeps the last, and no data overtakes it", () => {
		const sender = new Sender(256);
		const sink = new Sink(0);
		sender.data(2, true, pattern(sender.room));
		for (let i = 0; i < 1000; i++) sender.pong(ascii(`ping ${i}`));
		assert.equal(sender.room, 0);
		sink.writable = 100_000;
		sender.flush(sink.connection);
		assert.deepEqual(
			sink.frames.frames.map(({ opcode, payload }) => (opcode === 10 ? String.fromCharCode(...payload) : opcode)),
			[2, "ping 999"],
		);
		assert.equal(sender.room, 248);
	});
	it("answers ten pings with ten pongs while there is room", () => {
		const sender = new Sender(size);
		const sink = new Sink(0);
		for (let i = 0; i < 10; i++) sender.pong(ascii(`${i}`));
		sink.writable = 10_000;
		sender.flush(sink.connection);
		assert.deepEqual(
			sink.frames.frames.map(({ payload }) => String.fromCharCode(...payload)),
			["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
		);
	});
	it("sends nothing after a Close frame, also when that has to wait", () => {
		for (const full of [false, true]) {
			const sender = new Sender(256);
			const sink = new Sink(0);
			if (full) sender.data(2, true, pattern(sender.room));
			sender.close(hex("03e9"));
			sender.close(hex("03e8"));
			sender.ping();
			sender.pong(ascii("x"));
			assert.isTrue(sender.closed);
			assert.equal(sender.room, 0);
			sink.writable = 10_000;
			sender.flush(sink.connection);
			assert.deepEqual(
				sink.frames.frames.map(({ opcode }) => opcode as Opcode),
				full ? [2, 8] : [8],
			);
			assert.equal(hexOf(sink.frames.of(8)[0]?.payload ?? hex("")), "03e9");
		}
	});
	it("a pong and a ping that wait go out before the Close frame", () => {
		const sender = new Sender(256);
		const sink = new Sink(0);
		sender.data(2, true, pattern(sender.room));
		sender.pong(ascii("p"));
		sender.ping();
		sender.close(hex(""));
		for (let i = 0; i < 400; i++) {
			sink.writable = 1;
			sender.flush(sink.connection);
		}
		assert.deepEqual(
			sink.frames.frames.map(({ opcode }) => opcode),
			[2, 10, 9, 8],
		);
	});
});
