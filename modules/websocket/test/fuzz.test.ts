import { assert } from "chai";
import { describe, it, parameters } from "test/harness";
import { run } from "./fuzz";

/** With `--parameters '{"seed":7,"seconds":600}'` for longer, and for a case to be seen again. */
const seed = Number(parameters.seed ?? 20_260);
const seconds = Number(parameters.seconds ?? 3);

describe("websocket/fuzz", () => {
	it(`frames and handshakes, seed ${seed}`, async () => {
		const { cases, bytes, ends } = await run(seed, seconds);
		trace(`fuzz: seed ${seed}, ${cases} cases, ${bytes} bytes: ${JSON.stringify(ends)}\n`);
		assert.isAbove(cases, 200);
		for (const end of ["websocket.lost", "websocket.protocol", "websocket.bad-text", "websocket.too-large", "close 1000"])
			assert.isAtLeast(ends[end] ?? 0, 1, `no stream has ended with ${end}`);
	});
});
