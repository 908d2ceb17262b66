import { frozen } from "fleetling/frozen/frozen";
import { type ErrorCode, FleetlingError } from "../error/error";
import type { PSAStatus } from "./psakey";

/** The statuses of PSA that need to be told apart (psa/crypto_values.h). */
export const statuses = frozen({
	success: 0,
	genericError: -132,
	notSupported: -134,
	invalidArgument: -135,
	invalidHandle: -136,
	badState: -137,
	insufficientMemory: -141,
	insufficientEntropy: -148,
	invalidSignature: -149,
	invalidPadding: -150,
	corruptionDetected: -151,
} as const satisfies Record<string, PSAStatus>);

interface Meaning {
	readonly code: ErrorCode;
	readonly text: string;
}

const damaged: Meaning = frozen({
	code: "crypto.bad-key",
	text: "the numbers of the key do not belong together, as if it had been damaged where it was stored",
});

/** What they mean to somebody who uses this module. */
const meanings: Readonly<Record<PSAStatus, Meaning>> = frozen({
	[statuses.notSupported]: { code: "crypto.unsupported-key", text: "the library does not support this kind or size of key" },
	[statuses.invalidArgument]: { code: "crypto.bad-argument", text: "the data do not suit the operation or the key" },
	[statuses.invalidHandle]: { code: "crypto.closed", text: "the key has been closed" },
	[statuses.badState]: { code: "crypto.closed", text: "it has been closed or finished" },
	[statuses.insufficientMemory]: {
		code: "crypto.no-memory",
		text: "not enough memory, or too many keys are open: close those that are not needed",
	},
	[statuses.insufficientEntropy]: {
		code: "crypto.failed",
		text: "the source of random numbers failed, or the numbers of an RSA key are damaged",
	},
	// The library checks each RSA signature before it gives it out.
	[statuses.invalidSignature]: damaged,
	[statuses.corruptionDetected]: damaged,
});

/** The error for a status other than success. `what` is the operation that failed, for example "signing". */
export function failure(status: PSAStatus, what: string): FleetlingError {
	const meaning = meanings[status];
	return meaning === undefined
		? new FleetlingError("crypto.failed", `${what} failed (PSA status ${status})`)
		: new FleetlingError(meaning.code, `${what} failed: ${meaning.text} (PSA status ${status})`);
}

/** The bytes, unless the native function answered with a status. */
export function bytesOrFailure(result: ArrayBuffer | PSAStatus, what: string): ArrayBuffer {
	if (typeof result === "number") throw failure(result, what);
	return result;
}
