import type { Storage } from "fleetling/common/device";
import { type KnownNetwork, knownNetworks } from "./networks";

const domain = "wifi";
const key = "networks";
const nameKey = "hostname";

/** The Wi-Fi networks in the device's storage, and the one of the build (`ssid`, `password`); also its name in them. */
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
		this.#write(key, listText([network, ...this.#good().filter(({ ssid }) => ssid !== network.ssid)]));
	}

	/** Whether it was there. */
	remove(name: string): boolean {
		const networks = this.#good();
		const rest = networks.filter(({ ssid }) => ssid !== name);
		if (rest.length === networks.length) return false;
		this.#write(key, listText(rest));
		return true;
	}

	#good(): readonly KnownNetwork[] {
		return knownNetworks(this.#stored(), [], () => {});
	}

	/** By which the device asks for its address; undefined when nobody has given it one. */
	get hostname(): string | undefined {
		return this.#stored(nameKey);
	}

	set hostname(name: string | undefined) {
		this.#write(nameKey, name ?? "");
	}

	#stored(name = key): string | undefined {
		const store = this.#storage.open({ path: domain, format: "string" });
		try {
			const text = store.read(name);
			return typeof text === "string" && text !== "" ? text : undefined;
		} finally {
			store.close();
		}
	}

	#write(name: string, text: string): void {
		const store = this.#storage.open({ path: domain, format: "string", mode: "r+" });
		try {
			store.write(name, text);
		} finally {
			store.close();
		}
	}
}

const listText = (networks: readonly KnownNetwork[]): string => JSON.stringify(networks);
