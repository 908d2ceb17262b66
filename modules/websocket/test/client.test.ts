import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { RefusedError, WebSocketClient, type WebSocketOptions } from "fleetling/websocket/websocket";
import { describe, it } from "test/harness";
import { ascii, join, pattern, textOf } from "./octets";
import { binary, close, continuation, frame, ping, pong, text } from "./peer";
import { options, Recorded, turn, Wire } from "./wire";

const open = (own: Partial<WebSocketOptions> = {}): Promise<Recorded> => new Recorded(own).open();

describe("websocket/client: opening", () => {
	it("connects, shakes hands, and tells so before it tells of room", async () => {
		const record = new Recorded({ protocols: ["a", "b"], onWritable: (count) => record.events.push(`writable ${count}`) });
		assert.lengthOf(record.wire.sockets, 0, "nothing happens within the constructor");
		await turn();
		assert.equal(record.socket.options.address, "192.0.2.1");
		assert.equal(record.socket.options.port, 80);
		record.socket.takes();
		assert.match(record.socket.request ?? "", /^GET \/socket HTTP\/1\.1\r\nHost: 192\.0\.2\.1\r\n/);
		assert.isFalse(record.client.isOpen);
		record.socket.accept("Sec-WebSocket-Protocol: b");
		assert.isTrue(record.client.isOpen);
		assert.deepEqual(record.events, ["open b", "writable 4082"]);
	});
	it("takes frames that come with the answer, wherever it is cut", async () => {
		const frames = join(text("hello"), ping("p"), binary(pattern(300)), close(1000, "bye"));
		const { length } = await answerCutAt(0, frames);
		for (let cut = 1; cut < length; cut += cut < 100 || cut > 130 ? 3 : 1) await answerCutAt(cut, frames);
	});
	/** Sends the acceptance and `frames` in two pieces; checks what came out, and returns the number of bytes. */
	async function answerCutAt(cut: number, frames: Uint8Array): Promise<{ readonly length: number }> {
		const record = new Recorded();
		await turn();
		record.socket.takes();
		const all = join(ascii(record.socket.acceptance()), frames);
		record.socket.arrive(all.slice(0, cut));
		record.socket.arrive(all.slice(cut));
		assert.deepEqual(record.events, ["open", "text 5", "ping p", "binary 300"], `cut at ${cut}`);
		record.socket.end();
		assert.equal(record.events[4], "close 1000 remote bye", `cut at ${cut}`);
		return { length: all.length };
	}
	it("resolves a name", async () => {
		const record = new Recorded({ host: "server.test" });
		await turn();
		assert.deepEqual(record.wire.names, ["server.test"]);
	});
	for (const [host, port, scheme, expected] of [
		["server.test", 80, undefined, "server.test"],
		["server.test", 443, undefined, "server.test"],
		["server.test", 5000, undefined, "server.test:5000"],
		["192.0.2.1", 5000, "wss", "192.0.2.1:5000"],
		["192.0.2.1", 443, "ws", "192.0.2.1:443"],
		["2001:db8::1", 80, "ws", "[2001:db8::1]"],
	] as const)
		it(`sends Host: ${expected}`, async () => {
			// A name is not resolved here: the address is used for the connection, Host is the same.
			const address = host === "server.test" ? "192.0.2.9" : host;
			const wire = new Wire();
			const dns = {
				io: class {
					resolve({ onResolved }: { readonly onResolved: (host: string, address: string) => void }): void {
						onResolved(host, address);
					}
					close(): void {}
				},
			};
			new WebSocketClient({ ...options(wire), host, port, dns, ...(scheme === undefined ? {} : { scheme }) });
			await turn();
			wire.last.takes();
			assert.include(wire.last.request ?? "", `\r\nHost: ${expected}\r\n`);
		});
	it("fails when no connection can be made", async () => {
		const record = new Recorded();
		await turn();
		record.socket.end(new Error("refused"));
		assert.deepEqual(record.events, ["net.refused"]);
		assert.isTrue(record.socket.closed);
	});
	it("fails when the server ends the connection instead of answering", async () => {
		for (const bytes of ["", "HTTP/1.1 1"]) {
			const record = new Recorded();
			await turn();
			record.socket.takes();
			record.socket.arrive(ascii(bytes));
			record.socket.end();
			assert.deepEqual(record.events, ["websocket.lost"]);
			assert.match(record.error?.message ?? "", /opening handshake/);
		}
	});
	it("fails with the answer when it is another one", async () => {
		const record = new Recorded();
		await turn();
		record.socket.takes();
		record.socket.arrive(ascii('HTTP/1.1 401 Unauthorized\r\nContent-Length: 8\r\n\r\n{"a": 1}'));
		assert.deepEqual(record.events, ["websocket.refused"]);
		const { error } = record;
		assert.instanceOf(error, RefusedError);
		assert.equal((error as RefusedError).status, 401);
		assert.equal((error as RefusedError).excerpt, '{"a": 1}');
		assert.isTrue(record.socket.closed);
	});
	it("fails with as much of the answer as comes before the connection ends, or time does", async () => {
		for (const how of ["end", "time"]) {
			const record = new Recorded({ timeouts: { handshake: 20 } });
			await turn();
			record.socket.takes();
			record.socket.arrive(ascii("HTTP/1.1 503 Busy\r\nContent-Length: 800\r\n\r\nwait a mo"));
			if (how === "end") record.socket.end();
			else await turn(60);
			assert.deepEqual(record.events, ["websocket.refused"], how);
			assert.equal((record.error as RefusedError).excerpt, "wait a mo");
		}
	});
	it("fails when the answer takes too long", async () => {
		const record = new Recorded({ timeouts: { handshake: 20 } });
		await turn();
		record.socket.takes();
		record.socket.arrive(ascii("HTTP/1.1 101 Switch"));
		await turn(60);
		assert.deepEqual(record.events, ["websocket.timeout"]);
		assert.isTrue(record.socket.closed);
	});
	it("fails when the connection takes too long", async () => {
		const record = new Recorded({ timeouts: { connect: 20 } });
		await turn(60);
		assert.deepEqual(record.events, ["net.timeout"]);
		assert.isTrue(record.socket.closed);
	});
	it("sends its request piece by piece through a narrow network", async () => {
		const record = new Recorded();
		await turn();
		while (record.socket.request === undefined) record.socket.takes(7);
		record.socket.accept();
		assert.deepEqual(record.events, ["open"]);
	});
	for (const [name, own] of [
		["limits.fragmentBytes that are too few", { limits: { fragmentBytes: 255 } }],
		["limits.fragmentBytes that are too many", { limits: { fragmentBytes: 65_536 } }],
		["a limit that is no number of bytes", { limits: { messageBytes: 1.5 } }],
		["no time to connect", { timeouts: { connect: 0 } }],
		["no time to close", { timeouts: { close: 0 } }],
		["a time that is no number", { timeouts: { ping: Number.NaN } }],
	] as const)
		it(`is not made with ${name}`, () => {
			assert.throws(() => new Recorded(own), FleetlingError);
		});
});

describe("websocket/client: messages that come in", () => {
	it("are announced and read, empty ones too", async () => {
		const record = await open();
		record.socket.arrive(text("hello"), text(""), binary(pattern(3)), binary(pattern(0)));
		assert.deepEqual(record.events, ["open", "text 5", "text 0", "binary 3", "binary 0"]);
	});
	it("are the same wherever they are cut", async () => {
		const all = join(
			text("a", false),
			ping("1"),
			continuation("", false),
			continuation("bc"),
			binary(pattern(130), false),
			continuation(pattern(2)),
			pong("2"),
			text(""),
		);
		const expected = ["open", "ping 1", "text 3", "binary 132", "pong 2", "text 0"];
		for (let cut = 0; cut <= all.length; cut++) {
			const record = await open();
			record.socket.arrive(all.slice(0, cut));
			record.socket.arrive(all.slice(cut));
			assert.deepEqual(record.events, expected, `cut at ${cut}`);
			assert.deepEqual(record.messages, ["abc", textOf(join(pattern(130), pattern(2))), ""]);
		}
		const record = await open();
		for (const byte of all) record.socket.arrive(Uint8Array.of(byte));
		assert.deepEqual(record.events, expected);
	});
	it("say where they end, and in what kind they are", async () => {
		const told: string[] = [];
		const record = await open({
			onReadable(count, { more, binary: isBinary }) {
				told.push(`${count}${more ? "+" : ""}${isBinary ? "b" : "t"}`);
				this.read(new Uint8Array(count));
			},
		});
		const long = binary(pattern(10));
		record.socket.arrive(long.slice(0, 6));
		record.socket.arrive(long.slice(6), text("ab", false));
		record.socket.arrive(continuation("", false), continuation(""));
		assert.deepEqual(told, ["4+b", "6b", "2+t", "0t"]);
	});
	it("hold the server back when they are not read, and go on when they are", async () => {
		const record = await open({ onReadable: (count) => record.events.push(`readable ${count}`) });
		record.socket.arrive(text("hello"), ping("x"), text("again"));
		await turn();
		assert.deepEqual(record.events, ["open", "readable 5"]);
		const buffer = new Uint8Array(3);
		assert.equal(record.client.read(buffer), 3);
		assert.equal(textOf(buffer), "hel");
		await turn();
		assert.deepEqual(record.events, ["open", "readable 5"], "not announced again before all has been read");
		assert.equal(record.client.read(new Uint8Array(10)), 2);
		assert.deepEqual(record.events, ["open", "readable 5"], "not within read");
		await turn();
		assert.deepEqual(record.events, ["open", "readable 5", "ping x", "readable 5"]);
		assert.equal(textOf(new Uint8Array(record.client.read() ?? new ArrayBuffer(0))), "again");
		assert.isUndefined(record.client.read());
		assert.equal(record.client.read(new Uint8Array(1)), 0);
	});
	it("can be read as buffers of a size", async () => {
		const got: string[] = [];
		const record = await open({
			onReadable() {
				for (let part = this.read(2); part !== undefined; part = this.read(2)) got.push(textOf(new Uint8Array(part)));
			},
		});
		record.socket.arrive(text("hello"));
		assert.deepEqual(got, ["he", "ll", "o"]);
	});
	it("go straight from the socket into the reader's buffer", async () => {
		const buffer = new ArrayBuffer(2000);
		let read = 0;
		const record = await open({
			onReadable(count) {
				read += this.read(count >= 2000 ? buffer : new Uint8Array(count));
			},
		});
		// The header alone, so that the payload does not come through the window with it.
		const all = binary(pattern(2000));
		record.socket.arrive(all.slice(0, 4));
		record.socket.arrive(all.slice(4));
		assert.equal(read, 2000);
		assert.deepEqual(new Uint8Array(buffer), pattern(2000));
	});
	it("are dropped when nobody reads them, and the rest goes on", async () => {
		const wire = new Wire();
		const events: string[] = [];
		const client = new WebSocketClient({
			...options(wire),
			onControl: (kind) => events.push(kind),
			onClose: ({ code }) => events.push(`${code}`),
		});
		await turn();
		wire.last.takes();
		wire.last.accept();
		assert.isTrue(client.isOpen);
		const all = join(text("hello", false), ping(), continuation(pattern(5000)), binary(pattern(70_000)), pong(), close(1001));
		for (let at = 0; at < all.length; at += 1000) wire.last.arrive(all.slice(at, at + 1000));
		wire.last.end();
		assert.deepEqual(events, ["ping", "pong", "1001"]);
	});
	it("wait while paused, control frames too", async () => {
		const record = await open();
		record.client.pause(true);
		record.socket.arrive(text("a"), ping("b"));
		await turn();
		assert.deepEqual(record.events, ["open"]);
		assert.lengthOf(record.socket.frames.frames, 0);
		record.client.pause(false);
		await turn();
		assert.deepEqual(record.events, ["open", "text 1", "ping b"]);
	});
	it("that waited when the connection ended can still be read, and then the end is told", async () => {
		for (const end of [undefined, new Error("reset")]) {
			const record = await open({ onReadable: (count) => record.events.push(`readable ${count}`) });
			record.socket.arrive(text("hello"));
			record.socket.options.onError.call(record.socket, end);
			await turn();
			assert.deepEqual(record.events, ["open", "readable 5"]);
			assert.equal(record.client.read(new Uint8Array(5)), 5);
			await turn();
			assert.deepEqual(record.events, ["open", "readable 5", end === undefined ? "websocket.lost" : "net.reset"]);
		}
	});
	it("are limited in length: 1009", async () => {
		for (const bytes of [
			frame({ opcode: 2, length: 101 }),
			join(binary(pattern(60), false), frame({ opcode: 0, length: 41 })),
			frame({ opcode: 1, length: 5_000_000_000 }),
		]) {
			const record = await open({ limits: { frameBytes: 100, messageBytes: 100 } });
			record.socket.arrive(bytes);
			assert.equal(record.socket.frames.of(8)[0]?.payload[1], 1009 & 255);
			record.socket.end();
			assert.deepEqual(record.events.slice(-1), ["websocket.too-large"]);
		}
	});
});
