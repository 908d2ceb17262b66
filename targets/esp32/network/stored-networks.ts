import type { Storage } from "fleetling/common/device";
import { type KnownNetwork, knownNetworks } from "./networks";

const domain = "wifi";
const key = "networks";

/** The Wi-Fi networks in the device's storage, and the one of the build (`ssid`, `password`). */
export class StoredNetworks {
	readonly #storage: Storage;
	readonly #build: Readonly<Record<string, unknown>>;

	constructor(storage: Storage, build: Readonly<Record<string, unknown>>) {
		this.#storage = storage;
		this.#build = build;
	}

	/** Those of the storage first. `complain` gets a line for each entry that cannot be used. */
	all(complain: (text: string) => void): readonly KnownNetwork[] {
		const { ssid, password } = this.#build;
		return knownNetworks(this.#stored(), ssid === undefined || ssid === "" ? [] : [{ ssid, password }], complain);
	}

	/** Puts a network first, in the place of the one of that name. */
	add(network: KnownNetwork): void {
		this.#write([network, ...this.#good().filter(({ ssid }) => ssid !== network.ssid)]);
	}

	/** Whether it was there. */
	remove(name: string): boolean {
		const networks = this.#good();
		const rest = networks.filter(({ ssid }) => ssid !== name);
		if (rest.length === networks.length) return false;
		this.#write(rest);
		return true;
	}

	#good(): readonly KnownNetwork[] {
		return knownNetworks(this.#stored(), [], () => {});
	}

	#stored(): string | undefined {
		const store = this.#storage.open({ path: domain, format: "string" });
		try {
			const text = store.read(key);
			return typeof text === "string" ? text : undefined;
		} finally {
			store.close();
		}
	}

	#write(networks: readonly KnownNetwork[]): void {
		const store = this.#storage.open({ path: domain, format: "string", mode: "r+" });
		try {
			store.write(key, JSON.stringify(networks));
		} finally {
			store.close();
		}
	}
}
