import { assert } from "chai";
import { sleep } from "fleetling/common/time";
import type { Frame } from "fleetling/servers/mender/connect/frame";
import { describe, it } from "test/harness";
import { brief, ConnectBench, session, textOf, utf8 } from "./connect-bench";

const other = "8ce8ce2e-4a0c-4a2b-9f3e-000000000002";
const shell = 1;

/** What the terminal shows of what was sent, and that all of it is for one session. */
function shown(bench: ConnectBench, id = session): string {
	const output = bench.sent.filter(({ type, session: whose }) => type === "shell" && whose === id);
	return output.map(({ body }) => textOf(body)).join("");
}

async function opened(bench = new ConnectBench(), id = session): Promise<ConnectBench> {
	if (bench.web.conversations.length === 0) await bench.up();
	await bench.say({ protocol: shell, type: "new", session: id });
	return bench;
}

const type = (bench: ConnectBench, text: string, id = session): Promise<void> =>
	bench.say({ protocol: shell, type: "shell", session: id }, utf8(text));

describe("device connect: terminals", () => {
	it("says that it is there before it shows anything, with status 1", async () => {
		const bench = await opened();
		const [first, second] = bench.sent;
		assert.deepEqual([first?.type, first?.properties.get("status"), first?.session], ["new", 1, session]);
		assert.deepEqual([second?.type, second?.properties.get("status")], ["shell", 1]);
		assert.include(textOf(second?.body ?? utf8("")), "hello");
	});

	it("runs what is typed, and takes sizes that can be one", async () => {
		const bench = new ConnectBench();
		await bench.up();
		await bench.say({ protocol: shell, type: "new", properties: { terminal_height: 50, terminal_width: 132 } });
		await type(bench, "status\r");
		await sleep(5);
		assert.include(shown(bench), "1.0.0 in slot ota_0");
		for (const properties of [{ terminal_height: 0, terminal_width: 9 }, { terminal_width: 9 }, { terminal_height: "x" }, {}])
			await bench.say({ protocol: shell, type: "resize", properties });
		await type(bench, "mem\r");
		await sleep(5);
		assert.include(shown(bench), "12,345 bytes");
	});

	it("has as many as there may be, one for each session, and says with status 2 why there is no other", async () => {
		const bench = await opened();
		await opened(bench, other);
		bench.sent;
		for (const id of [session, "third"]) {
			await bench.say({ protocol: shell, type: "new", session: id });
			const [refusal] = bench.sent;
			assert.deepEqual([refusal?.type, refusal?.properties.get("status"), refusal?.session], ["new", 2, id]);
			assert.isAbove(refusal?.body.length ?? 0, 10);
		}
		await type(bench, "mem\r", other);
		await sleep(5);
		assert.include(shown(bench, other), "12,345 bytes");
	});

	it("answers for sessions that have none, where somebody waits", async () => {
		const bench = await new ConnectBench().up();
		for (const each of ["shell", "stop", "resize", "pong", "dance", "ping"]) await bench.say({ protocol: shell, type: each });
		const answers = bench.sent;
		assert.deepEqual(brief(answers), ["1/shell", "1/stop", "1/pong"]);
		assert.deepEqual(
			answers.map(({ properties }) => properties.get("status")),
			[2, 2, 3],
		);
	});

	it("ends when the manager stops it, with an answer, and when the person leaves", async () => {
		const bench = await opened();
		await type(bench, "log follow\r");
		bench.sent;
		await bench.say({ protocol: shell, type: "stop" });
		const [answer] = bench.sent;
		assert.deepEqual([answer?.type, answer?.properties.get("status")], ["stop", 1]);
		bench.powers.log.tag("x").info("nobody sees this");
		await sleep(300);
		assert.isEmpty(bench.sent);
		await opened(bench);
		bench.sent;
		await type(bench, "exit\r");
		await sleep(5);
		const stop = bench.sent.find(({ type: each }) => each === "stop");
		assert.equal(stop?.properties.get("status"), 1);
		await type(bench, "x");
		assert.equal(bench.sent[0]?.properties.get("status"), 2);
	});

	it("ends with its session", async () => {
		const bench = await opened();
		await bench.say({ type: "close" });
		assert.equal(bench.log.with("terminal was closed").length, 1);
	});

	it("writes only when everything before is on its way, and the terminals take turns", async () => {
		const bench = await opened();
		await opened(bench, other);
		bench.sent;
		bench.conversation.idle = false;
		await type(bench, "help\r");
		await type(bench, "help\r", other);
		await sleep(5);
		assert.isEmpty(bench.sent);
		const turns: string[] = [];
		const { conversation } = bench;
		const send = conversation.send.bind(conversation);
		// The network takes one message at a time.
		conversation.send = (message) => {
			conversation.idle = false;
			send(message);
		};
		for (let round = 0; round < 6; round++) {
			await bench.drain();
			const [message, ...more] = bench.sent;
			assert.isEmpty(more);
			if (message !== undefined) turns.push(message.session === session ? "one" : "other");
			assert.isAtMost(message?.body.length ?? 0, 1_024);
		}
		assert.deepEqual(turns.slice(0, 4), turns[0] === "one" ? ["one", "other", "one", "other"] : ["other", "one", "other", "one"]);
	});

	it("asks in time whether somebody is there, and ends when nobody is", async () => {
		const bench = await opened(new ConnectBench({}, { interval: 200 }));
		bench.sent;
		/** The next message. */
		const next = async (): Promise<Frame | undefined> => {
			for (let times = 0; times < 500; times++) {
				const [frame, ...more] = bench.sent;
				assert.isEmpty(more);
				if (frame !== undefined) return frame;
				await sleep(10);
			}
			return undefined;
		};
		const ping = await next();
		assert.deepEqual([ping?.type, ping?.properties.get("status"), ping?.properties.get("timeout")], ["ping", 3, 65]);
		for (let times = 0; times < 3; times++) {
			await bench.say({ protocol: shell, type: "pong" });
			assert.equal((await next())?.type, "ping");
		}
		const last = await next();
		assert.deepEqual([last?.protocol, last?.type], [0xffff, "error"]);
		assert.equal(bench.log.with("terminal was closed").length, 1);
		await sleep(450);
		assert.isEmpty(bench.sent);
	});

	it("ends a session into which nothing is typed, and none that is used", async () => {
		const bench = await opened(new ConnectBench({}, { idle: 500, interval: 200 }));
		for (let times = 0; times < 12; times++) {
			await sleep(50);
			await type(bench, "x");
		}
		assert.isEmpty(bench.sent.filter(({ type: each }) => each === "stop"));
		let stop: Frame | undefined;
		for (let times = 0; times < 40 && stop === undefined; times++) {
			await sleep(50);
			await bench.say({ protocol: shell, type: "pong" });
			stop = bench.sent.find(({ type: each }) => each === "stop");
		}
		assert.equal(stop?.properties.get("status"), 2);
		assert.include(textOf(stop?.body ?? utf8("")), "nothing was typed");
	});
});
