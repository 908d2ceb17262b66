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
}

export interface Link {
	readonly status: LinkStatus;
	/** Idempotent; no callback follows. */
	close(): void;
}

/** Brings the network up and keeps it up. A target has one, under "fleetling/esp32/network/interface". */
export interface NetworkInterface {
	/** Whether its address is the chip's for Ethernet. */
	readonly ethernet: boolean;
	open(options: LinkOptions): Link;
}
