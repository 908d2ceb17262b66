import { assert } from "chai";
import { sleep } from "fleetling/common/time";
import { Forwarder } from "fleetling/management/forward/forwarder";
import { type Forwarding, parseForwarding } from "fleetling/management/forward/rules";
import { type Frame, makeBody, parseBody } from "fleetling/servers/mender/connect/frame";
import type { ConnectOptions } from "fleetling/servers/mender/connect/link";
import { beforeEach, describe, it } from "test/harness";
import Time from "time";
import { FakeTCP, fakeNetwork, names } from "../fakes/tcp";
import { brief, ConnectBench, session, textOf, utf8 } from "./connect-bench";

const protocol = 3;
const local = { protocol: "tcp", remote_host: "192.168.1.20", remote_port: 502 };

class ForwardBench extends ConnectBench {
	constructor(allowed: string, options: Partial<ConnectOptions> = {}) {
		const rule = parseForwarding(allowed) as Exclude<Forwarding, "off">;
		super({ forwarder: new Forwarder(fakeNetwork, rule) }, options);
	}

	async tell(type: string, id: string | undefined, body?: Uint8Array): Promise<readonly Frame[]> {
		await this.say({ protocol, type, ...(id !== undefined && { properties: { connection_id: id } }) }, body);
		await sleep(5);
		return this.sent;
	}

	async begin(fields: Readonly<Record<string, string | number>> = local, id = "c1"): Promise<readonly Frame[]> {
		return this.tell("new", id, makeBody(fields));
	}

	/** A connection that is open. */
	async opened(id = "c1", room = 100): Promise<FakeTCP> {
		await this.begin(local, id);
		const socket = FakeTCP.last;
		socket.takes(room);
		await sleep(5);
		return socket;
	}
}

const up = async (allowed = "local", options: Partial<ConnectOptions> = {}): Promise<ForwardBench> => {
	const bench = new ForwardBench(allowed, options);
	await bench.up();
	return bench;
};

function failureIn(frames: readonly Frame[]): readonly [string, unknown, unknown] {
	assert.deepEqual(brief(frames), ["3/error"]);
	const [frame] = frames;
	const fields = parseBody(frame as never);
	return [String(fields.get("err")), fields.get("code"), frame?.properties.get("connection_id")];
}

describe("device connect: forwarded connections", () => {
	beforeEach(() => {
		FakeTCP.all = [];
		names.clear();
	});

	it("are not there unless they are wanted", async () => {
		const bench = await new ConnectBench().up();
		await bench.say({ protocol, type: "new", properties: { connection_id: "c1" } }, makeBody(local));
		assert.deepEqual(brief(bench.sent), ["65535/error"]);
	});

	it("are there when the other end is", async () => {
		const bench = await up();
		assert.isEmpty(await bench.begin());
		const { address, port } = FakeTCP.last.options;
		assert.deepEqual([address, port], ["192.168.1.20", 502]);
		FakeTCP.last.takes(100);
		await sleep(5);
		const [answer] = bench.sent;
		assert.deepEqual([answer?.type, answer?.session, answer?.properties.get("connection_id")], ["new", session, "c1"]);
	});

	it("take bytes before they are open, and acknowledge them when the other end has all of them", async () => {
		const bench = await up();
		await bench.begin();
		assert.isEmpty(await bench.tell("forward", "c1", utf8("hello there")));
		const socket = FakeTCP.last;
		socket.takes(5);
		await sleep(5);
		assert.deepEqual(brief(bench.sent), ["3/new"]);
		assert.equal(socket.written.length, 5);
		socket.takes(100);
		await sleep(5);
		assert.deepEqual(brief(bench.sent), ["3/ack"]);
		assert.equal(String.fromCharCode(...socket.written), "hello there");
		assert.deepEqual(brief(await bench.tell("forward", "c1", utf8("!"))), ["3/ack"]);
	});

	it("send one message, and the next when that has been acknowledged; what waits is not read", async () => {
		const bench = await up();
		const socket = await bench.opened();
		bench.sent;
		socket.says(Array.from({ length: 5_000 }, (_, index) => index & 0xff));
		const bodies: number[] = [];
		for (const [size, left] of [
			[2_048, 2_952],
			[2_048, 904],
			[904, 0],
		]) {
			await sleep(5);
			const [message, ...more] = bench.sent;
			assert.isEmpty(more);
			assert.equal(message?.type, "forward");
			assert.equal(message?.body.length, size);
			assert.equal(socket.unread, left);
			for (const byte of message?.body ?? []) bodies.push(byte);
			assert.isEmpty(bench.sent);
			await bench.say({ protocol, type: "ack", properties: { connection_id: "c1" } });
		}
		assert.isTrue(bodies.every((byte, index) => byte === (index & 0xff)));
	});

	it("wait for a line that is slow", async () => {
		const bench = await up();
		const socket = await bench.opened();
		bench.sent;
		bench.conversation.idle = false;
		socket.says(utf8("hello"));
		await sleep(5);
		assert.isEmpty(bench.sent);
		await bench.drain();
		assert.equal(textOf(bench.sent[0]?.body ?? utf8("")), "hello");
	});

	it("end when the other end closes, after what it has said", async () => {
		const bench = await up();
		const socket = await bench.opened();
		bench.sent;
		socket.says(utf8("last words"));
		socket.ends(new Error("closed by peer"));
		await sleep(5);
		assert.deepEqual(brief(bench.sent), ["3/forward"]);
		assert.deepEqual(brief(await bench.tell("ack", "c1")), ["3/stop"]);
		assert.isTrue(socket.closed);
		assert.equal(failureIn(await bench.tell("forward", "c1", utf8("x")))[1], 400);
		assert.isEmpty(await bench.tell("ack", "c1"));
		assert.isEmpty(await bench.tell("stop", "c1"));
	});

	it("end when the manager stops them, after what was sent has been written", async () => {
		const bench = await up();
		const socket = await bench.opened("c1", 3);
		bench.sent;
		await bench.tell("forward", "c1", utf8("hello"));
		assert.deepEqual(brief(await bench.tell("stop", "c1")), ["3/stop"]);
		assert.isFalse(socket.closed);
		socket.takes(10);
		await sleep(5);
		assert.equal(String.fromCharCode(...socket.written), "hello");
		assert.isTrue(socket.closed);
		assert.isEmpty(bench.sent);
		const second = await bench.opened("c2");
		bench.sent;
		assert.deepEqual(brief(await bench.tell("stop", "c2")), ["3/stop"]);
		assert.isTrue(second.closed);
	});

	it("end when they break or do not come about, with the reason", async () => {
		const bench = await up();
		await bench.begin();
		FakeTCP.last.ends(new Error("refused"));
		await sleep(5);
		assert.include(failureIn(bench.sent)[0], "net.refused");
		const socket = await bench.opened();
		bench.sent;
		socket.ends(new Error("reset"));
		await sleep(5);
		assert.deepEqual(brief(bench.sent), ["3/stop", "3/error"]);
		assert.isTrue(socket.closed);
		assert.include(failureIn(await bench.begin({ ...local, remote_host: "nowhere.lan" }))[0], "net.dns");
	});

	it("go nowhere but to the device's own networks, whatever a name leads to", async () => {
		const bench = await up();
		names.set("plc.lan", "10.1.2.3");
		names.set("evil.example", "203.0.113.9");
		for (const host of ["203.0.113.9", "evil.example", "2001:db8::1"]) {
			const [text, code, id] = failureIn(await bench.begin({ ...local, remote_host: host }));
			assert.include(text, "management.not-forwarded");
			assert.deepEqual([code, id], [403, "c1"]);
		}
		assert.isEmpty(FakeTCP.all);
		await bench.begin({ ...local, remote_host: "plc.lan" });
		assert.equal(FakeTCP.last.options.address, "10.1.2.3");
	});

	it("go to what is listed and nowhere else, where there is a list", async () => {
		const bench = await up("203.0.113.9:80,plc.lan:502");
		for (const fields of [
			local,
			{ ...local, remote_host: "203.0.113.9" },
			{ ...local, remote_host: "127.0.0.1", remote_port: 80 },
		])
			assert.include(failureIn(await bench.begin(fields))[0], "management.not-forwarded");
		await bench.begin({ ...local, remote_host: "203.0.113.9", remote_port: 80 });
		assert.equal(FakeTCP.last.options.address, "203.0.113.9");
		names.set("PLC.lan", "203.0.113.7");
		await bench.begin({ ...local, remote_host: "PLC.lan" }, "c2");
		assert.equal(FakeTCP.last.options.address, "203.0.113.7");
	});

	const requests: readonly (readonly [Readonly<Record<string, string | number>>, string])[] = [
		[{ ...local, protocol: "udp" }, "forwards tcp, not udp"],
		[{ remote_host: "10.0.0.1", remote_port: 80 }, "forwards tcp"],
		[{ protocol: "tcp", remote_port: 80 }, "where to"],
		[{ protocol: "tcp", remote_host: "10.0.0.1" }, "where to"],
		[{ ...local, remote_port: 0 }, "no such place"],
		[{ ...local, remote_port: 65_536 }, "no such place"],
		[{ ...local, remote_host: "a b" }, "no such place"],
		[{ ...local, remote_host: "" }, "no such place"],
	];
	for (const [fields, text] of requests)
		it(`refuse ${JSON.stringify(fields)}`, async () => {
			const bench = await up();
			assert.include(failureIn(await bench.begin(fields))[0], text);
			assert.isEmpty(FakeTCP.all);
		});

	it("refuse messages that are about none of them", async () => {
		const bench = await up();
		assert.equal(failureIn(await bench.tell("new", undefined, makeBody(local)))[1], 400);
		assert.equal(failureIn(await bench.tell("new", "", makeBody(local)))[1], 400);
		assert.equal(failureIn(await bench.tell("new", "x".repeat(65), makeBody(local)))[1], 400);
		assert.equal(failureIn(await bench.tell("new", "c1", utf8("garbage")))[1], 400);
		assert.equal(failureIn(await bench.tell("forward", "c1", utf8("x")))[1], 400);
		assert.equal(failureIn(await bench.tell("dance", "c1"))[1], 400);
		assert.isEmpty(await bench.tell("ack", "c1"));
	});

	it("are as many as there may be, each with a number of its own in its session", async () => {
		const bench = await up();
		for (const id of ["c1", "c2", "c3", "c4"]) await bench.opened(id);
		bench.sent;
		assert.include(failureIn(await bench.begin(local, "c1"))[0], "already");
		assert.equal(failureIn(await bench.begin(local, "c5"))[1], 503);
		await bench.tell("stop", "c2");
		assert.isEmpty(await bench.begin(local, "c5"));
	});

	it("end with a manager who does not wait for acknowledgements", async () => {
		const bench = await up();
		const socket = await bench.opened("c1", 3);
		bench.sent;
		await bench.tell("forward", "c1", utf8("hello"));
		assert.include(failureIn(await bench.tell("forward", "c1", utf8("more")))[0], "acknowledged");
		assert.isTrue(socket.closed);
	});

	it("hold no more than the device can for other ends that take nothing", async () => {
		const bench = await up();
		const [first, second] = [await bench.opened("c1", 0), await bench.opened("c2", 0)];
		bench.sent;
		assert.isEmpty(await bench.tell("forward", "c1", new Uint8Array(4_096)));
		const [text, code, id] = failureIn(await bench.tell("forward", "c2", new Uint8Array(4_096)));
		assert.include(text, "management.busy");
		assert.deepEqual([code, id], [503, "c2"]);
		assert.deepEqual([first.closed, second.closed], [false, true]);
		first.takes(5_000);
		await sleep(5);
		assert.deepEqual(brief(bench.sent), ["3/ack"]);
	});

	it("end with the session, and with a manager who has gone without a word", async () => {
		const bench = await up("local", { interval: 150 });
		const first = await bench.opened("c1");
		await bench.say({ type: "close" });
		assert.isTrue(first.closed);
		const second = await bench.opened("c2");
		bench.sent;
		const frames: Frame[] = [];
		for (let times = 0; times < 60 && !second.closed; times++) {
			await sleep(20);
			frames.push(...bench.sent);
		}
		assert.deepEqual(brief(frames), ["65535/ping", "65535/error"]);
	});

	it("end when nothing has passed for too long, although the manager is there", async () => {
		const bench = await up("local", { interval: 100, forwardIdle: 400 });
		const begun = Time.ticks;
		const socket = await bench.opened();
		bench.sent;
		const frames: Frame[] = [];
		while (!socket.closed && Time.ticks - begun < 10_000) {
			await sleep(20);
			const { sent } = bench;
			frames.push(...sent);
			if (sent.some(({ type }) => type === "ping")) await bench.say({ type: "pong" });
		}
		assert.isTrue(socket.closed);
		assert.isAtLeast(Time.ticks - begun, 400);
		assert.deepEqual(
			brief(frames).filter((each) => each !== "65535/ping"),
			["3/stop"],
		);
	});
});
