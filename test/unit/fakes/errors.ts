import { assert } from "chai";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";

/** Asserts that `work` fails with a FleetlingError of this code whose text holds each of `parts`. */
export async function rejects(code: ErrorCode, work: () => unknown, ...parts: readonly string[]): Promise<FleetlingError> {
	let error: unknown;
	try {
		await work();
	} catch (caught) {
		error = caught;
	}
	assert.instanceOf(error, FleetlingError, `expected ${code}, got ${String(error)}`);
	const failure = error as FleetlingError;
	assert.equal(failure.code, code, failure.message);
	for (const part of parts) assert.include(failure.message, part);
	return failure;
}
