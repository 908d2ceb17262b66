import { assert } from "chai";
import type { ResetReason } from "fleetling/common/device";
import { sleep } from "fleetling/common/time";
import { describe, it } from "test/harness";
import { Bench, good, installed, offerOf, onTrial } from "../fakes/bench";
import { image } from "../fakes/image";
import { otaFailure } from "../fakes/slots";
import { MemoryStore } from "../fakes/store";

describe("a trial", () => {
	it("that does not check in is rolled back within its deadline", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(30);
		await sleep(250);
		assert.deepEqual(bench.states, ["verify", "rollback"]);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
		assert.deepInclude(JSON.parse(String(bench.store.read("record"))), { state: "rollback", failure: "no-check-in" });
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
		assert.isUndefined(bench.store.read("record"));
	});

	it("whose confirmation fails is rolled back", async () => {
		const bench = (await installed()).next(onTrial);
		bench.slots.fail = { call: "confirm", error: otaFailure() };
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("of an image from elsewhere follows the same rule", async () => {
		const bench = new Bench(onTrial);
		assert.equal(bench.updater.boot(1_000).kind, "trial");
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["confirm"]);
		assert.deepEqual(bench.ended, []);
	});
});

describe("a rollback", () => {
	const ends: readonly (readonly [ResetReason, string, boolean])[] = [
		["panic", "crashed", false],
		["restart", "crashed", false],
		["watchdog", "hung", false],
		["power-on", "power", true],
		["brown-out", "voltage", true],
		["other", "reset from outside", true],
	];
	for (const [resetReason, text, again] of ends)
		it(`after ${resetReason} is told, remembered${again ? " and may be tried again" : " and not tried again"}`, async () => {
			const bench = (await installed()).next({ other: "aborted", resetReason });
			assert.equal(bench.updater.boot(1_000).kind, "rolled-back");
			assert.equal(bench.log.with("version 1.1.0 was rolled back").length, 1);
			assert.include(bench.updater.lastFailure?.text, text);
			assert.equal(bench.updater.lastFailure?.version, "1.1.0");
			const refusal = bench.updater.refusal(offerOf(good));
			if (again) assert.isUndefined(refusal);
			else {
				assert.equal(refusal?.code, "update.known-bad");
				assert.include(refusal?.message, text);
			}
			assert.isUndefined(bench.updater.refusal(offerOf(image({ version: "1.2.0" }))), "another package is welcome");
			await bench.updater.checkedIn();
			assert.deepInclude(bench.ended[0], { id: "7", outcome: "failure", code: "update.rolled-back" });
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

	it("for want of power is tried three times at most", async () => {
		const store = new MemoryStore();
		for (let trial = 1; trial <= 3; trial++) {
			const bench = new Bench({ store });
			bench.updater.boot(1_000);
			assert.deepEqual(await bench.install(good), { kind: "restarting" }, `trial ${trial}`);
			const after = new Bench({ store, other: "aborted", resetReason: "power-on" });
			after.updater.boot(1_000);
			await after.updater.checkedIn();
		}
		assert.equal(new Bench({ store }).updater.refusal(offerOf(good))?.code, "update.known-bad");
	});

	it("did not happen when the power went before the switch", async () => {
		const bench = (await installed()).next({ resetReason: "power-on" });
		assert.equal(bench.updater.boot(1_000).kind, "untried");
		assert.isUndefined(bench.store.read("record"));
		assert.isUndefined(bench.updater.refusal(offerOf(good)));
	});
});
