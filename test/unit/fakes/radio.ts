/** What the tests of Wi-Fi see and set of the driver that stands in for the SDK's (wifi-driver.ts). */

export interface Found {
	readonly SSID: string;
	readonly RSSI: number;
	readonly security: string;
}

/** What the tests see and set: there is one radio. */
export const radio = {
	/** By name: the password, "" for none. */
	reachable: {} as Record<string, string>,
	found: [] as Found[],
	calls: [] as string[],
	current: undefined as { settle(): void; lose(): void } | undefined,
	/** A scan that never ends, which happens with a driver that was stopped. */
	deaf: false,
};
