/** Wi-Fi as somebody can set it up who stands next to the device. A target with Wi-Fi provides it. */

export interface WiFiCredentials {
	readonly ssid: string;
	/** Undefined for a network without one. */
	readonly password: string | undefined;
}

export interface SeenNetwork {
	readonly ssid: string;
	/** dBm. */
	readonly rssi: number;
	/** Whether it wants a password. */
	readonly secured: boolean;
}

export interface WiFiAccess {
	/** IPv4; undefined while the device is in no network. */
	readonly address: string | undefined;
	/**
	 * Looks for networks.
	 *
	 * @param onFound called for each access point
	 * @param onEnd called once, also when nothing was found
	 * @throws when the radio cannot look now
	 */
	scan(onFound: (network: SeenNetwork) => void, onEnd: () => void): void;
	/**
	 * Joins a network. One that took the device is stored and comes first from then on; after a failure the device goes back to those it
	 * knew, and nothing of the new one is kept. Another call takes the place of one that is under way, which then does not end.
	 *
	 * @throws config.invalid for a name or password that no network can have
	 */
	join(credentials: WiFiCredentials, onEnd: (joined: boolean) => void): void;
	/** By which the device asks for its address (DHCP), and which routers list. Setting stores it; it holds from the next connection on. */
	hostname: string;
}
