import type { ResetReason } from "../common/device";
import type { UpdateRecord } from "./journal";
import type { Slot, SlotState } from "./slots";

/**
 * What this boot means for the update under way, decided from what cannot lie (the slots, the reset reason) and from
 * the record of what was about to happen.
 */
export type Boot =
	/** No update is under way. */
	| { readonly kind: "ordinary" }
	/** The running image is on trial. The record is absent when something other than Fleetling put it there. */
	| { readonly kind: "trial"; readonly record: UpdateRecord | undefined }
	/** The power went between the announcement of the restart and the switch of slots: as if nothing had happened. */
	| { readonly kind: "untried"; readonly record: UpdateRecord }
	/** The new image ran on trial and failed; the old one runs again. */
	| { readonly kind: "rolled-back"; readonly record: UpdateRecord; readonly failure: TrialFailure }
	/** The new image gave up but is still the one that runs: the power went before the switch back. */
	| { readonly kind: "rollback-due"; readonly record: UpdateRecord; readonly failure: TrialFailure }
	/** The new image runs and needs no confirmation: confirmed before the power went, or a bootloader that knows no trial. */
	| { readonly kind: "confirmed"; readonly record: UpdateRecord }
	/** All that is left of an update is to tell the server. */
	| { readonly kind: "unreported"; readonly record: UpdateRecord };

/** How a trial can fail. `final`: says enough about the package never to try it again. */
export const trialFailures = {
	crash: { final: true, text: "it crashed or restarted before it had checked in" },
	hang: { final: true, text: "it hung until the watchdog ended it" },
	"no-check-in": { final: true, text: "it did not check in with the server in time" },
	"called-off": { final: true, text: "it was called off during its trial or could not be confirmed" },
	"brown-out": { final: false, text: "the supply voltage broke down during its trial" },
	"power-loss": { final: false, text: "the power went during its trial" },
	unknown: { final: false, text: "a reset from outside ended its trial" },
} as const;

export type TrialFailure = keyof typeof trialFailures;

export function isTrialFailure(name: unknown): name is TrialFailure {
	return typeof name === "string" && Object.hasOwn(trialFailures, name);
}

/**
 * The bootloader gives a trial one boot. So the reset that ended that boot is the one that the old firmware wakes from,
 * and its reason tells how the trial ended. A restart that the new firmware did not announce in its record comes from
 * an uncaught exception: a release build restarts on those without a panic.
 */
const failureByReset = {
	panic: "crash",
	restart: "crash",
	watchdog: "hang",
	"brown-out": "brown-out",
	"power-on": "power-loss",
	other: "unknown",
} as const satisfies Readonly<Record<ResetReason, TrialFailure>>;

export interface BootFacts {
	readonly record: UpdateRecord | undefined;
	readonly running: Slot;
	/** State of the slot that the record speaks of. */
	readonly installed: SlotState | undefined;
	readonly resetReason: ResetReason;
}

export function assessBoot({ record, running, installed, resetReason }: BootFacts): Boot {
	const onTrial = running.state === "pending-verify";
	if (record === undefined) return onTrial ? { kind: "trial", record } : { kind: "ordinary" };
	if (record.state === "report") return { kind: "unreported", record };
	// A trial of an image that the record does not speak of is still a trial, but not that update's.
	if (running.label !== record.slot) {
		if (onTrial) return { kind: "trial", record: undefined };
		if (record.failure !== undefined) return { kind: "rolled-back", record, failure: record.failure };
		// Anything else: the bootloader has never started it, so that it cannot have failed.
		if (installed !== "aborted" && installed !== "invalid") return { kind: "untried", record };
		return { kind: "rolled-back", record, failure: failureByReset[resetReason] };
	}
	if (onTrial && record.failure !== undefined) return { kind: "rollback-due", record, failure: record.failure };
	return onTrial ? { kind: "trial", record } : { kind: "confirmed", record };
}
