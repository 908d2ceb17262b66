import type { Cancellation } from "./cancellation";

/**
 * Connections that may be open at one time: each TLS session takes more of a device's memory than anything else. Requests
 * wait for a seat; conversations that a person asks for get one at once or not at all.
 */
export class Seats {
	#free: number;
	readonly #waiting: (() => void)[] = [];

	constructor(total: number) {
		this.#free = total;
	}

	/** Takes a seat if there is one that nobody waits for. */
	take(): boolean {
		if (this.#free === 0 || this.#waiting.length > 0) return false;
		this.#free -= 1;
		return true;
	}

	/** Resolves with a seat taken, first come first served; rejects with the reason of `cancellation`. */
	wait(cancellation: Cancellation): Promise<void> {
		return new Promise((resolve, reject) => {
			const stop = (): void => {
				this.#waiting.splice(this.#waiting.indexOf(seated), 1);
				reject(cancellation.reason);
			};
			const seated = (): void => {
				cancellation.remove(stop);
				this.#free -= 1;
				resolve();
			};
			this.#waiting.push(seated);
			cancellation.add(stop);
		});
	}

	/** Gives a seat back. */
	give(): void {
		this.#free += 1;
		this.#waiting.shift()?.();
	}
}
