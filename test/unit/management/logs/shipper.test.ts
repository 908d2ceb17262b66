import { assert } from "chai";
import { ServerError } from "fleetling/agent/server";
import { intervals, limits } from "fleetling/common/deadlines";
import { Log } from "fleetling/common/log";
import { LogMemory } from "fleetling/common/log-memory";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { type LogMessage, LogShipper, type LogShipperOptions } from "fleetling/management/logs/shipper";
import { logBatch } from "fleetling/servers/rdfm/messages";
import { describe, it } from "test/harness";

const now = Date.UTC(2026, 10, 21, 21, 30, 41);

class Bench {
	ticks = 1_000;
	quiet = true;
	/** What the next batches end with; well when there is none. */
	readonly ends: unknown[] = [];
	readonly batches: (readonly LogMessage[])[] = [];
	readonly memory: LogMemory;
	readonly log: Log;
	readonly shipper: LogShipper;

	constructor(options: Partial<LogShipperOptions> = {}, size = 4_096) {
		this.memory = new LogMemory(size);
		this.log = new Log({ sink: (line) => this.memory.add(line, this.ticks), ticks: () => this.ticks });
		this.log.levels = { level: "debug", tags: {} };
		this.shipper = new LogShipper(
			{
				memory: this.memory,
				level: "info",
				now: () => now,
				ticks: () => this.ticks,
				quiet: () => this.quiet,
				random: () => 0,
				log: this.log.tag("logs"),
				...options,
			},
			async (messages) => {
				this.batches.push(messages);
				const end = this.ends.shift();
				if (end !== undefined) throw end;
			},
		);
	}

	get texts(): readonly string[] {
		return this.batches.flatMap((batch) => batch.map(({ text }) => text));
	}

	/** Lets it send once. */
	async turn(count = 1): Promise<void> {
		this.shipper.nudge();
		const wanted = this.batches.length + count;
		for (let waited = 0; this.batches.length < wanted; waited += 20) {
			if (waited > 10_000) throw new Error("nothing came");
			await sleep(20);
		}
		await sleep(5);
	}
}

describe("taking the log to the server", () => {
	it("takes lines of its level and above, with name and time, once", async () => {
		const bench = new Bench();
		bench.log.tag("main").info("version 1.0.0");
		bench.log.tag("main").debug("not wanted");
		bench.ticks = 3_500;
		bench.log.tag("update").warn("no");
		bench.ticks = 4_000;
		await bench.turn();
		assert.deepEqual(bench.batches, [
			[
				{ time: now - 3_000, name: "main", text: "I (1000) main: version 1.0.0" },
				{ time: now - 500, name: "update", text: "W (3500) update: no" },
			],
		]);
		bench.log.tag("main").error("more");
		await bench.turn();
		assert.deepEqual(bench.texts.slice(2), ["E (4000) main: more"]);
		bench.shipper.stop();
	});

	it("waits while there is something else to do, and does not begin by itself", async () => {
		const bench = new Bench();
		bench.log.tag("main").info("a");
		await sleep(intervals.logSettle + 100);
		bench.quiet = false;
		bench.shipper.nudge();
		await sleep(intervals.logSettle + 100);
		assert.equal(bench.batches.length, 0);
		bench.quiet = true;
		await bench.turn();
		assert.equal(bench.texts.length, 1);
		bench.shipper.stop();
	});

	it("sends nothing when there is nothing, not even about itself or the connections", async () => {
		const bench = new Bench({ level: "debug" });
		bench.log.tag("logs").warn("trouble");
		bench.log.tag("web").debug("closed");
		bench.shipper.nudge();
		await sleep(intervals.logSettle + 100);
		assert.equal(bench.batches.length, 0);
		bench.shipper.stop();
	});

	it("sends much in batches, in order", async () => {
		const bench = new Bench();
		for (let index = 0; index < limits.logBatch + 3; index++) bench.log.tag("main").info(`line ${index}`);
		await bench.turn(2);
		assert.deepEqual(
			bench.batches.map(({ length }) => length),
			[limits.logBatch, 3],
		);
		assert.deepEqual(
			bench.texts.map((text) => text.slice(-2).trim()),
			Array.from({ length: limits.logBatch + 3 }, (_, index) => String(index)),
		);
		const long = new Bench();
		for (let index = 0; index < 12; index++) long.log.tag("main").info("x".repeat(230));
		await long.turn(2);
		assert.isAtMost(logBatch(long.batches[0] ?? []).length, 4_096);
		bench.shipper.stop();
		long.shipper.stop();
	});

	it("says how many lines are lost, once", async () => {
		const bench = new Bench({}, 200);
		for (let index = 0; index < 20; index++) bench.log.tag("main").info(`line ${index}`);
		await bench.turn();
		const [first, second] = bench.batches[0] ?? [];
		const lost = Number(/^W \(1000\) logs: (\d+) lines before this one are lost$/.exec(first?.text ?? "")?.[1]);
		assert.equal(first?.name, "logs");
		assert.equal(second?.text, `I (1000) main: line ${lost}`);
		bench.log.tag("main").info("more");
		await bench.turn();
		assert.deepEqual(bench.texts.slice(-1), ["I (1000) main: more"]);
		assert.equal(bench.texts.filter((text) => text.includes("lost")).length, 1);
		bench.shipper.stop();
	});

	it("repeats what did not get there, after a pause, and says so once", async () => {
		const bench = new Bench({ random: () => 0 });
		bench.ends.push(new FleetlingError("net.reset", "gone"), new FleetlingError("net.reset", "gone"));
		bench.log.tag("main").info("a");
		await bench.turn(3);
		assert.deepEqual(bench.texts, ["I (1000) main: a", "I (1000) main: a", "I (1000) main: a"]);
		let own = 0;
		for (let entry = bench.memory.read(0); entry !== undefined; entry = bench.memory.read(entry.next))
			if (entry.line.includes("logs: ")) own++;
		assert.equal(own, 1);
		bench.shipper.stop();
	});

	it("keeps the pause that a server asks for, whatever nudges it", async () => {
		const bench = new Bench();
		bench.ends.push(new ServerError("server.busy", "later", 503, 60_000));
		bench.log.tag("main").info("a");
		await bench.turn();
		for (let times = 0; times < 5; times++) bench.shipper.nudge();
		await sleep(intervals.logSettle + 200);
		assert.equal(bench.batches.length, 1);
		bench.shipper.stop();
	});

	it("gives up what the server refuses, and counts it", async () => {
		const bench = new Bench();
		bench.ends.push(new FleetlingError("server.refused", "no"));
		bench.log.tag("main").info("bad");
		bench.log.tag("main").info("bad, too");
		await bench.turn();
		bench.log.tag("main").info("good");
		await bench.turn();
		assert.deepEqual(bench.texts.slice(2), ["W (1000) logs: 2 lines before this one are lost", "I (1000) main: good"]);
		bench.shipper.stop();
	});

	it("takes no connection from anybody: tries again later, without a word", async () => {
		const bench = new Bench({ level: "debug" });
		bench.ends.push(new FleetlingError("http.busy", "an update has it"));
		bench.log.tag("main").info("a");
		await bench.turn();
		await bench.turn();
		assert.deepEqual(bench.texts, ["I (1000) main: a", "I (1000) main: a"]);
		assert.equal(bench.memory.end, 1);
		bench.shipper.stop();
	});

	it("stops for good", async () => {
		const bench = new Bench();
		bench.log.tag("main").info("a");
		bench.shipper.nudge();
		bench.shipper.stop();
		bench.shipper.nudge();
		await sleep(intervals.logSettle + 100);
		assert.equal(bench.batches.length, 0);
	});
});

describe("RDFM's batch of lines", () => {
	it("has dates in GMT and nothing but texts", () => {
		const batch = logBatch([{ time: now + 999, name: "main", text: "I (1) main: a" }]);
		assert.deepEqual(JSON.parse(batch), {
			batch: [{ device_timestamp: "Sat, 21 Nov 2026 21:30:41 GMT", name: "main", entry: "I (1) main: a" }],
		});
		assert.equal(logBatch([]), '{"batch":[]}');
	});
});
