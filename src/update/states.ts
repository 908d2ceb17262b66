import { frozen } from "fleetling/frozen/frozen";

/**
 * The life of one update, and the two ways out of each of its states.
 *
 *     download   the package streams through its hash into the installer
 *     install    the whole package is verified, the new image validated; nothing of it is active yet
 *     reboot     the new slot is made the one to boot, the device restarts
 *     verify     the new firmware runs on trial until it has checked in with the server
 *     commit     the new firmware is confirmed: no way back from here
 *     rollback   the old firmware becomes the one to boot again
 *     report     the final outcome is told to the server
 *
 * This table is all there is to know about the order of things: the code that runs an update
 * (update.ts) looks its next state up here.
 */
export const transitions = frozen({
	download: { success: "install", failure: "report" },
	install: { success: "reboot", failure: "report" },
	reboot: { success: "verify", failure: "rollback" },
	verify: { success: "commit", failure: "rollback" },
	commit: { success: "report", failure: "rollback" },
	rollback: { success: "report", failure: "report" },
	report: { success: "done", failure: "report" },
} as const);

export type UpdateState = keyof typeof transitions;

export type Outcome = "success" | "failure";

/** In which states an update can still be called off: not while the trial's clock runs, and not on the way back. */
export const callable: Readonly<Record<UpdateState, boolean>> = frozen({
	download: true,
	install: true,
	reboot: true,
	verify: false,
	commit: true,
	rollback: false,
	report: false,
});

/** What comes after `state` ended with `outcome`. */
export function next(state: UpdateState, outcome: Outcome): UpdateState | "done" {
	return transitions[state][outcome];
}

export function isState(name: unknown): name is UpdateState {
	return typeof name === "string" && Object.hasOwn(transitions, name);
}

export function isOutcome(name: unknown): name is Outcome {
	return name === "success" || name === "failure";
}
