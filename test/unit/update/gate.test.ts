import { assert } from "chai";
import { deadlines, intervals } from "fleetling/common/deadlines";
import { type Consent, Gate, type UpdatePolicy } from "fleetling/update/gate";
import { UpdateWindow } from "fleetling/update/window";
import { describe, it } from "test/harness";
import Time from "time";
import { Lines } from "../fakes/log";

const hour = 3_600_000;
const day = 24 * hour;
/** Midnight, UTC. */
const midnight = 20_780 * day;
const view = { id: "7", from: "1.0.0", version: undefined };

function windowOf(text: string): UpdateWindow {
	const window = UpdateWindow.parse(text);
	if (window === undefined) throw new Error(text);
	return window;
}

describe("update window", () => {
	const cases: readonly (readonly [string, number, number])[] = [
		["01:00-05:00", 1, 0],
		["01:00-05:00", 4.99, 0],
		["01:00-05:00", 5, 20],
		["01:00-05:00", 0, 1],
		["22:30-02:00", 23, 0],
		["22:30-02:00", 1, 0],
		["22:30-02:00", 2, 20.5],
		["22:30-02:00", 22, 0.5],
		["00:00-23:59", 12, 0],
	];
	for (const [text, hours, wait] of cases)
		it(`${text} at ${hours} h opens in ${wait} h`, () => {
			assert.approximately(windowOf(text).wait(midnight + hours * hour), wait * hour, 1);
		});

	it("is never more than a day away, whatever the clock says", () => {
		const window = windowOf("03:00-03:01");
		for (const now of [0, 1, -1, -5 * day, midnight, 2 ** 52]) {
			const wait = window.wait(now);
			assert.isTrue(wait >= 0 && wait < day, `${now}: ${wait}`);
		}
	});

	it("is written as it is read", () => {
		for (const text of ["01:00-05:00", "22:30-02:00", "00:00-00:01"]) assert.equal(String(windowOf(text)), `${text} UTC`);
		assert.equal(String(windowOf(" 01:00 - 05:00 ")), "01:00-05:00 UTC");
	});

	for (const text of [
		"",
		"-",
		"01:00",
		"1:00-5:00",
		"01:00-05:00-07:00",
		"24:00-05:00",
		"01:60-05:00",
		"01.00-05.00",
		"0x:00-05:00",
	])
		it(`is not "${text}"`, () => assert.isUndefined(UpdateWindow.parse(text)));
});

class GateBench {
	readonly log = new Lines();
	now = midnight;
	uptime = 0;
	asked: string[] = [];
	answer: Consent | Promise<Consent> | Error = true;
	readonly policy: UpdatePolicy = {
		allows: (step, { id }) => {
			this.asked.push(`${step} ${id}`);
			if (this.answer instanceof Error) throw this.answer;
			return this.answer;
		},
	};
	readonly gate = new Gate({
		log: this.log.tag(),
		clock: () => this.now,
		ticks: () => this.uptime,
		random: () => 0.5,
	});
}

describe("gate", () => {
	it("is open when nobody has anything against it", async () => {
		const { gate } = new GateBench();
		assert.equal(await gate.ask("download", view), 0);
		gate.rules = { policy: {} };
		assert.equal(await gate.ask("restart", view), 0);
	});

	it("waits for the window, and a little longer, so that not all devices come at once", async () => {
		const { gate } = new GateBench();
		gate.rules = { window: windowOf("01:00-05:00") };
		assert.equal(await gate.ask("download", view), hour + intervals.windowSpread / 2);
		gate.rules = { window: windowOf("01:00-01:04") };
		assert.equal(await gate.ask("download", view), hour + 30_000, "a quarter of a short window at most");
	});

	it("says once what it waits for", async () => {
		const bench = new GateBench();
		bench.gate.rules = { window: windowOf("01:00-05:00"), policy: bench.policy };
		for (let polls = 0; polls < 3; polls++) await bench.gate.ask("download", view);
		assert.equal(bench.log.lines.length, 1);
		assert.include(bench.log.lines[0], "update 7 waits for the update window 01:00-05:00 UTC");
		assert.deepEqual(bench.asked, [], "the application is asked when it matters");
		bench.now += 2 * hour;
		bench.answer = false;
		for (let polls = 0; polls < 3; polls++) await bench.gate.ask("restart", view);
		assert.equal(bench.log.with("not now").length, 1);
		assert.include(bench.log.with("not now")[0], "is in its slot");
	});

	it("asks again when the time is over that the application wanted", async () => {
		const bench = new GateBench();
		bench.gate.rules = { policy: bench.policy };
		bench.answer = 10_000;
		assert.equal(await bench.gate.ask("download", view), 10_000);
		bench.uptime += 4_000;
		assert.equal(await bench.gate.ask("download", view), 6_000);
		assert.equal(bench.asked.length, 1);
		bench.uptime += 6_000;
		bench.answer = true;
		assert.equal(await bench.gate.ask("download", view), 0);
		assert.deepEqual(bench.asked, ["download 7", "download 7"]);
	});

	it("asks again for another step, another update, and when something has changed", async () => {
		const bench = new GateBench();
		bench.gate.rules = { policy: bench.policy };
		bench.answer = false;
		assert.equal(await bench.gate.ask("download", view), intervals.askAgain);
		await bench.gate.ask("restart", view);
		await bench.gate.ask("restart", { ...view, id: "8" });
		bench.gate.reset();
		await bench.gate.ask("restart", { ...view, id: "8" });
		assert.deepEqual(bench.asked, ["download 7", "restart 7", "restart 8", "restart 8"]);
	});

	it("leaves nobody alone for more than a day", async () => {
		const bench = new GateBench();
		bench.gate.rules = { policy: bench.policy };
		bench.answer = Number.POSITIVE_INFINITY;
		assert.equal(await bench.gate.ask("download", view), day);
	});

	for (const answer of [0, -1, Number.NaN])
		it(`takes ${answer} for a yes`, async () => {
			const bench = new GateBench();
			bench.gate.rules = { policy: bench.policy };
			bench.answer = answer;
			assert.equal(await bench.gate.ask("download", view), 0);
		});

	it("is not stopped by an application's mistake", async () => {
		const bench = new GateBench();
		bench.gate.rules = { policy: bench.policy };
		for (const answer of [new Error("oops"), Promise.reject(new Error("oops"))]) {
			bench.answer = answer;
			assert.equal(await bench.gate.ask("download", view), 0);
		}
		assert.equal(bench.log.with("oops").length, 2);
	});

	it("does not wait for ever for an answer", async () => {
		const bench = new GateBench();
		bench.gate.rules = { policy: bench.policy };
		bench.answer = new Promise(() => {});
		const asked = Time.ticks;
		assert.equal(await bench.gate.ask("download", view), 0);
		assert.approximately(Time.ticks - asked, deadlines.consent, 1_000);
		assert.equal(bench.log.with("did not say in time").length, 1);
	});
});
