/**
 * Takes the place of the SDK's Wi-Fi driver in tests of what is above it. It has the driver's states and its order of events: what is
 * disconnected tells so later, and a scan is refused while a connection is being made.
 */
import { type Found, radio } from "test/radio";

export default class WiFiDriver {
	connection = 200;
	readonly #onChanged: (property: "connection" | "address") => void;
	#target: { readonly SSID: string; readonly password?: string } | undefined;

	constructor({ onChanged }: { readonly onChanged: (property: "connection" | "address") => void }) {
		this.#onChanged = onChanged;
		radio.current = this;
	}

	get address(): string | undefined {
		return this.connection === 500 ? "192.168.1.23" : undefined;
	}

	configure({ hostname }: { readonly hostname: string }): void {
		if (hostname.length > 32) throw new Error("set hostname failed");
		radio.calls.push(`name ${hostname}`);
	}

	connect(target: { readonly SSID: string; readonly password?: string }): void {
		if (this.connection === 300) throw new Error("already connecting");
		radio.calls.push(`connect ${target.SSID}`);
		this.#target = target;
		this.connection = 300;
	}

	disconnect(): void {
		radio.calls.push("disconnect");
		this.connection = 200;
	}

	scan({ onFound, onComplete }: { readonly onFound: (found: Found) => void; readonly onComplete: () => void }): void {
		if (this.connection === 300) throw new Error("scan failed");
		radio.calls.push("scan");
		if (radio.deaf) return;
		for (const each of radio.found) onFound(each);
		onComplete();
	}

	close(): void {}

	/** The access point answers. */
	settle(): void {
		const { SSID = "", password = "" } = this.#target ?? {};
		this.connection = radio.reachable[SSID] === password ? 500 : 200;
		this.#onChanged("connection");
	}

	/** The access point goes away. */
	lose(): void {
		this.connection = 200;
		this.#onChanged("connection");
	}
}
