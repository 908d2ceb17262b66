import type { SeenNetwork, WiFiAccess, WiFiCredentials } from "fleetling/management/console/wifi-access";
import type { Link } from "./link";
import { checkNetwork } from "./networks";
import type { StoredNetworks } from "./stored-networks";

export interface AccessOptions {
	/** Undefined while the network is not up yet, and where it has no radio. */
	readonly link: () => Link | undefined;
	readonly networks: StoredNetworks;
	/** The name of a device that was given none. */
	readonly hostname: string;
	/** One line for the log. */
	readonly say: (text: string) => void;
}

/** Wi-Fi to be set up by a person: what the radio does, with the networks that are stored. */
export class StoredWiFiAccess implements WiFiAccess {
	readonly #options: AccessOptions;

	constructor(options: AccessOptions) {
		this.#options = options;
	}

	get address(): string | undefined {
		return this.#options.link()?.status.address;
	}

	get hostname(): string {
		const { networks, hostname } = this.#options;
		return networks.hostname ?? hostname;
	}

	set hostname(name: string) {
		this.#options.networks.hostname = name;
		this.#options.link()?.radio?.rename(name);
	}

	scan(onFound: (network: SeenNetwork) => void, onEnd: () => void): void {
		this.#radio.scan(onFound, onEnd);
	}

	join({ ssid, password }: WiFiCredentials, onEnd: (joined: boolean) => void): void {
		const { networks, say } = this.#options;
		const network = checkNetwork(ssid, password);
		this.#radio.join(network, (joined) => {
			try {
				// Not before it has taken the device: a mistake in typing would cost every start 20 s.
				if (joined) networks.add(network);
			} catch (error) {
				say(`network "${ssid}" could not be stored: ${String(error)}`);
			}
			onEnd(joined);
		});
	}

	get #radio(): NonNullable<Link["radio"]> {
		const radio = this.#options.link()?.radio;
		if (radio === undefined) throw new Error("Wi-Fi is not up yet");
		return radio;
	}
}
