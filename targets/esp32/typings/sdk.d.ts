/** The part of the SDK's module interfaces that only this target uses; the rest is in targets/host/typings. */

declare module "embedded:network/interface/wifi" {
	export default class WiFi {
		constructor(options: { onChanged?: (property: "connection" | "address") => void });
		connect(options: { SSID: string; password?: string }): void;
		disconnect(): void;
		/** Calls `onFound` for each access point, then `onComplete`. Throws while a connection is being made. */
		scan(options: { onFound: (found: { readonly SSID: string; readonly RSSI: number }) => void; onComplete: () => void }): void;
		/** The hostname holds from the next DHCP request on. */
		configure(options: { hostname: string }): void;
		close(): void;
		/** 200 not connected, 300 connecting, 400 associated, 500 with addresses. */
		readonly connection: number;
		readonly address: string | undefined;
		readonly SSID: string | undefined;
		readonly RSSI: number | undefined;
	}
}

declare module "modules" {
	export default class Modules {
		static importNow(name: string): unknown;
	}
}
