import type { Resolver } from "fleetling/common/device";
import Timer from "timer";
import Lookup from "./lookup";

type Request = Parameters<Resolver["resolve"]>[0];

/**
 * Name resolution in the shape of ECMA-419, by lwIP. The SDK's own resolver in JavaScript takes fixed name servers, and a packet that
 * is not DNS ends the machine.
 */
export default class NameResolver implements Resolver {
	readonly #pending = new Set<Lookup>();
	#closed = false;

	resolve({ host, onResolved, onError }: Request): void {
		if (this.#closed) return;
		try {
			const lookup = new Lookup(host, (address) => {
				this.#pending.delete(lookup);
				lookup.close();
				if (this.#closed) return;
				if (address === undefined) onError(host);
				else onResolved(host, address);
			});
			this.#pending.add(lookup);
		} catch {
			// There is no network at all: the same answer, and never before this function has returned.
			Timer.set(() => {
				if (!this.#closed) onError(host);
			});
		}
	}

	/** No callback follows. Idempotent. */
	close(): void {
		this.#closed = true;
		for (const lookup of this.#pending) lookup.close();
		this.#pending.clear();
	}
}
