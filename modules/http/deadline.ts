import Time from "time";
import Timer from "timer";

/**
 * A point in time by which something must have happened. `touch` moves it without touching the timer, so that a
 * transfer can do it for every block; the timer looks at the clock when it fires.
 */
export class Deadline {
	#timer: Timer | undefined;
	#since = 0;
	#milliseconds = 0;
	#expired: (() => void) | undefined;

	/** Calls `expired` once when `milliseconds` have passed since the last touch. Replaces what ran before; 0 means never. */
	start(milliseconds: number, expired: () => void): void {
		this.stop();
		if (milliseconds <= 0) return;
		this.#milliseconds = milliseconds;
		this.#expired = expired;
		this.#since = Time.ticks;
		this.#arm(milliseconds);
	}

	touch(): void {
		this.#since = Time.ticks;
	}

	stop(): void {
		if (this.#timer === undefined) return;
		Timer.clear(this.#timer);
		this.#timer = undefined;
		this.#expired = undefined;
	}

	#arm(delay: number): void {
		this.#timer = Timer.set(() => this.#fire(), delay);
	}

	/** `expired` must not throw: there is nobody above to catch it. */
	#fire(): void {
		this.#timer = undefined;
		const left = this.#milliseconds - Time.delta(this.#since);
		if (left > 0) {
			this.#arm(left);
			return;
		}
		const expired = this.#expired;
		this.#expired = undefined;
		expired?.();
	}
}
