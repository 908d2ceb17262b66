import Timer from "timer";
import type { Outcome } from "./states";

/**
 * The time a new firmware has to prove itself. It runs from construction on, which is the first thing a boot does, so
 * that nothing that goes wrong later can keep it from ending.
 */
export class Trial {
	readonly outcome: Promise<Outcome>;
	#resolve: (outcome: Outcome) => void = ignore;
	#timer: Timer | undefined;

	/** `deadline` in milliseconds; undefined when there is nothing to go back to and the trial can only succeed. */
	constructor(deadline: number | undefined) {
		this.outcome = new Promise((resolve) => {
			this.#resolve = resolve;
		});
		if (deadline !== undefined) this.#timer = Timer.set(() => this.#end("failure"), deadline);
	}

	/** The firmware has checked in. */
	succeed(): void {
		this.#end("success");
	}

	/** There is no use in waiting for the deadline. */
	giveUp(): void {
		this.#end("failure");
	}

	#end(outcome: Outcome): void {
		if (this.#timer !== undefined) Timer.clear(this.#timer);
		this.#timer = undefined;
		this.#resolve(outcome);
	}
}

function ignore(): void {}
