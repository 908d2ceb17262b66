import { assert } from "chai";
import { Progress } from "fleetling/update/progress";
import { describe, it } from "test/harness";

function run(total: number | undefined, ...parts: readonly number[]): readonly number[] {
	const percents: number[] = [];
	const progress = new Progress((percent) => percents.push(percent));
	progress.begin(total);
	progress.reach(0);
	let bytes = 0;
	for (const part of parts) {
		bytes += part;
		progress.reach(bytes);
	}
	return percents;
}

describe("progress", () => {
	it("tells each whole percent once", () => {
		assert.deepEqual(run(1000, 1, 8, 1, 5, 985), [0, 1, 100]);
	});

	it("tells 100 only at the end", () => {
		assert.deepEqual(run(1000, 999), [0, 99]);
	});

	it("tells nothing without a total", () => {
		assert.deepEqual(run(undefined, 1, 1000), []);
	});

	it("never goes backwards or past 100, whatever is sent", () => {
		const percents: number[] = [];
		const progress = new Progress((percent) => percents.push(percent));
		progress.begin(100);
		progress.reach(0);
		progress.reach(60);
		progress.begin(100);
		progress.reach(30);
		progress.reach(200);
		assert.deepEqual(percents, [0, 60, 100]);
	});

	it("tells nothing a second time after a restart, and 100 in any case", () => {
		const percentsFrom = (skipped: number): readonly number[] => {
			const percents: number[] = [];
			const progress = new Progress((percent) => percents.push(percent));
			progress.begin(1000);
			progress.skip(skipped);
			for (let bytes = 400; bytes <= 1000; bytes += 50) progress.reach(bytes);
			return percents;
		};
		assert.deepEqual(percentsFrom(800), [85, 90, 95, 100]);
		assert.deepEqual(percentsFrom(1000), [100]);
		assert.deepEqual(percentsFrom(5000), [100]);
	});

	it("is done with an empty package at once", () => {
		assert.deepEqual(run(0), [100]);
	});

	it("is exact for large packages", () => {
		const percents = run(64 * 1024 * 1024, ...Array.from({ length: 64 }, () => 1024 * 1024));
		assert.equal(percents.length, 65);
		assert.equal(percents[64], 100);
	});
});
