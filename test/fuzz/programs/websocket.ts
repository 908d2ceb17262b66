/** The WebSocket client, by the fuzzing of its own module: it makes its streams from the seed and judges them by a model. */
import { emit, exit, parameters } from "test/harness";
import Time from "time";
import { run } from "../../../modules/websocket/test/fuzz";

const { seed = 1, seconds = 10 } = parameters as { readonly seed?: number; readonly seconds?: number };

try {
	const start = Time.ticks;
	const { cases, bytes, ends } = await run(seed, seconds);
	const figures = { executions: cases, bytes, milliseconds: Time.delta(start), kept: 0 };
	emit({ event: "fuzzed", ...figures, outcomes: Object.entries(ends) });
} catch (error) {
	emit({ event: "failure", text: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
}
exit();
