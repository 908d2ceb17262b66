import { assert } from "chai";
import { limits } from "fleetling/common/deadlines";
import type { ResetReason } from "fleetling/common/device";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";
import { Bench, good, installed, offerOf, onTrial } from "../fakes/bench";
import { rejects } from "../fakes/errors";
import { image } from "../fakes/image";
import { otaFailure } from "../fakes/slots";

describe("a trial", () => {
	it("that does not check in is rolled back within its deadline", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(30);
		await sleep(250);
		assert.deepEqual(bench.states, ["verify", "rollback"]);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
		assert.deepInclude(bench.record, { state: "rollback", failure: "no-check-in" });
	});

	it("that was given up is rolled back at once", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(60_000);
		bench.updater.giveUp();
		await sleep(200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("without a deadline left is rolled back at once", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(0);
		await sleep(200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("does not take another offer", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(1_000);
		assert.equal(bench.updater.refusal(offerOf(image({ version: "1.2.0" })))?.code, "update.busy");
		await bench.updater.checkedIn();
	});

	it("with nothing to go back to waits for its check-in without a deadline", async () => {
		const bench = (await installed()).next({ ...onTrial, canRollBack: false });
		bench.updater.boot(10);
		await sleep(60);
		assert.deepEqual(bench.slots.calls, []);
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["confirm"]);
	});

	it("whose rollback fails can still be confirmed", async () => {
		const bench = (await installed()).next(onTrial);
		bench.slots.fail = { call: "rollBack", error: otaFailure() };
		bench.updater.boot(10);
		await sleep(200);
		assert.isTrue(bench.updater.onTrial);
		bench.slots.fail = undefined;
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["confirm"]);
		assert.isUndefined(bench.record);
	});

	it("whose rollback fails is not held to be bad when it was confirmed after all, over a power cut", async () => {
		const bench = (await installed()).next(onTrial);
		bench.observe({ report: () => Promise.reject(new FleetlingError("net.reset", "no network")) });
		bench.slots.fail = { call: "rollBack", error: otaFailure() };
		bench.updater.boot(10);
		await sleep(200);
		await bench.updater.checkedIn();
		assert.deepInclude(bench.record ?? {}, { state: "report", outcome: "success" });
		const next = bench.next({ ...onTrial, state: "valid", resetReason: "power-on" });
		assert.equal(next.updater.boot(1_000).kind, "unreported");
		assert.isUndefined(next.updater.lastFailure);
	});

	it("whose confirmation fails is rolled back", async () => {
		const bench = (await installed()).next(onTrial);
		bench.slots.fail = { call: "confirm", error: otaFailure() };
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("that goes on after a rollback that failed leaves the device as it was for the next update", async () => {
		const bench = (await installed()).next(onTrial);
		bench.slots.fail = { call: "rollBack", error: otaFailure() };
		bench.updater.boot(10);
		await sleep(200);
		bench.slots.fail = undefined;
		await bench.updater.checkedIn();
		const other = image({ version: "1.2.0" });
		await rejects("server.failed", () => bench.install(other, offerOf(other), 512));
		assert.deepEqual(await bench.install(other), { kind: "restarting" });
	});

	it("has more time after a brown-out, and after a trial that the supply has ended", async () => {
		const first = (await installed()).next({ ...onTrial, resetReason: "brown-out" });
		first.updater.boot(20_000);
		const back = (await installed()).next({ other: "aborted", resetReason: "brown-out" });
		back.updater.boot(20_000);
		await back.install(good);
		const second = back.next(onTrial);
		second.updater.boot(20_000);
		const ordinary = (await installed()).next(onTrial);
		ordinary.updater.boot(20_000);
		for (const [bench, seconds] of [
			[first, 60],
			[second, 60],
			[ordinary, 20],
		] as const) {
			assert.equal(bench.log.with(`it has ${seconds} s to check in`).length, 1);
			await bench.updater.checkedIn();
		}
	});

	it("after a brown-out does not end with the ordinary deadline, but with its own", async () => {
		const bench = (await installed()).next({ ...onTrial, resetReason: "brown-out" });
		bench.updater.boot(400);
		await sleep(600);
		assert.deepEqual(bench.slots.calls, []);
		await sleep(1_200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("that is called off between its check-in and its confirmation is rolled back", async () => {
		for (const by of ["server", "application"] as const) {
			const bench = (await installed()).next(onTrial);
			bench.observe({ entered: (state) => void (state === "commit" && assert.isTrue(bench.updater.cancel("stop", by))) });
			bench.updater.boot(60_000);
			assert.isFalse(await bench.updater.checkedIn());
			assert.deepEqual(bench.slots.calls, ["rollBack"]);
			assert.equal(bench.record?.failure, by === "server" ? "aborted" : "called-off");
		}
	});

	it("of an image from elsewhere follows the same rule", async () => {
		const bench = new Bench(onTrial);
		assert.equal(bench.updater.boot(1_000).kind, "trial");
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["confirm"]);
		assert.deepEqual(bench.ended, []);
	});

	it("of an image from elsewhere does not make the device forget what it still has to tell", async () => {
		const first = (await installed()).next({ other: "aborted", resetReason: "panic" });
		first.updater.boot(1_000);
		const second = first.next(onTrial);
		assert.equal(second.updater.boot(10).kind, "trial");
		await sleep(200);
		assert.deepEqual(second.slots.calls, ["rollBack"]);
		const third = second.next(onTrial);
		third.updater.boot(60_000);
		await third.updater.checkedIn();
		assert.deepEqual(third.slots.calls, ["confirm"]);
		assert.equal(third.ended.length, 1);
		assert.deepInclude(third.ended[0], { id: "7", outcome: "failure", code: "update.rolled-back" });
		assert.isUndefined(third.record);
	});
});

describe("a rollback", () => {
	const final: readonly (readonly [ResetReason, string])[] = [
		["panic", "crashed"],
		["restart", "crashed"],
		["watchdog", "hung"],
	];
	for (const [resetReason, text] of final)
		it(`after ${resetReason} is told, remembered and not tried again`, async () => {
			const bench = (await installed()).next({ other: "aborted", resetReason });
			assert.equal(bench.updater.boot(1_000).kind, "rolled-back");
			assert.equal(bench.log.with("version 1.1.0 was rolled back").length, 1);
			assert.include(bench.updater.lastFailure?.text, text);
			assert.equal(bench.updater.lastFailure?.version, "1.1.0");
			const refusal = bench.updater.refusal(offerOf(good));
			assert.equal(refusal?.code, "update.known-bad");
			assert.include(refusal?.message, text);
			const other = offerOf(image({ version: "1.2.0" }));
			assert.equal(bench.updater.refusal(other)?.code, "update.busy", "the server has to hear of this one first");
			assert.isTrue(await bench.updater.checkedIn());
			assert.deepInclude(bench.ended[0], { id: "7", outcome: "failure", code: "update.rolled-back" });
			assert.include(bench.ended[0]?.text, text);
			assert.isUndefined(bench.updater.refusal(other), "another package is welcome");
		});

	const supply: readonly (readonly [ResetReason, string])[] = [
		["power-on", "power went"],
		["brown-out", "voltage"],
		["other", "reset from outside"],
	];
	for (const [resetReason, text] of supply)
		it(`after ${resetReason} is said and repeated, without fetching anything`, async () => {
			const bench = (await installed()).next({ other: "aborted", resetReason });
			assert.equal(bench.updater.boot(1_000).kind, "rolled-back");
			assert.equal(bench.log.with(text).length, 1);
			assert.isUndefined(bench.updater.lastFailure);
			assert.isFalse(await bench.updater.checkedIn());
			assert.deepEqual(bench.ended, [], "it is not over");
			assert.deepEqual(await bench.install(good), { kind: "restarting" });
			assert.deepEqual(bench.starts, []);
			assert.deepEqual(bench.slots.calls, ["activate"]);
			assert.deepInclude(bench.record ?? {}, { state: "reboot", slot: "ota_1", version: "1.1.0", trials: 2 });
			const trial = bench.next(onTrial);
			trial.updater.boot(1_000);
			await trial.updater.checkedIn();
			assert.deepInclude(trial.ended[0], { id: "7", outcome: "success" });
		});

	it("for want of power is no reason to keep a package that the server has replaced", async () => {
		const bench = (await installed()).next({ other: "aborted", resetReason: "brown-out" });
		bench.updater.boot(1_000);
		const other = image({ version: "1.2.0", length: 2_000 });
		assert.deepEqual(await bench.install(other), { kind: "restarting" });
		assert.deepEqual(bench.starts, [0]);
		assert.deepInclude(bench.record ?? {}, { version: "1.2.0", trials: 1 });
	});

	it("that the new firmware announced is told as that", async () => {
		const trial = (await installed()).next(onTrial);
		trial.updater.boot(10);
		await sleep(200);
		const bench = trial.next({ other: "aborted", resetReason: "restart" });
		bench.updater.boot(1_000);
		assert.include(bench.updater.lastFailure?.text, "did not check in");
		assert.equal(bench.updater.refusal(offerOf(good))?.code, "update.known-bad");
	});

	it("keeps its reason when the power goes before it could be reported", async () => {
		const first = (await installed()).next({ other: "aborted", resetReason: "watchdog" });
		first.updater.boot(1_000);
		const second = first.next({ other: "aborted", resetReason: "power-on" });
		assert.equal(second.updater.boot(1_000).kind, "unreported");
		assert.include(second.updater.lastFailure?.text, "hung");
		await second.updater.checkedIn();
		assert.deepInclude(second.ended[0], { outcome: "failure", code: "update.rolled-back" });
		assert.equal(second.next({ other: "aborted" }).updater.boot(1_000).kind, "ordinary");
	});

	it("that was interrupted is carried out", async () => {
		const trial = (await installed()).next(onTrial);
		trial.slots.fail = { call: "rollBack", error: otaFailure() };
		trial.updater.boot(10);
		await sleep(200);
		const bench = trial.next({ ...onTrial, resetReason: "power-on" });
		assert.equal(bench.updater.boot(1_000).kind, "rollback-due");
		await sleep(200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("that a bootloader never carries out has an end: the firmware that runs may stay, and the server hears of it", async () => {
		let bench = (await installed()).next(onTrial);
		let rollbacks = 0;
		const looked = async (done: () => boolean): Promise<void> => {
			for (let left = 500; left > 0 && !done(); left--) await sleep(10);
			assert.isTrue(done(), bench.log.lines.join("\n"));
		};
		bench.updater.boot(1);
		do {
			await looked(() => bench.slots.calls.includes("rollBack"));
			rollbacks += 1;
			assert.isAtMost(rollbacks, limits.stores);
			bench = bench.next({ ...onTrial, resetReason: "restart" });
			assert.equal(bench.updater.boot(1_000).kind, "rollback-due");
			await looked(() => bench.states.length > 0);
		} while (bench.states[0] === "rollback");
		assert.isAbove(rollbacks, limits.stores / 2);
		assert.isTrue(await bench.updater.checkedIn());
		assert.deepEqual(bench.slots.calls, ["confirm"]);
		assert.deepInclude(bench.ended[0], { id: "7", outcome: "success" });
		assert.isUndefined(bench.record);
	});

	it("for want of power is tried three times at most, and then told", async () => {
		let bench = await installed();
		for (let trial = 1; trial <= 3; trial++) {
			bench = bench.next({ other: "aborted", resetReason: "brown-out" });
			assert.equal(bench.updater.boot(1_000).kind, "rolled-back");
			await bench.updater.checkedIn();
			if (trial < 3) assert.deepEqual(await bench.install(good), { kind: "restarting" }, `trial ${trial + 1}`);
		}
		assert.equal(bench.updater.refusal(offerOf(good))?.code, "update.known-bad");
		assert.include(bench.ended[0]?.text, "voltage");
	});

	it("did not happen when the power went before the switch: the trial takes place after all", async () => {
		const bench = (await installed()).next({ resetReason: "power-on" });
		assert.equal(bench.updater.boot(1_000).kind, "untried");
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
		assert.deepEqual(bench.starts, []);
		assert.deepInclude(bench.record ?? {}, { state: "reboot", trials: 1 });
	});

	it("of an image that something has replaced in the slot since is not repeated", async () => {
		const bench = (await installed()).next({ other: "aborted", resetReason: "brown-out" });
		bench.updater.boot(1_000);
		bench.slots.flash.version = "0.9.0";
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
		assert.deepEqual(bench.starts, [0], "it is fetched again");
	});
});
