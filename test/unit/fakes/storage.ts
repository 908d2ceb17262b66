import type { Storage } from "fleetling/common/device";
import { MemoryStore } from "./store";

/** Key-value storage in memory, domain by domain. */
export class MemoryStorage implements Storage {
	readonly #domains = new Map<string, MemoryStore>();

	open({ path }: { readonly path: string }): MemoryStore {
		return this.domain(path);
	}

	domain(path: string): MemoryStore {
		let store = this.#domains.get(path);
		if (store === undefined) {
			store = new MemoryStore();
			this.#domains.set(path, store);
		}
		return store;
	}
}
