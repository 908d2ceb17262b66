/** The whole firmware: when an update has to wait, is called off, is remembered, or is tried again. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Fault } from "../../targets/host/tools/firmware";
import { selectedSlot } from "../../targets/host/tools/slots";
import { Fleet, type FleetOptions, oldVersion } from "./fleet";

/** Midnight of a day whose certificates and dates do not matter, in seconds since 1970. */
const midnight = 20_780 * 86_400;

describe("device: an update that has to wait", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	const downloads = (): number => fleet.server.log.of("download").length;
	const times = (pattern: RegExp): number => fleet.running.output.match(new RegExp(pattern, "g"))?.length ?? 0;

	it("for its window: says so once, goes on checking in, and starts when it opens", async () => {
		fleet = await Fleet.start({
			plain: true,
			settings: { updateWindow: "01:00-01:01" },
			arguments: ["--clock", String(midnight + 3_600 - 12)],
		});
		await fleet.offerFirmware("1.1.0");
		for (let polls = 0; polls < 3; polls++) await fleet.checked(200);
		assert.equal(downloads(), 0);
		assert.equal(times(/waits for the update window 01:00-01:01 UTC/), 1);
		await fleet.confirmed("1.1.0");
		assert.equal(downloads(), 1);
	});

	it("because the application says not now, before the download and before the restart: fetched once, tried when it may", async () => {
		fleet = await Fleet.start({ plain: true });
		await fleet.offerFirmware("1.0.1", { fault: "not-now" as Fault });
		await fleet.confirmed("1.0.1");
		await fleet.offerFirmware("1.1.0");
		const before = downloads();
		await fleet.confirmed("1.1.0");
		assert.equal(downloads() - before, 1);
		assert.equal(times(/waits: the application says not now/), 2);
		assert.equal(times(/asked about the download/), 2);
		assert.equal(times(/asked about the restart/), 2);
	});

	it("for the restart, when the power goes: is tried without being fetched again", async () => {
		fleet = await Fleet.start({ plain: true });
		await fleet.offerFirmware("1.0.1", { fault: "not-now" as Fault });
		await fleet.confirmed("1.0.1");
		await fleet.offerFirmware("1.1.0");
		const before = downloads();
		await fleet.says(/is in its slot and waits/);
		// The record of it follows the line, and comes before the next poll.
		await fleet.checked(200);
		await fleet.running.cutPower();
		await fleet.switchOn();
		await fleet.confirmed("1.1.0");
		assert.equal(downloads() - before, 1);
	});

	it("because the application calls it off: stops at once and is not fetched again, over a restart too", async () => {
		fleet = await Fleet.start({ plain: true });
		await fleet.offerFirmware("1.0.1", { fault: "calls-off" as Fault });
		await fleet.confirmed("1.0.1");
		await fleet.offerFirmware("1.1.0");
		const before = downloads();
		await fleet.says(/was called off: the machine is running/);
		for (let polls = 0; polls < 2; polls++) await fleet.checked(200);
		await fleet.running.cutPower();
		await fleet.switchOn();
		for (let polls = 0; polls < 2; polls++) await fleet.checked(200);
		assert.equal(downloads() - before, 1);
		assert.equal(selectedSlot(fleet.flash)?.label, "ota_1", "1.0.1 runs on");
	});
});

describe("device: a package that failed", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	it("is remembered over restarts, until its time is over", async () => {
		const settings = { retryFailHours: "5" };
		const start: FleetOptions = { plain: true, settings };
		fleet = await Fleet.start(start);
		await fleet.running.cutPower();
		const at = (hours: number): string[] => ["--clock", String(midnight + Math.round(hours * 3_600))];
		const downloads = (): number => fleet.server.log.of("download").length;
		await fleet.switchOn(at(0));
		await fleet.offerFirmware("1.1.0", { chipId: 9 });
		await fleet.says(/image\.wrong-chip/);
		// What is not stored yet when the power goes is not remembered. It is stored before the next poll.
		await fleet.checked(200);
		for (const [hours, expected] of [
			[1, 1],
			[4.9, 1],
			[5.1, 2],
			[14.9, 2],
			[15.2, 3],
		] as const) {
			await fleet.running.cutPower();
			await fleet.switchOn(at(hours));
			for (let polls = 0; polls < 2; polls++) await fleet.checked(200);
			assert.equal(downloads(), expected, `after ${hours} hours`);
		}
		await fleet.offerFirmware("1.2.0");
		await fleet.confirmed("1.2.0");
	});
});

describe("device: a trial that the supply ends", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	/** Cuts the power while the new firmware is on trial; it comes back with that reason of reset. */
	async function cutTrial(reason: string): Promise<void> {
		await fleet.running.until("the trial", ({ version }) => version === "1.1.0");
		await fleet.says(/is on trial/);
		await fleet.running.cutPower();
		await fleet.switchOn(["--reset-reason", reason]);
	}

	it("is repeated without fetching anything, and ends well", async () => {
		fleet = await Fleet.start({ plain: true });
		await fleet.offerFirmware("1.1.0");
		// On trial the server does not answer: that leaves time to cut the power.
		fleet.server.faults.serverError("any", { times: Number.POSITIVE_INFINITY, when: () => fleet.running.version === "1.1.0" });
		await cutTrial("brown-out");
		await fleet.says(/was rolled back: the supply voltage broke down during its trial; it is tried again/);
		fleet.server.faults.clear();
		await fleet.confirmed("1.1.0");
		await fleet.says(/it has 270 s to check in/);
		assert.equal(fleet.server.log.of("download").length, 1);
	});

	it("again and again is the firmware's own fault in the end, remembered and said", async function () {
		this.timeout(90_000);
		fleet = await Fleet.start({ plain: true, settings: { checkInSeconds: "60" } });
		await fleet.offerFirmware("1.1.0", { fault: "offline" });
		for (const reason of ["brown-out", "power-on", "brown-out"]) await cutTrial(reason);
		await fleet.says(/E \(\d+\) update: version 1\.1\.0 was rolled back: the supply voltage broke down/);
		await fleet.says(/update\.known-bad/);
		assert.equal(fleet.server.log.of("download").length, 1);
		assert.equal(fleet.running.version, oldVersion);
	});

	for (const [reason, text] of [
		["panic", "crashed"],
		["watchdog", "hung"],
	] as const)
		it(`${reason} is not the supply: rolled back at once, because it ${text}`, async () => {
			fleet = await Fleet.start({ plain: true, settings: { checkInSeconds: "60" } });
			await fleet.offerFirmware("1.1.0", { fault: "offline" });
			await cutTrial(reason);
			await fleet.says(new RegExp(`was rolled back: it ${text}`));
			await fleet.says(/update\.known-bad/);
		});
});

describe("device: a poll with a token that has ended meanwhile", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	it("is two requests on one connection, and none that is refused", async function () {
		this.timeout(60_000);
		// As with RDFM's 300 s and polls of 900 s: the hint ends before the next poll.
		fleet = await Fleet.start({ server: { flavour: "gunicorn", tokenLifetime: 30 }, settings: { pollSeconds: "28" } });
		const before = fleet.server.log.records.length;
		await fleet.checked(204, 40_000);
		await pause(500);
		const poll = fleet.server.log.records.slice(before);
		assert.deepEqual(
			poll.map(({ route, status }) => [route, status]),
			[
				["auth", 200],
				["check", 204],
			],
		);
		assert.equal(new Set(poll.map(({ connection }) => connection)).size, 1);
	});
});
