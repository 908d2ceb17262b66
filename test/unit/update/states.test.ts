import { assert } from "chai";
import { isOutcome, isState, next, transitions, type UpdateState } from "fleetling/update/states";
import { describe, it } from "test/harness";

const states = Object.keys(transitions) as UpdateState[];

function path(from: UpdateState, failing: readonly UpdateState[] = []): string {
	const seen: string[] = [];
	for (let state: UpdateState | "done" = from; state !== "done" && seen.length < 20; ) {
		seen.push(state);
		state = next(state, failing.includes(state) ? "failure" : "success");
	}
	return seen.join(" ");
}

describe("update states", () => {
	it("lead a good update from the download to its report", () => {
		assert.equal(path("download"), "download install reboot verify commit report");
	});

	const failures: readonly (readonly [UpdateState, string])[] = [
		["download", "download report"],
		["install", "download install report"],
		["reboot", "download install reboot rollback report"],
		["verify", "download install reboot verify rollback report"],
		["commit", "download install reboot verify commit rollback report"],
	];
	for (const [state, expected] of failures)
		it(`lead a failure in ${state} to its report`, () => assert.equal(path("download", [state]), expected));

	it("keep reporting until it is done", () => {
		assert.equal(next("report", "failure"), "report");
		assert.equal(next("report", "success"), "done");
	});

	it("report a rollback that fails too", () => {
		assert.equal(next("rollback", "failure"), "report");
	});

	it("never get from a failure to a commit", () => {
		const reached = new Set<string>();
		const visit = (state: UpdateState | "done"): void => {
			if (state === "done" || reached.has(state)) return;
			reached.add(state);
			visit(next(state, "success"));
			visit(next(state, "failure"));
		};
		for (const state of states) {
			reached.clear();
			visit(next(state, "failure"));
			assert.isFalse(reached.has("commit"), state);
			assert.isFalse(reached.has("reboot"), state);
		}
	});

	it("know their names", () => {
		for (const state of states) assert.isTrue(isState(state));
		for (const name of ["done", "toString", "", 1, null, undefined]) assert.isFalse(isState(name));
		assert.isTrue(isOutcome("success"));
		assert.isFalse(isOutcome("maybe"));
	});
});
