import type { FleetlingError } from "fleetling/error/error";

/**
 * A request to stop, handed down to everything that may take long.
 *
 * Who starts the work makes one and calls `cancel` with the reason; who does the work asks `cancelled` between steps
 * or registers a listener that ends what it waits for. A cancellation happens at most once.
 */
export class Cancellation {
	#reason: FleetlingError | undefined;
	readonly #listeners = new Set<() => void>();

	get cancelled(): boolean {
		return this.#reason !== undefined;
	}

	/** Why; undefined until it happens. */
	get reason(): FleetlingError | undefined {
		return this.#reason;
	}

	cancel(reason: FleetlingError): void {
		if (this.#reason !== undefined) return;
		this.#reason = reason;
		const listeners = [...this.#listeners];
		this.#listeners.clear();
		for (const listener of listeners) listener();
	}

	throwIfCancelled(): void {
		if (this.#reason !== undefined) throw this.#reason;
	}

	/** Calls `listener` once when it happens, at once when it has happened. It must not throw. */
	add(listener: () => void): void {
		if (this.#reason === undefined) this.#listeners.add(listener);
		else listener();
	}

	remove(listener: () => void): void {
		this.#listeners.delete(listener);
	}
}
