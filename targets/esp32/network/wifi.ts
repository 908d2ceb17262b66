import WiFi from "embedded:network/interface/wifi";
import { Backoff } from "fleetling/common/backoff";
import { random } from "fleetling/common/random";
import Timer from "timer";
import type { Link, LinkOptions, LinkStatus, NetworkInterface } from "./link";
import type { KnownNetwork } from "./networks";

/**
 * An access point that does not answer in this time does not answer at all: association takes a second or two, DHCP up to ten. The
 * SDK waits for an IPv6 link-local address too.
 */
const attemptDeadline = 20_000;
/** Pauses after a round in which no network would have the device. An access point that restarts is back within a minute. */
const retryBase = 1_000;
const retryCap = 60_000;
const retryFloor = 250;

/** In the terms of the SDK's module: an address is there. */
const connected = 500;
/** And: associated, or about to be. */
const connecting = 300;

/**
 * Wi-Fi with several known networks: each is tried in turn, the one that worked last first. When none works there is a pause that
 * grows. A connection that is lost is tried again at once.
 */
class WiFiLink implements Link {
	readonly #options: LinkOptions;
	readonly #networks: readonly KnownNetwork[];
	readonly #wifi: WiFi;
	readonly #backoff = new Backoff({ base: retryBase, cap: retryCap, floor: retryFloor, longest: retryCap, random });
	#at = 0;
	/** Networks that would not have the device in this round. */
	#failed = 0;
	#address: string | undefined;
	#timer: Timer | undefined;
	#trying = false;
	#closed = false;

	constructor(options: LinkOptions) {
		this.#options = options;
		this.#networks = options.networks;
		this.#wifi = new WiFi({ onChanged: () => this.#guarded(() => this.#changed()) });
		if (this.#networks.length === 0) options.say('no Wi-Fi network is known: "wifi add NAME PASSWORD" at the console stores one');
		else this.#try();
	}

	get status(): LinkStatus {
		const network = this.#networks[this.#at];
		return { name: network === undefined ? "Wi-Fi, no network known" : `Wi-Fi ${network.ssid}`, address: this.#address };
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#wait(undefined);
		this.#wifi.close();
	}

	/** What escaped from a callback would end the machine. */
	#guarded(work: () => void): void {
		try {
			if (!this.#closed) work();
		} catch (error) {
			this.#options.say(`Wi-Fi: ${String(error)}`);
			this.#pause();
		}
	}

	#wait(delay: number | undefined, work: () => void = () => {}): void {
		Timer.clear(this.#timer);
		this.#timer =
			delay === undefined
				? undefined
				: Timer.set(() => {
						this.#timer = undefined;
						this.#guarded(work);
					}, delay);
	}

	#try(): void {
		const network = this.#networks[this.#at];
		if (network === undefined) return;
		const { ssid: SSID, password } = network;
		this.#options.say(`trying Wi-Fi network "${SSID}"`);
		this.#wait(attemptDeadline, () => {
			// Whatever the driver is at, it begins again.
			this.#trying = false;
			this.#wifi.disconnect();
			this.#next();
		});
		this.#trying = true;
		try {
			this.#wifi.connect(password === undefined ? { SSID } : { SSID, password });
		} catch (error) {
			this.#options.say(`Wi-Fi network "${SSID}": ${String(error)}`);
			this.#trying = false;
			this.#wifi.disconnect();
			this.#next();
		}
	}

	#changed(): void {
		const { connection } = this.#wifi;
		if (connection >= connected) {
			this.#trying = false;
			this.#failed = 0;
			this.#backoff.reset();
			this.#wait(undefined);
			this.#announce(this.#wifi.address);
			return;
		}
		this.#announce(undefined);
		if (connection >= connecting) return;
		if (this.#trying) {
			this.#trying = false;
			this.#next();
		} else if (this.#timer === undefined) this.#try();
	}

	#announce(address: string | undefined): void {
		if (address === this.#address) return;
		this.#address = address;
		this.#options.onAddress(address);
	}

	/** The network would not have the device. */
	#next(): void {
		this.#at = (this.#at + 1) % this.#networks.length;
		this.#failed++;
		if (this.#failed < this.#networks.length) this.#wait(retryFloor, () => this.#try());
		else this.#pause();
	}

	#pause(): void {
		this.#failed = 0;
		this.#trying = false;
		this.#wait(this.#backoff.next(), () => this.#try());
	}
}

const network: NetworkInterface = {
	ethernet: false,
	open: (options) => new WiFiLink(options),
};

export default Object.freeze(network);
