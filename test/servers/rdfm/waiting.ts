/** Waiting for an event with a deadline: a test that waits for what never happens must say so. */
import type { EventEmitter } from "node:events";

/** Resolves with the first argument of the next event that fits; rejects with `describe()` after `timeout` milliseconds. */
export function nextEvent<T>(
	emitter: EventEmitter,
	event: string,
	fits: (value: T) => boolean,
	timeout: number,
	describe: () => string,
): Promise<T> {
	return new Promise((resolve, reject) => {
		const settle = (): void => {
			clearTimeout(timer);
			emitter.off(event, look);
		};
		const look = (value: T): void => {
			if (!fits(value)) return;
			settle();
			resolve(value);
		};
		const timer = setTimeout(() => {
			settle();
			reject(new Error(describe()));
		}, timeout);
		emitter.on(event, look);
	});
}
