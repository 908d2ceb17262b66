import type { SeenNetwork } from "fleetling/management/console/wifi-access";
import type { KnownNetwork } from "./networks";

/** The device's way into the network, whatever it is made of. */

/** What a person may want to know about it. */
export interface LinkStatus {
	/** "Wi-Fi home-2g", "Ethernet" */
	readonly name: string;
	/** IPv4; undefined while there is none. */
	readonly address: string | undefined;
}

export interface LinkOptions {
	/** Called with each address that is given, and with undefined when it is lost. Must not throw. */
	readonly onAddress: (address: string | undefined) => void;
	/** One line for the log. */
	readonly say: (text: string) => void;
	/** Of Wi-Fi, in the order in which they are to be tried. */
	readonly networks: readonly KnownNetwork[];
	/** By which it asks for an address; undefined for ESP-IDF's own name. */
	readonly hostname?: string | undefined;
}

export interface Link {
	readonly status: LinkStatus;
	/** Of Wi-Fi only. */
	readonly radio?: Radio;
	/** Idempotent; no callback follows. */
	close(): void;
}

/** Wi-Fi beyond keeping it up. */
export interface Radio {
	/** Looks for networks; one that is being joined is left for that. `onEnd` is called once. Throws when it cannot look now. */
	scan(onFound: (network: SeenNetwork) => void, onEnd: () => void): void;
	/**
	 * Joins a network now, in the place of the one that the device is in. When that fails, it goes back to those it knows.
	 * Another call takes the place of one that is under way, which then does not end.
	 */
	join(network: KnownNetwork, onEnd: (joined: boolean) => void): void;
	/** For the next connection. */
	rename(hostname: string): void;
}

/** Brings the network up and keeps it up. A target has one, under "fleetling/esp32/network/interface". */
export interface NetworkInterface {
	/** Whether its address is the chip's for Ethernet. */
	readonly ethernet: boolean;
	open(options: LinkOptions): Link;
}
