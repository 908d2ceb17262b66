import { assert } from "chai";
import type { Conversation, ConversationEnd, Listener } from "fleetling/common/conversation";
import { intervals } from "fleetling/common/deadlines";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { Link, type LinkProtocol, type Verdict } from "fleetling/management/link";
import { describe, it } from "test/harness";
import Time from "time";
import { FakeConversation } from "../fakes/conversation";
import { Lines } from "../fakes/log";

const lost = new FleetlingError("websocket.lost", "the connection is gone");
const refusedToken = new FleetlingError("server.token-refused", "another token");

/** A link whose server, tokens and judgement are the test's. */
class Bench implements LinkProtocol {
	readonly log = new Lines();
	readonly conversations: FakeConversation[] = [];
	/** Milliseconds at which each connection was begun. */
	readonly times: number[] = [];
	readonly tokens: string[] = [];
	readonly heard: (string | ArrayBuffer)[] = [];
	readonly closings: ConversationEnd[] = [];
	openings = 0;
	verdict: (end: ConversationEnd) => Verdict = (end) => ({ kind: "retry", error: end instanceof FleetlingError ? end : lost });
	/** What happens when a token is asked for. */
	grant: () => Promise<string> = async () => `t${this.tokens.length + 1}`;
	/** Of the random numbers that pauses are made of. */
	chance = 0.1;
	/** A connection that has held for so long was a good one; the link's own figure when absent. */
	readonly stable: number | undefined;
	readonly link: Link;

	constructor(stable?: number) {
		this.stable = stable;
		this.link = this.#make();
	}

	readonly #make = (): Link =>
		new Link({
			protocol: this,
			...(this.stable !== undefined && { stable: this.stable }),
			log: this.log.tag("rdfm"),
			random: () => this.chance,
			// Like the agent's: another token when the first one is refused.
			authorized: async (work) => {
				try {
					await work(await this.grant());
				} catch (error) {
					if (!(error instanceof FleetlingError) || error.code !== "server.token-refused") throw error;
					await work(await this.grant());
				}
			},
		});

	open(token: string, listener: Listener): Conversation {
		this.tokens.push(token);
		this.times.push(Time.ticks);
		const conversation = new FakeConversation({ url: "http://server" }, listener);
		this.conversations.push(conversation);
		return conversation;
	}

	opened(): void {
		this.openings += 1;
	}

	received(message: string | ArrayBuffer): void {
		this.heard.push(message);
	}

	closed(end: ConversationEnd): void {
		this.closings.push(end);
	}

	judge(end: ConversationEnd): Verdict {
		return this.verdict(end);
	}

	/** The connection of that number, as soon as it is begun. */
	async nth(count: number): Promise<FakeConversation> {
		for (let waited = 0; waited < 4000; waited += 5) {
			const conversation = this.conversations[count - 1];
			if (conversation !== undefined) return conversation;
			await sleep(5);
		}
		throw new Error(`connection ${count} was never begun: ${this.log.lines.join("\n")}`);
	}

	/** Starts it and has the server accept. */
	async up(): Promise<FakeConversation> {
		this.link.start();
		const conversation = await this.nth(1);
		conversation.open();
		return conversation;
	}
}

describe("management link", () => {
	it("connects once, however often it is started", async () => {
		const bench = new Bench();
		bench.link.start();
		bench.link.start();
		(await bench.nth(1)).open();
		bench.link.start();
		await sleep(20);
		assert.equal(bench.conversations.length, 1);
		assert.equal(bench.openings, 1);
		assert.equal(bench.link.state, "open");
		await Promise.all([bench.link.stop(), (async () => bench.conversations[0]?.over())()]);
	});

	it("hands on what it hears, and nothing after it was stopped", async () => {
		const bench = new Bench();
		const conversation = await bench.up();
		conversation.say("a");
		const stopped = bench.link.stop();
		conversation.say("b");
		assert.deepEqual(bench.heard, ["a"]);
		assert.equal(conversation.goodbye, 1001);
		let done = false;
		void stopped.then(() => {
			done = true;
		});
		await sleep(10);
		assert.isFalse(done, "it has to wait for the server's goodbye");
		conversation.over();
		await stopped;
		assert.equal(bench.link.state, "idle");
		assert.equal(bench.closings.length, 1);
		await sleep(300);
		assert.equal(bench.conversations.length, 1, "it must not come back by itself");
	});

	it("can be stopped twice at the same time, and be started again", async () => {
		const bench = new Bench();
		const conversation = await bench.up();
		const both = Promise.all([bench.link.stop(), bench.link.stop()]);
		conversation.over();
		await both;
		bench.link.start();
		(await bench.nth(2)).open();
		assert.equal(bench.link.state, "open");
	});

	it("gives up a connection that is not open yet when it is stopped", async () => {
		const bench = new Bench();
		bench.link.start();
		const conversation = await bench.nth(1);
		await bench.link.stop();
		assert.isTrue(conversation.closed);
		await sleep(300);
		assert.equal(bench.conversations.length, 1);
		assert.deepEqual(bench.log.lines, []);
	});

	it("does not connect when it was stopped while it waited for a token", async () => {
		const bench = new Bench();
		let give: (token: string) => void = () => {};
		bench.grant = () =>
			new Promise((resolve) => {
				give = resolve;
			});
		bench.link.start();
		await sleep(5);
		await bench.link.stop();
		give("late");
		await sleep(20);
		assert.equal(bench.conversations.length, 0);
		assert.equal(bench.link.state, "idle");
	});

	it("takes another token at once when the first one is refused", async () => {
		const bench = new Bench();
		bench.verdict = (end) => ({ kind: "retry", error: end === lost ? refusedToken : (end as FleetlingError) });
		bench.link.start();
		(await bench.nth(1)).over(lost);
		const second = await bench.nth(2);
		second.open();
		assert.deepEqual(bench.tokens, ["t1", "t2"]);
		assert.ok(Time.delta(bench.times[0] ?? 0) < intervals.retryFloor);
		assert.deepEqual(bench.log.lines, []);
	});

	it("comes back after pauses that grow, and says the same trouble once", async () => {
		const bench = new Bench();
		bench.chance = 0.3;
		bench.link.start();
		for (let round = 1; round <= 3; round++) (await bench.nth(round)).over(lost);
		await bench.nth(4);
		const pauses = bench.times.slice(1).map((time, at) => time - (bench.times[at] ?? 0));
		// 0.3 of 1, 2 and 4 s.
		for (const [at, expected] of [300, 600, 1200].entries()) {
			const pause = pauses[at] ?? 0;
			assert.ok(pause >= expected - 2 && pause < expected + 250, `${pauses.join(", ")}`);
		}
		assert.equal(bench.log.with("W (").length, 1);
	});

	it("goes on growing when connections open and are lost at once", async () => {
		const bench = new Bench();
		bench.chance = 0.3;
		const first = await bench.up();
		first.over(lost);
		for (let round = 2; round <= 3; round++) {
			const conversation = await bench.nth(round);
			conversation.open();
			conversation.over(lost);
		}
		await bench.nth(4);
		const last = (bench.times[3] ?? 0) - (bench.times[2] ?? 0);
		assert.ok(last >= 1198, `${last} ms`);
	});

	it("begins with short pauses again after a connection that has held", async () => {
		const bench = new Bench(50);
		bench.chance = 0.3;
		bench.link.start();
		for (let round = 1; round <= 2; round++) (await bench.nth(round)).over(lost);
		const third = await bench.nth(3);
		third.open();
		await sleep(80);
		third.over(lost);
		const lostAt = Time.ticks;
		await bench.nth(4);
		const pause = (bench.times[3] ?? 0) - lostAt;
		// 0.3 of 1 s; it would be 0.3 of 4 s.
		assert.ok(pause >= 298 && pause < 900, `${pause} ms`);
	});

	it("waits as long as it is told without growing pauses", async () => {
		const bench = new Bench();
		bench.chance = 0.5;
		const wait: Verdict = { kind: "wait", error: new FleetlingError("server.duplicate-link", "busy"), milliseconds: 100 };
		bench.verdict = () => wait;
		const first = await bench.up();
		first.over();
		for (let round = 2; round <= 4; round++) {
			const conversation = await bench.nth(round);
			conversation.open();
			conversation.over();
		}
		await bench.nth(5);
		for (const [at, time] of bench.times.slice(1).entries()) {
			const pause = time - (bench.times[at] ?? 0);
			assert.ok(pause >= 100 && pause < 350, `${pause} ms`);
		}
		// The back-off has not moved: the first failure of its own kind waits as a first one does.
		bench.verdict = () => ({ kind: "retry", error: lost });
		const before = Time.ticks;
		(await bench.nth(5)).over(lost);
		await bench.nth(6);
		assert.ok(Time.delta(before) < 750, `${Time.delta(before)} ms`);
	});

	it("obeys a server that says when to come back", async () => {
		const bench = new Bench();
		bench.chance = 0;
		bench.verdict = () => ({ kind: "retry", error: lost, wait: 600 });
		bench.link.start();
		(await bench.nth(1)).over(lost);
		await bench.nth(2);
		assert.ok((bench.times[1] ?? 0) - (bench.times[0] ?? 0) >= 598);
	});

	it("rests until it is started again when there is no point in trying", async () => {
		const bench = new Bench();
		const notApproved = new FleetlingError("server.not-approved", "a person has to approve it");
		bench.grant = () => Promise.reject(notApproved);
		bench.verdict = (end) => ({ kind: "rest", error: end as FleetlingError });
		bench.link.start();
		await sleep(300);
		assert.equal(bench.link.state, "idle");
		bench.grant = async () => "good";
		bench.link.start();
		(await bench.nth(1)).open();
		assert.deepEqual(bench.tokens, ["good"]);
	});

	it("is renewed with a goodbye and a pause, and without a warning", async () => {
		const bench = new Bench();
		const first = await bench.up();
		bench.link.renew();
		bench.link.renew();
		assert.equal(first.goodbye, 1001);
		const before = Time.ticks;
		first.over();
		(await bench.nth(2)).open();
		assert.ok(Time.delta(before) >= intervals.linkRetryBase - 2);
		assert.equal(bench.log.with("W (").length, 0);
		assert.equal(bench.conversations.length, 2);
	});

	it("is not renewed when it is stopped meanwhile", async () => {
		const bench = new Bench();
		const first = await bench.up();
		bench.link.renew();
		const stopped = bench.link.stop();
		first.over();
		await stopped;
		await sleep(intervals.linkRetryBase + 100);
		assert.equal(bench.conversations.length, 1);
	});

	it("says when it works again", async () => {
		const bench = new Bench();
		const first = await bench.up();
		bench.link.established();
		first.over(lost);
		(await bench.nth(2)).open();
		bench.link.established();
		const texts = bench.log.lines.map((line) => line.charAt(0) + line.slice(line.indexOf(":")));
		assert.deepEqual(
			texts.filter((text) => text.startsWith("I")),
			["I: the management link is open", "I: the management link is open again"],
		);
	});
});
