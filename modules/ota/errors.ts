import { frozen } from "fleetling/frozen/frozen";
import { type ErrorCode, FleetlingError } from "../error/error";
import type { EspError } from "./nativeota";

/** The codes of ESP-IDF that need to be told apart (esp_err.h, esp_ota_ops.h, spi_flash_mmap.h). */
export const espErrors = frozen({
	ok: 0,
	fail: -1,
	noMemory: 0x101,
	invalidArgument: 0x102,
	invalidState: 0x103,
	invalidSize: 0x104,
	notFound: 0x105,
	notAllowed: 0x10d,
	partitionConflict: 0x1501,
	selectInfoInvalid: 0x1502,
	validateFailed: 0x1503,
	smallSecureVersion: 0x1504,
	rollbackFailed: 0x1505,
	onTrial: 0x1506,
	flashFailed: 0x6001,
	flashTimeout: 0x6002,
} as const satisfies Record<string, EspError>);

interface Meaning {
	readonly code: ErrorCode;
	readonly text: string;
}

const noPartition = "there is no application partition of that name, or no otadata: check the partition table";

const meanings: Readonly<Record<EspError, Meaning>> = frozen({
	[espErrors.noMemory]: { code: "ota.no-memory", text: "not enough memory" },
	[espErrors.invalidArgument]: {
		code: "ota.bad-offset",
		text: "writing can go on only at a multiple of 4096, and with a tag only where its marks end",
	},
	[espErrors.invalidState]: { code: "ota.closed", text: "the writer is closed" },
	[espErrors.invalidSize]: { code: "ota.too-large", text: "it does not fit into the slot" },
	[espErrors.notFound]: { code: "ota.no-slot", text: noPartition },
	[espErrors.notAllowed]: { code: "ota.running", text: "the slot holds the running firmware" },
	[espErrors.partitionConflict]: { code: "ota.running", text: "the slot holds the running firmware" },
	[espErrors.selectInfoInvalid]: { code: "ota.failed", text: "otadata holds what it cannot hold" },
	[espErrors.validateFailed]: { code: "image.corrupt", text: "the image is not whole" },
	[espErrors.smallSecureVersion]: { code: "image.insecure", text: "its secure version is lower than what this device has run" },
	[espErrors.rollbackFailed]: { code: "ota.no-rollback", text: "no other slot holds a firmware that can be booted" },
	[espErrors.onTrial]: { code: "ota.on-trial", text: "the running firmware is on trial: confirm it or roll back first" },
	[espErrors.flashFailed]: { code: "ota.flash", text: "the flash did not take what was written" },
	[espErrors.flashTimeout]: { code: "ota.flash", text: "the flash did not answer in time" },
});

/** The error for a code other than success. `what` is what could not be done, for example "writing ota_1". */
export function failure(error: EspError, what: string): FleetlingError {
	const meaning = meanings[error];
	const number = error < 0 ? String(error) : `0x${error.toString(16)}`;
	return meaning === undefined
		? new FleetlingError("ota.failed", `${what} failed: ESP-IDF reports ${number}`)
		: new FleetlingError(meaning.code, `${what} failed: ${meaning.text} (${number})`);
}

export function check(error: EspError, what: string): void {
	if (error !== espErrors.ok) throw failure(error, what);
}
