import { frozen } from "fleetling/frozen/frozen";
import type { ResetReason } from "../common/device";
import type { UpdateRecord } from "./record";
import type { Slot, SlotState } from "./slots";

/**
 * What this boot means for the update under way, decided from what cannot lie (the slots, the reset reason) and from
 * the record of what was about to happen.
 */
export type Boot =
	/** No update is under way, or what the record says of one does not hold any more. */
	| { readonly kind: "ordinary" }
	/** The running image is on trial. The record is absent when something other than Fleetling put it there. */
	| { readonly kind: "trial"; readonly record: UpdateRecord | undefined }
	/** A download was interrupted. It goes on when the server offers the package again. */
	| { readonly kind: "interrupted"; readonly record: UpdateRecord }
	/**
	 * The slot holds the whole package, verified, and it was not tried: it had to wait, or the power went between the
	 * announcement of the restart and the switch of slots. It is tried when the server offers the package again.
	 */
	| { readonly kind: "untried"; readonly record: UpdateRecord }
	/** The new image ran on trial and failed; the old one runs again. */
	| { readonly kind: "rolled-back"; readonly record: UpdateRecord; readonly failure: TrialFailure }
	/** The new image gave up but is still the one that runs: the power went before the switch back. */
	| { readonly kind: "rollback-due"; readonly record: UpdateRecord; readonly failure: TrialFailure }
	/** The new image runs and needs no confirmation: confirmed before the power went, or a bootloader that knows no trial. */
	| { readonly kind: "confirmed"; readonly record: UpdateRecord }
	/** All that is left of an update is to tell the server. */
	| { readonly kind: "unreported"; readonly record: UpdateRecord };

/**
 * How a trial can fail, and what comes of it:
 * - remember: the package is not tried again (memory.ts);
 * - repeat: nothing is known about the package; the trial is repeated, a few times, with what is in the slot;
 * - forget: the server has changed its mind and may do so again.
 */
export const trialFailures = frozen({
	crash: { after: "remember", text: "it crashed or restarted before it had checked in" },
	hang: { after: "remember", text: "it hung until the watchdog ended it" },
	"no-check-in": { after: "remember", text: "it did not check in with the server in time" },
	unconfirmed: { after: "remember", text: "it could not be confirmed" },
	"called-off": { after: "remember", text: "it was called off during its trial" },
	aborted: { after: "forget", text: "the server called it off during its trial" },
	"brown-out": { after: "repeat", text: "the supply voltage broke down during its trial" },
	"power-loss": { after: "repeat", text: "the power went during its trial" },
	unknown: { after: "repeat", text: "a reset from outside ended its trial" },
} as const satisfies Readonly<Record<string, { readonly after: "remember" | "repeat" | "forget"; readonly text: string }>>);

export type TrialFailure = keyof typeof trialFailures;

export function isTrialFailure(name: unknown): name is TrialFailure {
	return typeof name === "string" && Object.hasOwn(trialFailures, name);
}

/**
 * The bootloader gives a trial one boot. So the reset that ended that boot is the one that the old firmware wakes from,
 * and its reason tells how the trial ended. A restart that the new firmware did not announce in its record comes from
 * an uncaught exception: a release build restarts on those without a panic.
 */
const failureByReset = frozen({
	panic: "crash",
	restart: "crash",
	watchdog: "hang",
	"brown-out": "brown-out",
	"power-on": "power-loss",
	other: "unknown",
} as const satisfies Readonly<Record<ResetReason, TrialFailure>>);

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
	// An update that is over has nothing on trial: something else has put the image there.
	if (record.state === "report") return onTrial ? { kind: "trial", record: undefined } : { kind: "unreported", record };
	// A trial of an image that the record does not speak of is still a trial, but not that update's.
	if (running.label !== record.slot) {
		if (onTrial) return { kind: "trial", record: undefined };
		if (record.state === "download") return { kind: "interrupted", record };
		if (record.failure !== undefined) return { kind: "rolled-back", record, failure: record.failure };
		const tried = installed === "aborted" || installed === "invalid";
		// Anything else: the bootloader has never started it, so that it cannot have failed.
		if (record.state === "install" || !tried) return { kind: "untried", record };
		return { kind: "rolled-back", record, failure: failureByReset[resetReason] };
	}
	if (onTrial && record.failure !== undefined) return { kind: "rollback-due", record, failure: record.failure };
	if (onTrial) return { kind: "trial", record };
	// Something else has flashed the slot that a download was going into, and boots it.
	return record.state === "download" ? { kind: "ordinary" } : { kind: "confirmed", record };
}
