/** The parsers get their corpora, with everything that ever failed, and a short run of a fixed seed (test/fuzz). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTarget, targets } from "../fuzz/run";
import { prepareRuntime } from "../xs/driver";

const seed = Number(process.env.FLEETLING_SEED ?? 20_261);

describe(`fuzz: corpus and a short run, seed ${seed}`, function () {
	this.timeout(120_000);
	const keep = mkdtempSync(join(tmpdir(), "fleetling-fuzz-failures-"));
	after(() => rmSync(keep, { recursive: true, force: true }));

	before(async function () {
		// The sanitizer's build takes minutes where nothing of it is there.
		this.timeout(600_000);
		await prepareRuntime({ bits: 64, mode: "debug", sanitize: true });
	});

	// The websocket module's own tests have its fuzzing.
	for (const target of targets.filter((name) => name !== "websocket"))
		it(target, async () => {
			const { executions, outcomes, failures } = await runTarget({ target, seed, seconds: 3, executions: 80, keep });
			assert.deepEqual(failures, []);
			assert.ok(executions > outcomes.length && outcomes.length > 3, `${executions} executions, ${outcomes.length} outcomes`);
		});
});
