import { assert } from "chai";
import { ServerError } from "fleetling/agent/server";
import { type ConversationEnd, RefusedError } from "fleetling/common/conversation";
import { sleep } from "fleetling/common/time";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import { judge } from "fleetling/servers/mender/connect/ends";
import { parseBody } from "fleetling/servers/mender/connect/frame";
import { MessagePackReader } from "fleetling/servers/mender/connect/msgpack-reader";
import { MessagePackWriter } from "fleetling/servers/mender/connect/msgpack-writer";
import { describe, it } from "test/harness";
import { brief, ConnectBench, session, textOf, utf8 } from "./connect-bench";

const versions = (...numbers: readonly number[]): Uint8Array => {
	const writer = new MessagePackWriter().map(1).text("versions").array(numbers.length);
	for (const number of numbers) writer.integer(number);
	return writer.result;
};

describe("Mender's device connect", () => {
	it("connects with the token and the subprotocol", async () => {
		const { conversation } = await new ConnectBench().up();
		const { url, headers, protocols, messageBytes } = conversation.request as typeof conversation.request & {
			readonly protocols: readonly string[];
			readonly messageBytes: number;
		};
		assert.equal(url, "https://host/api/devices/v1/deviceconnect/connect");
		assert.deepEqual(headers, [["Authorization", "Bearer the token"]]);
		assert.deepEqual(protocols, ["protomsg/msgpack"]);
		assert.equal(messageBytes, 8_192);
		assert.deepEqual(conversation.sent, []);
	});

	for (const selected of ["", "chat"])
		it(`goes when the server selects "${selected}", and says why`, async () => {
			const bench = await new ConnectBench().up(selected);
			assert.equal(bench.conversation.goodbye, 1002);
			bench.conversation.over({ code: 1002, reason: "", remote: false });
			assert.equal(bench.log.with('without "protomsg/msgpack"').length, 1);
			await bench.link.stop();
		});

	it("accepts a session with what it speaks, and needs none to be opened", async () => {
		const bench = await new ConnectBench().up();
		await bench.say({ type: "open" }, versions(1));
		const [accept] = bench.sent;
		assert.deepEqual([accept?.protocol, accept?.type, accept?.session], [0xffff, "accept", session]);
		const reader = new MessagePackReader(accept?.body ?? utf8(""), "the answer");
		assert.equal(reader.map(), 2);
		assert.deepEqual([reader.text(9), reader.integer(), reader.text(9), reader.array()], ["version", 1, "protocols", 2]);
		assert.deepEqual([reader.integer(), reader.integer()], [1, 4]);
	});

	it("has no terminal where none is allowed", async () => {
		const bench = await new ConnectBench({ shell: undefined as never }).up();
		await bench.say({ protocol: 1, type: "new" });
		const [error] = bench.sent;
		assert.equal(error?.type, "error");
		assert.include(parseBody(error as never).get("err"), "no protocol 1");
	});

	it("refuses versions that it does not know", async () => {
		const bench = await new ConnectBench().up();
		for (const numbers of [[2], [], [2, 3, 4, 5, 6, 7, 8, 9, 10, 1]]) {
			await bench.say({ type: "open" }, versions(...numbers));
			const [error] = bench.sent;
			assert.equal(error?.type, "error");
			assert.equal(parseBody(error as never).get("err"), "this device speaks version 1");
		}
	});

	it("answers pings and unknown requests, and is silent about what needs no answer", async () => {
		const bench = await new ConnectBench().up();
		for (const type of ["ping", "pong", "accept", "close", "dance", "toString"]) await bench.say({ type });
		assert.deepEqual(brief(bench.sent), ["65535/pong", "65535/error", "65535/error"]);
		await bench.say({ protocol: 77, type: "x" });
		const [error] = bench.sent;
		const fields = parseBody(error as never);
		assert.deepEqual([error?.session, fields.get("msgproto"), fields.get("msgtype")], [session, 77, "x"]);
	});

	it("logs a manager's error, and ends the session that it is said to end", async () => {
		const bench = await new ConnectBench().up();
		await bench.say({ protocol: 1, type: "new" });
		const error = (close: boolean): Uint8Array =>
			new MessagePackWriter().map(3).text("err").text("too bad").text("close").boolean(close).text("code").integer(404).result;
		await bench.say({ type: "error" }, error(false));
		assert.equal(bench.log.with("too bad").length, 1);
		assert.equal(bench.log.with("terminal was closed").length, 0);
		await bench.say({ type: "error" }, error(true));
		assert.equal(bench.log.with("terminal was closed").length, 1);
	});

	it("checks for a deployment and reports its inventory; answers where somebody waits", async () => {
		const bench = await new ConnectBench().up();
		for (const type of ["check-update", "send-inventory", "dance"]) await bench.say({ protocol: 4, type, session: "" });
		assert.deepEqual(bench.asked, ["check", "inventory"]);
		assert.isEmpty(bench.sent);
		for (const type of ["check-update", "constructor"]) await bench.say({ protocol: 4, type });
		const answers = bench.sent;
		assert.deepEqual(brief(answers), ["4/check-update", "4/constructor"]);
		assert.deepEqual(
			answers.map(({ properties }) => properties.get("status")),
			[1, 2],
		);
		assert.include(textOf(answers[1]?.body ?? utf8("")), "constructor");
	});

	it("outlives garbage, and answers where it can be told whose it is", async () => {
		const bench = await new ConnectBench().up();
		for (const message of [utf8(""), utf8("{}"), utf8("\u0000"), "text", new Uint8Array([0xc1]), new Uint8Array(4_000)])
			await bench.raw(message);
		assert.isEmpty(bench.sent);
		assert.equal(bench.log.with("server.bad-answer").length, 6);
		for (const type of ["open", "error"]) await bench.say({ type }, utf8("garbage"));
		assert.deepEqual(brief(bench.sent), ["65535/error", "65535/error"]);
		await bench.say({ type: "ping" });
		assert.deepEqual(brief(bench.sent), ["65535/pong"]);
	});

	it("reads on when there is room for the answers", async () => {
		const bench = await new ConnectBench().up();
		bench.conversation.full = true;
		let read = false;
		const reading = bench.say({ type: "ping" }).then(() => {
			read = true;
		});
		await sleep(10);
		assert.isFalse(read);
		await bench.drain();
		await reading;
		await bench.say({ type: "ping" });
		assert.deepEqual(brief(bench.sent), ["65535/pong"]);
	});

	it("does nothing about a message whose connection has gone before its turn", async () => {
		const bench = await new ConnectBench().up();
		const reading = bench.say({ protocol: 1, type: "new" });
		bench.conversation.over({ code: 1006, reason: "", remote: false });
		await reading;
		assert.equal(bench.log.with("terminal was opened").length, 0);
		await bench.link.stop();
	});

	it("lets go of everything when the connection is lost, also of what waits for it", async () => {
		const bench = await new ConnectBench().up();
		await bench.say({ protocol: 1, type: "new" });
		bench.conversation.full = true;
		const reading = bench.say({ type: "ping" });
		await sleep(5);
		bench.conversation.over({ code: 1006, reason: "", remote: false });
		await reading;
		assert.equal(bench.log.with("terminal was closed").length, 1);
		await bench.link.stop();
	});
});

describe("the end of device connect", () => {
	const closed = (code: number, reason = ""): ConversationEnd => ({ code, reason, remote: true });
	const refused = (status: number, headers: readonly (readonly [string, string])[] = []): ConversationEnd =>
		new RefusedError("refused", status, new Map(headers), "");
	const meanings: readonly (readonly [string, ConversationEnd, "retry" | "rest", ErrorCode])[] = [
		["1000", closed(1000), "retry", "server.link-closed"],
		["1011", closed(1011, "internal error"), "retry", "server.link-closed"],
		["no goodbye", new FleetlingError("websocket.lost", "x"), "retry", "websocket.lost"],
		["no approval", new FleetlingError("server.not-approved", "x"), "rest", "server.not-approved"],
		["status 400", refused(400), "retry", "server.refused"],
		["status 401", refused(401), "retry", "server.token-refused"],
		["status 403", refused(403), "rest", "server.refused"],
		["status 404", refused(404), "rest", "server.refused"],
		["status 429", refused(429, [["retry-after", "7"]]), "retry", "server.busy"],
		["status 500", refused(500), "retry", "server.failed"],
	];
	for (const [name, end, kind, code] of meanings)
		it(`${name}: ${kind}, ${code}`, () => {
			const verdict = judge("Mender server x", end);
			assert.equal(verdict.kind, kind);
			assert.equal(verdict.error.code, code);
			// Judged again it stays what it is: it comes back from whoever has given the token.
			const again = judge("Mender server x", verdict.error);
			assert.deepEqual([again.kind, again.error], [kind, verdict.error]);
		});

	it("passes on when the server wants to be asked again", () => {
		const { error } = judge("x", refused(429, [["retry-after", "7"]]));
		assert.ok(error instanceof ServerError && error.retryAfter === 7_000);
		const again = judge("x", error);
		assert.equal(again.kind === "retry" && again.wait, 7_000);
	});
});
