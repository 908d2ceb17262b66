import { assert } from "chai";
import { ServerError } from "fleetling/agent/server";
import { type ConversationEnd, RefusedError } from "fleetling/common/conversation";
import { sleep } from "fleetling/common/time";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import type { Facility } from "fleetling/management/registry";
import { judge } from "fleetling/servers/rdfm/ends";
import { RDFMLink } from "fleetling/servers/rdfm/link";
import type { Outgoing } from "fleetling/servers/rdfm/outgoing";
import { describe, it } from "test/harness";
import type { FakeConversation } from "../fakes/conversation";
import { Lines } from "../fakes/log";
import { ScriptedWeb } from "../fakes/web";

interface Bench {
	readonly link: RDFMLink;
	readonly web: ScriptedWeb;
	readonly log: Lines;
	readonly alerts: string[];
	/** The first connection, which the server has accepted. */
	up(): Promise<FakeConversation>;
}

function bench(...facilities: readonly Facility<Outgoing>[]): Bench {
	const web = new ScriptedWeb();
	const log = new Lines();
	const alerts: string[] = [];
	const management = {
		authorized: (work: (token: string) => Promise<void>) => work("the token"),
		alert: (text: string) => void alerts.push(text),
	};
	const link = new RDFMLink({ name: "RDFM server x", url: "https://host:5000", web, log: log.tag("rdfm"), management });
	for (const facility of facilities) link.registry.add(facility);
	const up = async (): Promise<FakeConversation> => {
		link.start("1.0.0");
		await sleep(1);
		const conversation = web.conversations.at(-1);
		if (conversation === undefined) throw new Error("no connection was begun");
		conversation.open();
		return conversation;
	};
	return { link, web, log, alerts, up };
}

const greeting = { method: "alert", alert: { message: "connected" } };

describe("RDFM's management link", () => {
	it("is opened with the token in RDFM's form", async () => {
		const { up } = bench();
		const { request } = await up();
		assert.equal(request.url, "https://host:5000/api/v1/devices/ws");
		assert.deepEqual(request.headers, [["Authorization", "Bearer token=the token"]]);
	});

	it("begins with the report of capabilities, of which it has those that something was registered for", async () => {
		const { up } = bench({ capability: "action", take: () => false });
		const { messages } = await up();
		const capabilities = { action: true, filesystem: false, shell: false };
		assert.deepEqual(messages, [{ method: "capability_report", capabilities }]);
	});

	it("tells the version once, when the server has greeted it", async () => {
		const { up, link } = bench();
		const conversation = await up();
		conversation.say(greeting);
		assert.deepEqual(conversation.messages[1], { method: "update_version", version: "1.0.0" });
		link.start("1.0.0");
		conversation.say(greeting);
		assert.equal(conversation.messages.length, 2);
	});

	it("keeps the latest progress for when it is open", async () => {
		const { up, link } = bench();
		link.progress(7);
		link.progress(8);
		const conversation = await up();
		conversation.say(greeting);
		link.progress(9);
		const told = conversation.messages.filter(({ method }) => method === "update_progress");
		assert.deepEqual(told, [
			{ method: "update_progress", progress: 8 },
			{ method: "update_progress", progress: 9 },
		]);
	});

	it("does not send what does not fit, and does later", async () => {
		const { up, link } = bench();
		const conversation = await up();
		conversation.full = true;
		conversation.say(greeting);
		link.progress(50);
		assert.equal(conversation.messages.length, 1);
		conversation.full = false;
		link.progress(51);
		assert.deepEqual(conversation.messages.slice(1), [
			{ method: "update_version", version: "1.0.0" },
			{ method: "update_progress", progress: 51 },
		]);
	});

	it("hands alerts to the application, the greeting excepted", async () => {
		const { up, alerts, log } = bench();
		const conversation = await up();
		conversation.say(greeting);
		conversation.say({ method: "alert", alert: { message: "maintenance at noon" } });
		assert.deepEqual(alerts, ["maintenance at noon"]);
		assert.equal(log.with("maintenance at noon").length, 1);
	});

	const strange = ["", "{", "null", "7", "[]", "{}", '{"method":7}', '{"method":""}', '{"method":"dance"}', '{"method":"alert"}'];
	for (const text of [...strange, '{"method":"alert","alert":"x"}', `{"method":"${"x".repeat(4000)}"}`])
		it(`answers nothing to ${text.slice(0, 40) || "nothing"}, and goes on`, async () => {
			const { up, log } = bench();
			const conversation = await up();
			conversation.say(text);
			assert.equal(conversation.messages.length, 1);
			assert.equal(log.with("W (").length, 1);
			conversation.say(greeting);
			assert.equal(conversation.messages.length, 2);
		});

	it("answers nothing to binary messages", async () => {
		const { up, log } = bench();
		const conversation = await up();
		conversation.listener.received(new ArrayBuffer(3));
		assert.equal(conversation.messages.length, 1);
		assert.equal(log.with("3 bytes").length, 1);
	});

	it("hands messages to the facility that knows them, whose mistakes do not end it", async () => {
		const taken: string[] = [];
		const facility: Facility<Outgoing> = {
			capability: "shell",
			take: (name) => {
				taken.push(name);
				if (name === "bad") throw new FleetlingError("server.bad-answer", "not understood");
				return name === "good";
			},
		};
		const { up, log } = bench(facility);
		const conversation = await up();
		for (const method of ["good", "bad", "other"]) conversation.say({ method });
		assert.deepEqual(taken, ["good", "bad", "other"]);
		assert.equal(log.with("not understood").length, 1);
		assert.equal(log.with('"other"').length, 1);
	});

	it("tells facilities that the connection is gone, and the server's reason when a message of theirs was refused", async () => {
		const ends: (string | undefined)[] = [];
		const facility: Facility<Outgoing> = {
			capability: "action",
			take: () => false,
			closed: (refused) => void ends.push(refused),
		};
		for (const [code, reason] of [
			[1000, "bye"],
			[4001, "Invalid execution 7"],
		] as const) {
			const { up } = bench(facility);
			(await up()).over({ code, reason, remote: true });
		}
		assert.deepEqual(ends, [undefined, "Invalid execution 7"]);
	});
});

describe("the end of RDFM's link", () => {
	const closed = (code: number, reason = ""): ConversationEnd => ({ code, reason, remote: true });
	const refused = (status: number, headers: readonly (readonly [string, string])[] = []): ConversationEnd =>
		new RefusedError("refused", status, new Map(headers), "");

	const meanings: readonly (readonly [string, ConversationEnd, "retry" | "wait" | "rest", ErrorCode])[] = [
		["1000", closed(1000), "retry", "server.link-closed"],
		["1001", closed(1001), "retry", "server.link-closed"],
		["1003", closed(1003), "retry", "server.message-refused"],
		["1008", closed(1008, "Ping/Pong timeout"), "retry", "server.link-closed"],
		["4000", closed(4000), "retry", "server.link-closed"],
		["4001", closed(4001, "invalid request"), "retry", "server.message-refused"],
		["4002", closed(4002), "wait", "server.duplicate-link"],
		["no goodbye", new FleetlingError("websocket.lost", "x"), "retry", "websocket.lost"],
		["no approval", new FleetlingError("server.not-approved", "x"), "rest", "server.not-approved"],
		["status 401", refused(401), "retry", "server.token-refused"],
		["status 404", refused(404), "retry", "server.refused"],
		["status 500", refused(500), "retry", "server.failed"],
		["status 503", refused(503), "retry", "server.busy"],
	];
	for (const [name, end, kind, code] of meanings)
		it(`${name}: ${kind}, ${code}`, () => {
			const verdict = judge("RDFM server x", end);
			assert.equal(verdict.kind, kind);
			assert.equal(verdict.error.code, code);
			// Judged again it stays what it is: it comes back from whoever has given the token.
			assert.equal(judge("RDFM server x", verdict.error).error, verdict.error);
		});

	it("waits for a minute when the server still holds another connection", () => {
		const verdict = judge("x", closed(4002));
		assert.equal(verdict.kind === "wait" && verdict.milliseconds, 60_000);
	});

	it("quotes the server's reason, shortened", () => {
		assert.include(judge("x", closed(4001, "Invalid execution 7")).error.message, '4001 "Invalid execution 7"');
		assert.ok(judge("x", closed(4001, "y".repeat(123))).error.message.length < 330);
	});

	it("passes on when the server wants to be asked again", () => {
		const { error } = judge("x", refused(503, [["retry-after", "7"]]));
		assert.ok(error instanceof ServerError && error.retryAfter === 7000);
		const again = judge("x", error);
		assert.equal(again.kind === "retry" && again.wait, 7000);
	});
});
