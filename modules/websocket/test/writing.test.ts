import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import type { WebSocketOptions, WriteOptions } from "fleetling/websocket/websocket";
import { describe, it } from "test/harness";
import { ascii, hex, hexOf, pattern } from "./octets";
import { Recorded, turn } from "./wire";

const open = (own: Partial<WebSocketOptions> = {}): Promise<Recorded> => new Recorded(own).open();
const codeOf = (action: () => unknown): string => {
	try {
		action();
	} catch (error) {
		if (error instanceof FleetlingError) return error.code;
		throw error;
	}
	return "none";
};

describe("websocket/client: writing", () => {
	const kinds: readonly (readonly [string, string | ArrayBuffer | Uint8Array, WriteOptions | undefined, string])[] = [
		["a string", "aµ", undefined, "1:61c2b5"],
		["a buffer", pattern(3).buffer as ArrayBuffer, undefined, `2:${hexOf(pattern(3))}`],
		["a view", pattern(5).subarray(1, 4), undefined, `2:${hexOf(pattern(5).subarray(1, 4))}`],
		["bytes as text", ascii("abc"), { binary: false }, "1:616263"],
		["a string as binary", "abc", { binary: true }, "2:616263"],
		["an empty string", "", undefined, "1:"],
		["empty bytes", new Uint8Array(0), undefined, "2:"],
	];
	for (const [name, data, options, expected] of kinds) {
		it(name, async () => {
			const record = await open();
			assert.equal(record.client.write(data, options), 4082);
			assert.deepEqual(
				record.socket.frames.frames.map(({ opcode, fin, payload }) => `${opcode}:${hexOf(payload)}${fin ? "" : "+"}`),
				[expected],
			);
		});
	}
	it("a message in fragments, whose kind is that of the first", async () => {
		const record = await open();
		record.client.write("a", { more: true });
		record.client.write(ascii("b"), { more: true });
		record.client.write("c");
		record.client.write(ascii("d"), { more: true });
		record.client.write("e", { more: false });
		record.client.write("f");
		assert.deepEqual(
			record.socket.frames.frames.map(({ opcode, fin }) => `${opcode}${fin ? "" : "+"}`),
			["1+", "0+", "0", "2+", "0", "1"],
		);
		assert.deepEqual(
			record.socket.frames.messages.map(({ binary, payload }) => `${binary ? "b" : "t"} ${String.fromCharCode(...payload)}`),
			["t abc", "b de", "t f"],
		);
	});
	it("a character in two fragments", async () => {
		const record = await open();
		record.client.write(hex("61 e2 82"), { binary: false, more: true });
		record.client.write(hex("ac"), { binary: false });
		assert.equal(hexOf(record.socket.frames.messages[0]?.payload ?? hex("")), "61e282ac");
	});
	it("nothing as text that is none, and is not put out by the attempt", async () => {
		const record = await open();
		assert.equal(
			codeOf(() => record.client.write(hex("ff"), { binary: false })),
			"websocket.bad-text",
		);
		assert.equal(
			codeOf(() => record.client.write(hex("c3"), { binary: false })),
			"websocket.bad-text",
		);
		record.client.write(hex("c3"), { binary: false, more: true });
		assert.equal(
			codeOf(() => record.client.write("a")),
			"websocket.bad-text",
		);
		record.client.write(hex("a4"), { binary: false });
		assert.equal(hexOf(record.socket.frames.messages[0]?.payload ?? hex("")), "c3a4");
		assert.isFalse(record.ended);
	});
	it("no more than there is room for", async () => {
		const record = await open();
		assert.equal(record.client.writable, 4082);
		assert.equal(
			codeOf(() => record.client.write(new Uint8Array(4083))),
			"websocket.bad-use",
		);
		assert.lengthOf(record.socket.frames.frames, 0);
		record.client.write(new Uint8Array(4082));
		assert.equal(record.socket.frames.frames[0]?.size, 4090);
	});
	it("nothing before it is open", async () => {
		const record = new Recorded();
		assert.equal(
			codeOf(() => record.client.write("x")),
			"websocket.bad-use",
		);
		assert.equal(record.client.writable, 0);
	});
	it("tells how much it takes while the network is slow, and again when all is on its way", async () => {
		const told: number[] = [];
		const record = new Recorded({ onWritable: (count) => told.push(count) });
		await turn();
		// The request has some 150 bytes.
		record.socket.takes(1000);
		record.socket.accept();
		assert.deepEqual(told, [4082]);
		const room = record.client.write(new Uint8Array(3000));
		assert.isAtLeast(room, 1074, "all of the frame waits at most");
		assert.isBelow(room, 2082, "a part of it does");
		assert.equal(record.client.writable, room);
		assert.equal(record.client.write(new Uint8Array(500)), room - 508);
		record.socket.takes(100);
		assert.deepEqual(told, [4082], "not before all is on its way");
		record.socket.takes();
		assert.deepEqual(told, [4082, 4082]);
		record.client.write("x");
		record.socket.takes();
		assert.deepEqual(told, [4082, 4082], "the caller knows already");
		assert.equal(record.socket.frames.rest, 0);
	});
	it("never more than 4,090 bytes in one piece, which a TLS record holds", async () => {
		const record = await open();
		for (let i = 0; i < 15; i++) record.client.write(pattern(4082, i));
		assert.isTrue(record.socket.writes.every((count) => count <= 4090));
		assert.lengthOf(record.socket.frames.frames, 15);
		for (const [index, { payload }] of record.socket.frames.frames.entries()) assert.deepEqual(payload, pattern(4082, index));
	});
	it("in fragments of another size when told so", async () => {
		const record = await open({ limits: { fragmentBytes: 256 } });
		assert.equal(record.client.writable, 248);
		record.client.write(pattern(248));
		assert.equal(record.socket.frames.frames[0]?.size, 256);
	});
	it("within callbacks", async () => {
		const record = await open({
			onWritable() {
				this.write("first");
			},
			onControl(kind) {
				this.write(kind);
			},
			onReadable(count) {
				this.write(this.read(count) ?? "nothing");
			},
		});
		record.socket.arrive(hex("8a00 8102 6869"));
		assert.deepEqual(
			record.socket.frames.messages.map(({ payload }) => String.fromCharCode(...payload)),
			["first", "pong", "hi"],
		);
	});
	it("within onOpen: onWritable is not called for what the caller knows from write", async () => {
		const told: number[] = [];
		const record = await open({
			onOpen() {
				told.push(-this.write("first"));
			},
			onWritable: (count) => told.push(count),
		});
		assert.deepEqual(told, [-4082]);
		assert.lengthOf(record.socket.frames.frames, 1);
	});
});
