import { assert } from "chai";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";

function check(error: unknown, code: ErrorCode, text?: RegExp): void {
	if (!(error instanceof FleetlingError)) throw error;
	assert.equal(error.code, code, error.message);
	if (text !== undefined) assert.match(error.message, text);
}

/** `action` must throw the error with this code. */
export function fails(code: ErrorCode, action: () => unknown, text?: RegExp): void {
	let result: unknown;
	try {
		result = action();
	} catch (error) {
		check(error, code, text);
		return;
	}
	assert.fail(`${code} was expected, the answer was ${String(result)}`);
}

/** `promise` must reject with the error with this code. */
export async function rejects(code: ErrorCode, promise: Promise<unknown>, text?: RegExp): Promise<void> {
	let result: unknown;
	try {
		result = await promise;
	} catch (error) {
		check(error, code, text);
		return;
	}
	assert.fail(`${code} was expected, the answer was ${String(result)}`);
}
