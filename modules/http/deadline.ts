import Time from "time";
import Timer from "timer";

/** Who is told that a deadline has passed. Must not throw: there is nobody above to catch it. */
export interface DeadlineOwner {
	expired(deadline: Deadline): void;
}

/**
 * A point in time by which something must have happened. `touch` moves it without touching the timer, so that a
 * transfer can do it for every arrival; the timer looks at the clock when it fires.
 */
export class Deadline {
	#since = 0;
	#milliseconds = 0;
	#timer: Timer | undefined;
	readonly #owner: DeadlineOwner;

	constructor(owner: DeadlineOwner) {
		this.#owner = owner;
	}

	/** Tells the owner once when `milliseconds` have passed since the last touch. Replaces what ran before; 0 means never. */
	start(milliseconds: number): void {
		this.stop();
		if (milliseconds <= 0) return;
		this.#milliseconds = milliseconds;
		this.#since = Time.ticks;
		this.arm(milliseconds);
	}

	touch(): void {
		this.#since = Time.ticks;
	}

	stop(): void {
		if (this.#timer === undefined) return;
		Timer.clear(this.#timer);
		this.#timer = undefined;
	}

	private arm(delay: number): void {
		this.#timer = Timer.set(() => this.fire(), delay);
	}

	private fire(): void {
		this.#timer = undefined;
		const left = this.#milliseconds - Time.delta(this.#since);
		if (left > 0) this.arm(left);
		else this.#owner.expired(this);
	}
}
