import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import type { WebSocketError, WebSocketOptions } from "fleetling/websocket/websocket";
import { describe, it } from "test/harness";
import { ascii, hex, join, pattern, textOf } from "./octets";
import { binary, close, continuation, frame, ping, pong, text } from "./peer";
import { Recorded, turn } from "./wire";

const open = (own: Partial<WebSocketOptions> = {}): Promise<Recorded> => new Recorded(own).open();
const codeSent = ({ socket }: Recorded): number | undefined => {
	const payload = socket.frames.of(8)[0]?.payload;
	return payload === undefined ? undefined : (payload[0] ?? 0) * 256 + (payload[1] ?? 0);
};

describe("websocket/client: what breaks the rules", () => {
	const faults: readonly (readonly [string, Uint8Array, string, number])[] = [
		["a reserved bit", frame({ opcode: 1, reserved: 4 }), "websocket.protocol", 1002],
		["a reserved opcode", frame({ opcode: 3 }), "websocket.protocol", 1002],
		["a masked frame", frame({ opcode: 1, payload: ascii("x"), mask: [1, 2, 3, 4] }), "websocket.protocol", 1002],
		["a ping of 126 bytes", frame({ opcode: 9, payload: pattern(126) }), "websocket.protocol", 1002],
		["text that is none", text("a\xff"), "websocket.bad-text", 1007],
		["text that ends within a character", text("a\xc3"), "websocket.bad-text", 1007],
		[
			"text that ends within a character, by an empty frame",
			join(text("a\xc3", false), continuation("")),
			"websocket.bad-text",
			1007,
		],
		["text that is none, in fragments", join(text("\xf4", false), continuation("\x90", false)), "websocket.bad-text", 1007],
	];
	for (const [name, bytes, code, closeCode] of faults) {
		it(`${name}: ${closeCode} to the server, ${code} to the caller, wherever it is cut`, async () => {
			for (let cut = 0; cut <= Math.min(bytes.length, 12); cut++) {
				const record = await open();
				record.socket.arrive(bytes.slice(0, cut));
				record.socket.arrive(bytes.slice(cut));
				await turn();
				assert.equal(codeSent(record), closeCode, `cut at ${cut}`);
				assert.deepEqual(record.events, ["open"]);
				record.socket.arrive(text("after"), ping());
				assert.equal(record.socket.unread, 0, "what follows is read and dropped");
				record.socket.end();
				assert.deepEqual(record.events, ["open", code], `cut at ${cut}`);
				assert.equal((record.error as WebSocketError).closeCode, closeCode);
				assert.deepEqual(record.messages, []);
			}
		});
	}
	it("is reported within the deadline when the server does not end the connection", async () => {
		const record = await open({ timeouts: { close: 20 } });
		record.socket.arrive(frame({ opcode: 5 }));
		await turn(50);
		assert.deepEqual(record.events, ["open", "websocket.protocol"]);
		assert.isTrue(record.socket.closed);
	});
	it("after good messages: those are delivered", async () => {
		const record = await open();
		record.socket.arrive(text("good"), frame({ opcode: 1, reserved: 1, payload: ascii("bad") }), text("after"));
		record.socket.end();
		assert.deepEqual(record.events, ["open", "text 4", "websocket.protocol"]);
	});
	it("in a text: found in the fragment where it is, before the rest comes", async () => {
		const record = await open();
		record.socket.arrive(text("good", false), continuation("\xed\xa0\x80", false));
		await turn();
		assert.equal(codeSent(record), 1007);
	});
	it("in binary is no fault", async () => {
		const record = await open();
		record.socket.arrive(binary(hex("ff fe ed a0 80")));
		assert.deepEqual(record.events, ["open", "binary 5"]);
	});
	it("does not leave a faulty part to the reader as if it were good", async () => {
		const results: number[] = [];
		const record = await open({
			onReadable(count) {
				results.push(this.read(new Uint8Array(count)));
				results.push(this.read(new Uint8Array(count)));
			},
		});
		record.socket.arrive(text("abc\xff"));
		record.socket.end();
		assert.deepEqual(results, [0, 0]);
		assert.deepEqual(record.events, ["open", "websocket.bad-text"]);
	});
	it("HTTP in the stream of frames is a lost connection, and the error shows its status", async () => {
		for (const before of [new Uint8Array(0), text("good"), text("unfinished", false)]) {
			const record = await open();
			record.socket.arrive(before, ascii("HTTP/1.1 500 INTERNAL SERVER ERROR\r\nServer: x\r\n\r\n<html>"));
			assert.equal(record.events.at(-1), "websocket.lost");
			assert.include(record.error?.message ?? "", "HTTP/1.1 500 INTERNAL SERVER ERROR");
			assert.isTrue(record.socket.closed);
			assert.isUndefined(codeSent(record), "nobody is there to be told");
		}
	});
	it("HTTP that comes byte by byte is an error all the same", async () => {
		const record = await open({ timeouts: { close: 20 } });
		for (const byte of ascii("HTTP/1.1 500 X\r\n\r\n")) record.socket.arrive(Uint8Array.of(byte));
		record.socket.end();
		assert.include(["websocket.lost", "websocket.protocol"], record.events.at(-1));
	});
});

describe("websocket/client: a connection that ends", () => {
	for (const [name, bytes] of [
		["between messages", text("good")],
		["in a header", hex("81")],
		["in a payload", hex("8105 6865")],
		["between fragments", text("unfinished", false)],
		["in a ping", hex("8903 61")],
	] as const)
		it(`${name}, without a Close frame: websocket.lost`, async () => {
			const record = await open();
			record.socket.arrive(bytes);
			record.socket.end();
			assert.equal(record.events.at(-1), "websocket.lost");
			assert.isTrue(record.socket.closed);
		});
	it("with an error of the network: that", async () => {
		for (const [error, code] of [
			[new Error("connection reset"), "net.reset"],
			[new FleetlingError("tls.truncated", "x"), "tls.truncated"],
		] as const) {
			const record = await open();
			record.socket.end(error);
			assert.deepEqual(record.events, ["open", code]);
		}
	});
	it("found by reading or by writing", async () => {
		for (const act of ["read", "write"]) {
			const record = await open();
			record.socket.broken = true;
			if (act === "read") record.socket.arrive(text("x"));
			else {
				assert.equal(record.client.write("x"), 0);
				assert.deepEqual(record.events, ["open"], "not within write");
				await turn();
			}
			assert.deepEqual(record.events, ["open", "net.reset"]);
		}
	});
});

describe("websocket/client: callbacks that throw", () => {
	for (const callback of ["onOpen", "onReadable", "onWritable", "onControl"] as const) {
		it(`${callback}: 1011 to the server, websocket.callback to the caller, and the machine goes on`, async () => {
			const record = await open({
				[callback]: () => {
					throw new TypeError("on purpose");
				},
			});
			record.socket.arrive(ping("x"), text("hello"));
			await turn();
			assert.equal(codeSent(record), 1011);
			record.socket.end();
			assert.equal(record.events.at(-1), "websocket.callback");
			assert.instanceOf(record.error?.cause, TypeError);
		});
	}
	for (const callback of ["onClose", "onError"] as const) {
		it(`${callback}: the machine goes on`, async () => {
			let called = 0;
			const record = await open({
				[callback]: () => {
					called++;
					throw new TypeError("on purpose");
				},
			});
			if (callback === "onClose") record.socket.arrive(close(1000));
			record.socket.end();
			await turn();
			assert.equal(called, 1);
		});
	}
	it("can be stood in for by abort", async () => {
		const record = await open();
		record.client.abort(new Error("cannot go on"));
		assert.deepEqual(record.events, ["open"]);
		await turn();
		assert.equal(codeSent(record), 1011);
		record.socket.end();
		assert.deepEqual(record.events, ["open", "websocket.callback"]);
	});
});

describe("websocket/client: pings", () => {
	it("are answered with what they carry, in order, within messages too", async () => {
		const record = await open();
		record.socket.arrive(ping(""), text("a", false), ping("x".repeat(125)), continuation("b"));
		assert.deepEqual(
			record.socket.frames.of(10).map(({ payload }) => textOf(payload)),
			["", "x".repeat(125)],
		);
	});
	it("that nobody reads the answers of make nothing grow", async () => {
		const record = new Recorded();
		await turn();
		record.socket.takes(220);
		record.socket.accept();
		for (let i = 0; i < 500; i++) record.socket.arrive(ping(`${i} ${"x".repeat(100)}`));
		record.socket.takes();
		const pongs = record.socket.frames.of(10);
		assert.isBelow(pongs.length, 60);
		assert.match(textOf(pongs.at(-1)?.payload ?? new Uint8Array(0)), /^499 /);
	});
	it("of our own go out after silence, and any answer will do", async () => {
		for (const answer of [pong(), text("still here"), ping()]) {
			const record = await open({ timeouts: { ping: 40, pong: 40 } });
			await turn(60);
			assert.lengthOf(record.socket.frames.of(9), 1);
			record.socket.arrive(answer);
			await turn(60);
			assert.lengthOf(record.socket.frames.of(9), 2);
			assert.isFalse(record.ended);
			record.client.close();
		}
	});
	it("of our own do not go out as long as the server speaks", async () => {
		const record = await open({ timeouts: { ping: 60, pong: 60 } });
		for (let i = 0; i < 6; i++) {
			await turn(20);
			record.socket.arrive(ping());
		}
		assert.lengthOf(record.socket.frames.of(9), 0);
		record.client.close();
	});
	it("that are not answered end the connection: websocket.timeout", async () => {
		const record = await open({ timeouts: { ping: 20, pong: 20 } });
		await turn(30);
		assert.isFalse(record.ended);
		await turn(40);
		assert.deepEqual(record.events, ["open", "websocket.timeout"]);
		assert.isTrue(record.socket.closed);
	});
	it("are not held against a server whose words wait to be read", async () => {
		const record = await open({ timeouts: { ping: 20, pong: 20 }, onReadable: () => undefined });
		record.socket.arrive(text("unread"));
		await turn(100);
		assert.isFalse(record.ended);
		assert.equal(record.client.read(new Uint8Array(6)), 6);
		await turn(100);
		assert.isTrue(record.ended);
	});
	it("can be turned off", async () => {
		const record = await open({ timeouts: { ping: 0 } });
		await turn(60);
		assert.lengthOf(record.socket.frames.frames, 0);
		assert.isFalse(record.ended);
		record.client.close();
	});
});

describe("websocket/client: a network that takes nothing", () => {
	it("ends the WebSocket after its deadline", async () => {
		const record = new Recorded({ timeouts: { send: 30 } });
		await turn();
		record.socket.takes(300);
		record.socket.accept();
		record.client.write(pattern(4000));
		await turn(20);
		record.socket.takes(10);
		await turn(20);
		assert.isFalse(record.ended, "it took some");
		await turn(40);
		assert.deepEqual(record.events, ["open", "websocket.timeout"]);
		assert.match(record.error?.message ?? "", /until the network took bytes/);
	});
	it("is no fault when there is nothing to send", async () => {
		const record = await open({ timeouts: { send: 20 } });
		record.client.write("x");
		await turn(60);
		assert.isFalse(record.ended);
		record.client.close();
	});
});
