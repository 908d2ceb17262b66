import { assert } from "chai";
import type { ResetReason } from "fleetling/common/device";
import { assessBoot, type Boot, type BootFacts, trialFailures } from "fleetling/update/boot";
import type { UpdateRecord } from "fleetling/update/record";
import type { Slot, SlotState } from "fleetling/update/slots";
import { describe, it } from "test/harness";

const record: UpdateRecord = {
	state: "reboot",
	id: "7",
	package: "ab",
	from: "1.0.0",
	version: "1.1.0",
	slot: "ota_1",
	trials: 1,
	stores: 2,
};

function slot(label: string, state: SlotState): Slot {
	return { label, size: 1, state };
}

function assess(facts: Partial<BootFacts>): Boot {
	return assessBoot({
		record: undefined,
		running: slot("ota_0", "valid"),
		installed: undefined,
		resetReason: "restart",
		...facts,
	});
}

describe("what a boot means", () => {
	it("nothing without a record", () => {
		for (const state of ["valid", "undefined", "new"] as const)
			assert.deepEqual(assess({ running: slot("ota_0", state) }), { kind: "ordinary" });
	});

	it("nothing, although the other slot was given up once", () => {
		assert.deepEqual(assess({ installed: "aborted", resetReason: "panic" }), { kind: "ordinary" });
	});

	it("a trial", () => {
		assert.deepEqual(assess({ record, running: slot("ota_1", "pending-verify") }), { kind: "trial", record });
	});

	it("a trial of an image that something else has installed", () => {
		const trial = { kind: "trial", record: undefined } as const;
		assert.deepEqual(assess({ running: slot("ota_0", "pending-verify") }), trial);
		assert.deepEqual(assess({ record, running: slot("ota_0", "pending-verify") }), trial);
	});

	it("a power cut before the switch", () => {
		for (const installed of [undefined, "undefined", "new", "valid"] as const)
			assert.deepEqual(assess({ record, installed, resetReason: "power-on" }), { kind: "untried", record });
	});

	const ends: readonly (readonly [ResetReason, keyof typeof trialFailures])[] = [
		["panic", "crash"],
		["restart", "crash"],
		["watchdog", "hang"],
		["brown-out", "brown-out"],
		["power-on", "power-loss"],
		["other", "unknown"],
	];
	for (const [resetReason, failure] of ends)
		it(`a rollback after ${resetReason}: ${failure}`, () => {
			assert.deepEqual(assess({ record, installed: "aborted", resetReason }), { kind: "rolled-back", record, failure });
		});

	it("a rollback of an image that refused itself", () => {
		const boot = assess({ record, installed: "invalid", resetReason: "restart" });
		assert.deepEqual(boot, { kind: "rolled-back", record, failure: "crash" });
	});

	it("a rollback that the new firmware has announced, whatever the reset says", () => {
		const announced = { ...record, state: "rollback", failure: "no-check-in" } as const;
		for (const resetReason of ["restart", "panic", "watchdog", "power-on"] as const) {
			const boot = assess({ record: announced, installed: "aborted", resetReason });
			assert.deepEqual(boot, { kind: "rolled-back", record: announced, failure: "no-check-in" });
		}
	});

	it("a rollback that the power has interrupted", () => {
		const announced = { ...record, state: "rollback", failure: "no-check-in" } as const;
		const boot = assess({ record: announced, running: slot("ota_1", "pending-verify"), resetReason: "power-on" });
		assert.deepEqual(boot, { kind: "rollback-due", record: announced, failure: "no-check-in" });
	});

	it("a firmware that has been confirmed, or needs no confirmation", () => {
		for (const state of ["valid", "undefined"] as const)
			assert.deepEqual(assess({ record, running: slot("ota_1", state) }), { kind: "confirmed", record });
	});

	it("no endless rollback with a bootloader that knows no trial", () => {
		const announced = { ...record, state: "rollback", failure: "no-check-in" } as const;
		assert.equal(assess({ record: announced, running: slot("ota_1", "undefined") }).kind, "confirmed");
	});

	it("a report that is still to be made", () => {
		const done = { ...record, state: "report", outcome: "failure" } as const;
		for (const running of [slot("ota_0", "valid"), slot("ota_1", "valid")])
			assert.deepEqual(assess({ record: done, running, installed: "aborted" }), { kind: "unreported", record: done });
	});

	it("a download that was interrupted, whatever became of the slot", () => {
		const download = { ...record, state: "download" } as const;
		for (const installed of [undefined, "undefined", "aborted", "invalid", "valid"] as const)
			assert.deepEqual(assess({ record: download, installed, resetReason: "panic" }), {
				kind: "interrupted",
				record: download,
			});
	});

	it("nothing, when something else has flashed the slot that a download was going into", () => {
		const download = { ...record, state: "download" } as const;
		assert.deepEqual(assess({ record: download, running: slot("ota_1", "valid") }), { kind: "ordinary" });
	});

	it("an image that waits to be tried, also after a trial that the power has ended", () => {
		const ready = { ...record, state: "install" } as const;
		for (const installed of ["undefined", "aborted"] as const)
			assert.deepEqual(assess({ record: ready, installed, resetReason: "power-on" }), { kind: "untried", record: ready });
	});

	it("tells a bad firmware from a bad supply and from a server that has changed its mind", () => {
		const named = (wanted: string): readonly string[] =>
			Object.entries(trialFailures)
				.filter(([, { after }]) => after === wanted)
				.map(([name]) => name);
		assert.deepEqual(named("remember"), ["crash", "hang", "no-check-in", "unconfirmed", "called-off"]);
		assert.deepEqual(named("repeat"), ["brown-out", "power-loss", "unknown"]);
		assert.deepEqual(named("forget"), ["aborted"]);
	});
});
