/**
 * Faults of the network between a device and the server of its package, shortened: at every tenth of the stream and at some of the
 * protocols' boundaries (`npm run faults` for all of them).
 */
import assert from "node:assert/strict";
import type { Protocol } from "../faults/places";
import { FaultSweep } from "../faults/sweep";
import { prepareRuntime } from "../xs/driver";

const seed = Number(process.env.FLEETLING_SEED ?? 20_261);
/** Of the boundaries one of so many: TLS has a hundred, most of them alike. */
const thin: Readonly<Record<Protocol, number>> = { length: 2, chunks: 5, tls: 9 };

describe(`network faults, seed ${seed}`, function () {
	this.timeout(180_000);
	before(() => prepareRuntime());

	for (const protocol of ["length", "chunks", "tls"] as const)
		it(`(${protocol}) every update ends well or with the right error, and fetches no more than it must`, async () => {
			const { faults, failures, mostExtra } = await FaultSweep.run({
				protocol,
				seed,
				every: 10,
				thin: thin[protocol],
				parallel: 12,
			});
			const told = failures.map(({ fault, problem }) => `${fault.kind} ${fault.place.name}: ${problem}`);
			assert.deepEqual(told, []);
			assert.ok(faults > 60, `only ${faults} faults`);
			process.stdout.write(`      ${faults} faults, at most ${mostExtra} bytes more than without one\n`);
		});
});
