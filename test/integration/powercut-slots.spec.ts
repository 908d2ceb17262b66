/** Power cuts at every flash operation of an update: boot model, esp_ota and the slot writer of modules/ota together. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { buildProgram } from "../idf/build";
import { makeVersion, Workshop } from "../idf/devices";

const seed = process.env.FLEETLING_SEED ?? "1";
/** Random pairs of cuts beside the sweep over all single ones. */
const pairs = 150;

interface Summary {
	readonly operations: number;
	readonly runs: number;
	readonly confirmed: number;
	readonly rolledBack: number;
	readonly mostRewritten: number;
	readonly failures: number;
}

describe("power cuts during an update", function () {
	this.timeout(300_000);
	const workshop = new Workshop();
	after(() => workshop.close());

	async function sweep(...more: readonly string[]): Promise<Summary> {
		const image = workshop.write("new.bin", makeVersion("2.0.0", 170_000));
		const args = [workshop.device(), image, seed, String(pairs), ...more];
		const { stdout } = await promisify(execFile)(buildProgram("update-sweep"), args);
		const summary = JSON.parse(stdout) as Summary;
		assert.equal(summary.failures, 0, stdout);
		assert.equal(summary.runs, 1 + 3 * summary.operations + pairs);
		assert.ok(summary.operations > 50, stdout);
		assert.ok(summary.mostRewritten <= 65_536, `${summary.mostRewritten} bytes were written again`);
		return summary;
	}

	it("a good firmware ends confirmed, or rolled back when the cut fell into its trial", async () => {
		const { confirmed, rolledBack, runs } = await sweep();
		assert.equal(confirmed + rolledBack, runs);
		assert.ok(confirmed > rolledBack * 10);
	});
	it("a firmware that never confirms itself ends rolled back", async () => {
		const { confirmed, rolledBack, runs } = await sweep("crashing");
		assert.equal(confirmed, 0);
		assert.equal(rolledBack, runs);
	});
});
