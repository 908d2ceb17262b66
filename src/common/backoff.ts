import type { Random } from "./random";

export interface BackoffOptions {
	/** The first delay is at most this long, in milliseconds. */
	readonly base: number;
	/** No delay of our own choice is longer, in milliseconds. */
	readonly cap: number;
	/** No delay is shorter, in milliseconds: full jitter may draw a number close to zero. */
	readonly floor: number;
	/** No delay that a server asks for is obeyed beyond this, in milliseconds. */
	readonly longest: number;
	readonly random: Random;
}

/**
 * How long to wait before the next try.
 *
 * The limit doubles with each failure up to `cap`; the delay is drawn evenly from zero to that limit ("full jitter"),
 * which spreads a fleet that lost its server at the same moment best of all the usual schemes. A delay that the server
 * has asked for is never undercut and gets a tenth on top at random, for the same reason.
 */
export class Backoff {
	readonly #options: BackoffOptions;
	#failures = 0;

	constructor(options: BackoffOptions) {
		this.#options = options;
	}

	/** Failures since the last success. */
	get failures(): number {
		return this.#failures;
	}

	/**
	 * Counts a failure; returns the milliseconds to wait. `retryAfter` is what the server asked for, in milliseconds;
	 * `hurry` is a lower cap for now.
	 */
	next(retryAfter?: number, hurry?: number): number {
		const { base, floor, longest, random } = this.#options;
		const cap = Math.min(this.#options.cap, hurry ?? Number.POSITIVE_INFINITY);
		// 2 ** 30 is far beyond any cap already; more would only lose precision.
		const limit = Math.min(cap, base * 2 ** Math.min(this.#failures, 30));
		this.#failures += 1;
		const own = Math.max(Math.min(floor, cap), limit * random());
		if (retryAfter === undefined) return Math.round(own);
		return Math.round(Math.max(own, Math.min(retryAfter, longest) * (1 + 0.1 * random())));
	}

	/** A success: the next failure starts from the beginning. */
	reset(): void {
		this.#failures = 0;
	}
}
