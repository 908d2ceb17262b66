/** Facts 1.7: device connect, from the side of a device that knows nothing but the facts. */
import assert from "node:assert/strict";
import { type ClientOptions, WebSocket } from "ws";
import { ManagerTerminal } from "../manager-terminal";
import { decodeMessage, encode, encodeMessage, Int64, type ProtoMsg, Uint16 } from "../protomsg";
import { protomsgFrames } from "../recorded/protomsg-frames";
import { MenderServer } from "../server";
import { errorOf, TestDevice } from "./device";

const path = "/api/devices/v1/deviceconnect/connect";
const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

describe("Mender test server: device connect", () => {
	const server = new MenderServer();
	let device: TestDevice;
	before(async () => {
		await server.start();
		device = await new TestDevice(server, "connect").enrol();
	});
	after(() => server.stop());
	afterEach(() => {
		server.connect.wait = 60_000;
	});

	interface Peer {
		readonly socket: WebSocket;
		readonly messages: Required<ProtoMsg>[];
		readonly pings: string[];
		end: { readonly code: number; readonly reason: string } | undefined;
	}

	/** A device's side of a connection that is open. */
	async function connect(options: ClientOptions = {}): Promise<Peer> {
		const url = server.url.replace("http", "ws") + path;
		const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${device.token}` }, ...options });
		const peer: Peer = { socket, messages: [], pings: [], end: undefined };
		socket.on("message", (data) => peer.messages.push(decodeMessage(data as Buffer)));
		socket.on("ping", (payload) => peer.pings.push(payload.toString()));
		socket.on("close", (code, reason) => {
			peer.end = { code, reason: reason.toString() };
		});
		await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
		return peer;
	}

	/** The status and body of an answer that is no WebSocket. */
	function refused(headers: Record<string, string>): Promise<readonly [number | undefined, string]> {
		return new Promise((resolve, reject) => {
			const socket = new WebSocket(server.url.replace("http", "ws") + path, { headers });
			socket.once("open", () => reject(new Error("it was opened")));
			socket.once("unexpected-response", (_, response) => {
				let text = "";
				response.on("data", (bytes) => {
					text += String(bytes);
				});
				response.on("end", () => resolve([response.statusCode, text]));
			});
			socket.on("error", () => undefined);
		});
	}

	async function until(holds: () => boolean, what: string): Promise<void> {
		for (const late = Date.now() + 5_000; !holds(); await pause(5)) if (Date.now() > late) throw new Error(`no ${what}`);
	}

	it("writes and reads the recorded messages to the byte", () => {
		const sid = decodeMessage(Buffer.from(protomsgFrames["control/ping"], "hex")).sid;
		const made: Readonly<Record<keyof typeof protomsgFrames, ProtoMsg>> = {
			"control/ping": { proto: 0xffff, typ: "ping", sid },
			"control/pong": { proto: 0xffff, typ: "pong", sid },
			"control/open": { proto: 0xffff, typ: "open", sid, body: encode({ versions: [1] }) },
			"control/accept": {
				...{ proto: 0xffff, typ: "accept", sid },
				body: encode({ version: 1, protocols: [1, 2, 3, 4].map((number) => new Uint16(number)) }),
			},
			"control/close": { proto: 0xffff, typ: "close", sid },
			"control/error": {
				...{ proto: 0xffff, typ: "error", sid },
				body: encode({ err: "session not found", close: true, code: 404, msgproto: new Uint16(1), msgtype: "shell" }),
			},
			"shell/new 80x24": { proto: 1, typ: "new", sid, props: { terminal_height: 24, terminal_width: 80 } },
			"shell/shell": { proto: 1, typ: "shell", sid, props: { status: 1 }, body: Buffer.from("ls\r\n") },
			"shell/stop": { proto: 1, typ: "stop", sid },
			"shell/ping": { proto: 1, typ: "ping", sid },
			"ft/stat": { proto: 2, typ: "stat", sid, body: encode({ path: "/etc/x" }) },
			"ft/get_file": { proto: 2, typ: "get_file", sid, body: encode({ path: "/etc/x" }) },
			"ft/chunk": { proto: 2, typ: "file_chunk", sid, props: { offset: new Int64(0) }, body: Buffer.from("data") },
			"ft/ack": { proto: 2, typ: "ack", sid, props: { offset: new Int64(4) } },
			"pf/new": {
				...{ proto: 3, typ: "new", sid, props: { connection_id: "c1" } },
				body: encode({ protocol: "tcp", remote_host: "127.0.0.1", remote_port: new Uint16(80) }),
			},
			"mc/check-update": { proto: 4, typ: "check-update", sid },
			"mc/send-inventory": { proto: 4, typ: "send-inventory", sid },
		};
		for (const [name, hex] of Object.entries(protomsgFrames)) {
			const message = made[name as keyof typeof protomsgFrames];
			assert.equal(encodeMessage(message).toString("hex"), hex, name);
			assert.equal(encodeMessage(decodeMessage(Buffer.from(hex, "hex"))).toString("hex"), hex, name);
		}
	});

	it("takes a token as header or cookie, and refuses what is none: 401 without a body, without any 401 with one", async () => {
		const { socket } = await connect({ headers: { Cookie: `JWT=${device.token}` } });
		socket.close();
		assert.deepEqual(await refused({ Authorization: "Bearer a.b.c" }), [401, ""]);
		const [status, text] = await refused({});
		assert.equal(status, 401);
		assert.deepEqual(Object.keys(JSON.parse(text)), ["error"]);
	});

	it("a plain request: 400, and the error has nothing but its text", async () => {
		const { status, text, headers } = await device.send("GET", path);
		assert.equal(status, 400);
		assert.deepEqual(Object.keys(JSON.parse(text)), ["error"]);
		assert.equal(headers["x-men-requestid"], undefined);
		assert.throws(() => errorOf({ status, text: "{}", headers: { "x-men-requestid": "1" } } as never));
	});

	it("selects the subprotocol where it is offered", async () => {
		const offered = server.connect.next("connect");
		// The library refuses the name, as RFC 6455 would.
		const { socket } = await connect({
			headers: { Authorization: `Bearer ${device.token}`, "Sec-WebSocket-Protocol": "chat, protomsg/msgpack" },
		}).catch((error: Error) => {
			assert.match(error.message, /subprotocol/i);
			return { socket: undefined };
		});
		assert.deepEqual((await offered).offered, ["chat", "protomsg/msgpack"]);
		socket?.close();
	});

	it("passes messages on, each with the number of its session and whose it is, whatever the manager says", async () => {
		const next = server.connect.next("connect");
		const peer = await connect();
		const connection = await next;
		const session = connection.open("somebody");
		session.send({ proto: 1, typ: "shell", sid: "forged", props: { user_id: "forged", x: 1 }, body: Buffer.from("y") });
		connection.command("check-update", "somebody");
		await until(() => peer.messages.length === 2, "messages");
		const [first, second] = peer.messages;
		assert.deepEqual([first?.sid, first?.props], [session.id, { user_id: "somebody", x: 1 }]);
		assert.deepEqual([second?.proto, second?.typ, second?.sid, second?.props], [4, "check-update", "", { user_id: "somebody" }]);
		peer.socket.send(encodeMessage({ proto: 0xffff, typ: "pong", sid: session.id }));
		peer.socket.send(encodeMessage({ proto: 0xffff, typ: "pong", sid: "nobody" }));
		await until(() => connection.messages.length === 2, "answers");
		assert.deepEqual([session.messages.length, connection.strays.length], [1, 1]);
		peer.socket.close();
	});

	it("pings in half of the time after which a silent device is given up, and says how long that is", async () => {
		server.connect.wait = 1_000;
		const peer = await connect();
		await pause(1_800);
		assert.ok(peer.pings.length >= 2 && peer.pings.every((payload) => payload === "1"), peer.pings.join(" "));
		assert.equal(peer.end, undefined);
		peer.socket.close();
		server.connect.wait = 60_000;
		const usual = await connect();
		const silent = await server.connect.connected("connect");
		assert.ok(silent.isOpen);
		usual.socket.close();
	});

	it("gives a silent device up with 1011", async () => {
		server.connect.wait = 400;
		const peer = await connect({ autoPong: false } as ClientOptions);
		await until(() => peer.end !== undefined, "end");
		assert.ok(peer.end?.code === 1011 || peer.end?.code === 1006, String(peer.end?.code));
	});

	it("closes for what is no message, and for more than 8 MiB", async () => {
		const garbage = await connect();
		garbage.socket.send(Buffer.from("c1", "hex"));
		await until(() => garbage.end !== undefined, "end");
		assert.deepEqual(garbage.end, { code: 1011, reason: "internal error" });
		const large = await connect();
		large.socket.send(Buffer.alloc(8 * 1024 * 1024 + 1));
		await until(() => large.end !== undefined, "end");
		assert.equal(large.end?.code, 1009);
	});

	it("a terminal's page goes when it is refused, and answers when it is asked", async () => {
		const next = server.connect.next("connect");
		const peer = await connect();
		const terminal = new ManagerTerminal((await next).open("somebody"));
		await until(() => peer.messages.length === 1, "request");
		const sid = terminal.session.id;
		peer.socket.send(encodeMessage({ proto: 1, typ: "ping", sid, props: { timeout: 65, status: 3 } }));
		await until(() => peer.messages.some(({ typ }) => typ === "pong"), "pong");
		peer.socket.send(encodeMessage({ proto: 1, typ: "new", sid, props: { status: 2 }, body: Buffer.from("no") }));
		await terminal.ended();
		assert.deepEqual([terminal.pings, terminal.end], [[65], "no"]);
		peer.socket.close();
	});
});
