import { frozen } from "fleetling/frozen/frozen";
import type { Cancellation } from "../../common/cancellation";

/** What an action can do besides its work. None of it needs a `this`. */
export interface ActionContext {
	/** Adds to what the manager gets to see. What is too much is cut off, and it says so. */
	readonly print: (text: string) => void;
	/** Happens when time is up. Work that does not look at it goes on unseen. */
	readonly cancellation: Cancellation;
	/** Has something done when the result is on its way and stored, such as a restart. */
	readonly afterwards: (act: () => void) => void;
}

/** Something that a manager can have the device do by its name, and whose outcome it wants to know. */
export interface Action {
	/** 1 to 64 characters; how managers call it. */
	readonly id: string;
	/** For people. */
	readonly name: string;
	readonly description: string;
	/** For people, too: what it comes to, in words of a command line. */
	readonly command: readonly string[];
	/** Seconds. */
	readonly timeout: number;
	/**
	 * What it returns, or the promise that it returns brings, is the status: a whole number, or nothing for 0. Whatever it
	 * throws becomes status 1, with its text as output.
	 */
	run(context: ActionContext): unknown;
}

export interface ActionResult {
	readonly status: number;
	readonly output: string;
}

/** Statuses that no action returns itself, all but the first as a POSIX shell has them. */
export const statuses = frozen({
	/** There was no chance to find out: it is not known, or the device restarted while it ran. */
	unknown: -1,
	failed: 1,
	timedOut: 124,
} as const);
