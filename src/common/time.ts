import type { FleetlingError } from "fleetling/error/error";
import Timer from "timer";
import type { Cancellation } from "./cancellation";

/** Resolves after `milliseconds`; rejects with the reason as soon as `cancellation` happens. */
export function sleep(milliseconds: number, cancellation?: Cancellation): Promise<void> {
	return new Promise((resolve, reject) => {
		const stop = (): void => {
			Timer.clear(timer);
			reject(cancellation?.reason);
		};
		const timer = Timer.set(() => {
			cancellation?.remove(stop);
			resolve();
		}, milliseconds);
		cancellation?.add(stop);
	});
}

/**
 * The outcome of `work`, or `late()` when that takes longer than `milliseconds`.
 *
 * A promise cannot be stopped: `late` is the place to end what the work waits for. What the work does afterwards is
 * ignored, its rejection included (an unhandled one would end the device).
 */
export function withDeadline<T>(work: Promise<T>, milliseconds: number, late: () => FleetlingError): Promise<T> {
	return new Promise((resolve, reject) => {
		const timer = Timer.set(() => reject(late()), milliseconds);
		work.then(
			(value) => {
				Timer.clear(timer);
				resolve(value);
			},
			(error: unknown) => {
				Timer.clear(timer);
				reject(error);
			},
		);
	});
}
