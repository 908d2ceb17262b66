import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import type { WebSocketClient, WebSocketOptions } from "fleetling/websocket/websocket";
import { describe, it } from "test/harness";
import { ascii, hexOf, pattern } from "./octets";
import { binary, close, continuation, frame, ping, text } from "./peer";
import { Recorded, turn } from "./wire";

const open = (own: Partial<WebSocketOptions> = {}): Promise<Recorded> => new Recorded(own).open();
/** Payload of the Close frame that the client has sent; undefined when it has sent none. */
const goodbye = ({ socket }: Recorded): string | undefined => {
	const [sent] = socket.frames.of(8);
	return sent === undefined ? undefined : hexOf(sent.payload);
};
const http = "HTTP/1.1 500 INTERNAL SERVER ERROR\r\nContent-Type: text/html\r\n\r\n<!doctype html>";

describe("websocket/client: the server closes", () => {
	for (const [name, sent, answer, told] of [
		["with 1000", close(1000), "03e8", "close 1000 remote"],
		["with a reason", close(1008, "Ping/Pong timeout"), "03f0", "close 1008 remote Ping/Pong timeout"],
		["with 4001", close(4001, "invalid request"), "0fa1", "close 4001 remote invalid request"],
		[
			"with 4002",
			close(4002, "duplicate connections not allowed"),
			"0fa2",
			"close 4002 remote duplicate connections not allowed",
		],
		["with nothing", close(), "", "close 1005 remote"],
	] as const)
		it(`${name}: answered with the code, told with the reason`, async () => {
			const record = await open();
			record.socket.arrive(sent);
			assert.equal(goodbye(record), answer);
			assert.isFalse(record.client.isOpen);
			assert.isTrue(record.client.ending);
			assert.deepEqual(record.events, ["open"], "told only when the connection is over");
			record.socket.end();
			assert.deepEqual(record.events, ["open", told]);
			assert.isTrue(record.socket.closed);
		});
	it("and does not end the connection: within the deadline it is ended here", async () => {
		const record = await open({ timeouts: { close: 20 } });
		record.socket.arrive(close(1000));
		await turn(5);
		assert.isFalse(record.socket.closed);
		await turn(40);
		assert.isTrue(record.socket.closed);
		assert.deepEqual(record.events, ["open", "close 1000 remote"]);
	});
	it("and goes on with HTTP, frames or noise: nothing of it is looked at, all of it is read", async () => {
		for (const rest of [ascii(http), text("hello"), close(1002), ascii("\xff\x00\xff"), pattern(70_000)]) {
			const record = await open();
			record.socket.arrive(close(4001), rest);
			assert.equal(record.socket.unread, 0);
			record.socket.arrive(rest);
			assert.equal(record.socket.unread, 0);
			record.socket.end();
			assert.deepEqual(record.events, ["open", "close 4001 remote"]);
			assert.lengthOf(record.socket.frames.frames, 1);
		}
	});
	it("and resets the connection after its Close frame", async () => {
		const record = await open();
		record.socket.arrive(close(1000));
		record.socket.end(new Error("reset"));
		assert.deepEqual(record.events, ["open", "close 1000 remote"]);
	});
	it("in the middle of a message", async () => {
		const record = await open();
		record.socket.arrive(text("abc", false), close(1001), continuation("d"));
		record.socket.end();
		assert.deepEqual(record.events, ["open", "close 1001 remote"]);
		assert.deepEqual(record.messages, []);
	});
	it("while what was written waits for the network: that goes out first", async () => {
		const record = new Recorded();
		await turn();
		record.socket.takes(400);
		record.socket.accept();
		record.client.write(pattern(1000));
		record.socket.arrive(close(1000));
		assert.isUndefined(goodbye(record));
		record.socket.takes();
		assert.deepEqual(
			record.socket.frames.frames.map(({ opcode, payload }) => `${opcode}:${payload.length}`),
			["2:1000", "8:2"],
		);
		record.socket.end();
		assert.deepEqual(record.events, ["open", "close 1000 remote"]);
	});
	for (const [name, payload, code] of [
		["half a code", "\x03", "websocket.protocol"],
		["code 1005", "\x03\xed", "websocket.protocol"],
		["code 1006", "\x03\xee", "websocket.protocol"],
		["code 2000", "\x07\xd0", "websocket.protocol"],
		["a reason that is no UTF-8", "\x03\xe8\xff", "websocket.bad-text"],
	] as const)
		it(`with ${name}: ${code}`, async () => {
			const record = await open();
			record.socket.arrive(frame({ opcode: 8, payload: ascii(payload) }));
			assert.equal(goodbye(record)?.slice(0, 4), code === "websocket.protocol" ? "03ea" : "03ef");
			record.socket.end();
			assert.deepEqual(record.events, ["open", code]);
		});
});

describe("websocket/client: this side closes", () => {
	it("with 1000 unless told otherwise, and waits for the answer", async () => {
		const record = await open();
		record.client.end();
		assert.isTrue(record.client.ending);
		await turn();
		assert.equal(goodbye(record), "03e8");
		assert.deepEqual(record.events, ["open"]);
		record.socket.arrive(close(1000));
		record.socket.end();
		assert.deepEqual(record.events, ["open", "close 1000"]);
	});
	it("with a code and a reason, after what was written", async () => {
		const record = await open();
		record.client.write("last words");
		record.client.end(4000, "µ");
		await turn();
		assert.deepEqual(
			record.socket.frames.frames.map(({ opcode, payload }) => `${opcode}:${hexOf(payload)}`),
			[`1:${hexOf(ascii("last words"))}`, "8:0fa0c2b5"],
		);
	});
	it("drops what comes meanwhile, answers no ping, and announces nothing", async () => {
		const record = await open();
		record.client.end();
		await turn();
		record.socket.arrive(
			text("hello"),
			ping("x"),
			binary(pattern(5000), false),
			ping("y"),
			continuation("z"),
			close(1001, "too"),
		);
		record.socket.end();
		assert.deepEqual(record.events, ["open", "close 1001 too"]);
		assert.lengthOf(record.socket.frames.frames, 1);
	});
	it("in the middle of a message that is being read", async () => {
		const record = await open({
			onReadable(count) {
				this.read(new Uint8Array(count - 1));
				this.end(1001);
				assert.equal(this.read(new Uint8Array(1)), 0);
			},
		});
		record.socket.arrive(text("hello", false), continuation("again"), close(1001));
		record.socket.end();
		assert.deepEqual(record.events, ["open", "close 1001"]);
		assert.equal(goodbye(record), "03e9");
	});
	it("in the middle of a message that it writes", async () => {
		const record = await open();
		record.client.write("first", { more: true });
		record.client.end();
		await turn();
		assert.deepEqual(
			record.socket.frames.frames.map(({ opcode }) => opcode),
			[1, 8],
		);
	});
	for (const [name, how] of [
		["does not answer", undefined],
		["ends the connection instead", (record: Recorded) => record.socket.end()],
		["resets the connection instead", (record: Recorded) => record.socket.end(new Error("reset"))],
		["answers with noise", (record: Recorded) => record.socket.arrive(ascii("\xff\xff"))],
		["answers with HTTP", (record: Recorded) => record.socket.arrive(ascii(http))],
		["sends a message that is too long", (record: Recorded) => record.socket.arrive(frame({ opcode: 2, length: 5_000_000 }))],
	] as const)
		it(`and the server ${name}: 1006, within the deadline`, async () => {
			const record = await open({ timeouts: { close: 20 } });
			record.client.end();
			await turn();
			how?.(record);
			await turn(50);
			assert.deepEqual(record.events, ["open", "close 1006"]);
			assert.isTrue(record.socket.closed);
		});
	it("through a network that takes nothing: within the deadline", async () => {
		const record = new Recorded({ timeouts: { close: 20 } });
		await turn();
		record.socket.takes(300);
		record.socket.accept();
		record.client.write(pattern(4000));
		record.client.end();
		await turn(50);
		assert.deepEqual(record.events, ["open", "close 1006"]);
	});
	for (const when of ["at once", "while connecting", "during the handshake"]) {
		it(`${when}: 1006, without a word`, async () => {
			const record = new Recorded();
			if (when !== "at once") await turn();
			if (when === "during the handshake") record.socket.takes();
			record.client.end();
			assert.deepEqual(record.events, [], "not within end");
			await turn();
			assert.deepEqual(record.events, ["close 1006"]);
			assert.lengthOf(record.wire.sockets, when === "at once" ? 0 : 1);
			if (when !== "at once") assert.isTrue(record.socket.closed);
		});
	}
	it("only once, and with nothing that cannot be sent", async () => {
		const record = await open();
		assert.throws(() => record.client.end(1005), FleetlingError);
		assert.throws(() => record.client.end(1000, "x".repeat(124)), FleetlingError);
		assert.isTrue(record.client.isOpen);
		record.client.end(1001);
		record.client.end(1000);
		await turn();
		assert.lengthOf(record.socket.frames.frames, 1);
	});
	it("when both do at the same time", async () => {
		const record = await open();
		record.client.end(1001);
		record.socket.arrive(close(4000));
		record.socket.end();
		assert.deepEqual(record.events, ["open", "close 4000"]);
		assert.lengthOf(record.socket.frames.frames, 1);
	});
});

describe("websocket/client: close", () => {
	for (const when of ["at once", "while connecting", "during the handshake", "when open"]) {
		it(`${when}: nothing is called back, and nothing is left`, async () => {
			const record = new Recorded();
			if (when === "when open") await record.open();
			else if (when !== "at once") await turn();
			if (when === "during the handshake") record.socket.takes();
			const before = record.events.length;
			record.client.close();
			record.client.close();
			assert.isTrue(record.client.ending);
			await turn();
			for (const socket of record.wire.sockets) {
				assert.isTrue(socket.closed);
				socket.options.onReadable.call(socket, 5);
				socket.options.onWritable.call(socket, 5);
				socket.options.onError.call(socket);
			}
			await turn();
			assert.lengthOf(record.events, before);
			assert.equal(record.client.writable, 0);
			assert.throws(() => record.client.write("x"), FleetlingError);
			record.client.end();
			await turn();
			assert.lengthOf(record.events, before);
		});
	}
	it("tells an open server 1001", async () => {
		const record = await open();
		record.client.close();
		assert.equal(goodbye(record), "03e9");
	});
	for (const callback of ["onOpen", "onReadable", "onWritable", "onControl"] as const) {
		it(`within ${callback}`, async () => {
			let called = 0;
			const shut = function (this: WebSocketClient): void {
				called++;
				this.close();
			};
			const record = await open({ [callback]: shut });
			record.socket.arrive(ping("x"), text("hello"), text("again"));
			await turn();
			assert.equal(called, 1);
			assert.isTrue(record.socket.closed);
			assert.isFalse(record.ended);
		});
	}
});
