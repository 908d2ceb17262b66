import WiFi from "embedded:network/interface/wifi";
import { Backoff } from "fleetling/common/backoff";
import { random } from "fleetling/common/random";
import type { SeenNetwork } from "fleetling/management/console/wifi-access";
import Timer from "timer";
import type { Link, LinkOptions, LinkStatus, NetworkInterface, Radio } from "./link";
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

/** A scan of all channels takes 2 to 3 s. */
const scanDeadline = 8_000;
/** After a disconnection the driver still tells of it; what it tells must not be taken for the next attempt. */
const settle = 250;

/** In the terms of the SDK's module: an address is there. */
const connected = 500;
/** And: associated, or about to be. */
const connecting = 300;

/**
 * Wi-Fi with several known networks: each is tried in turn, the one that worked last first. When none works there is a pause that
 * grows. A connection that is lost is tried again at once.
 */
class WiFiLink implements Link, Radio {
	readonly #options: LinkOptions;
	#networks: readonly KnownNetwork[];
	readonly #wifi: WiFi;
	readonly #backoff = new Backoff({ base: retryBase, cap: retryCap, floor: retryFloor, longest: retryCap, random });
	#at = 0;
	/** Networks that would not have the device in this round. */
	#failed = 0;
	#address: string | undefined;
	#timer: Timer | undefined;
	#trying = false;
	#closed = false;
	/** While the first network is one that a person wishes for: those that were known before it. */
	#trial: { readonly known: readonly KnownNetwork[]; readonly onEnd: (joined: boolean) => void } | undefined;
	#scanning = false;

	constructor(options: LinkOptions) {
		this.#options = options;
		this.#networks = options.networks;
		this.#wifi = new WiFi({ onChanged: () => this.#guarded(() => this.#changed()) });
		const { hostname } = options;
		// One from another tool may be unusable. The device goes by ESP-IDF's own then, and is not lost.
		if (hostname !== undefined)
			this.#orElse(
				() => this.rename(hostname),
				() => {},
			);
		if (this.#networks.length === 0) options.say('no Wi-Fi network is known: "wifi add NAME PASSWORD" at the console stores one');
		else this.#try();
	}

	get status(): LinkStatus {
		const network = this.#networks[this.#at];
		return { name: network === undefined ? "Wi-Fi, no network known" : `Wi-Fi ${network.ssid}`, address: this.#address };
	}

	get radio(): Radio {
		return this;
	}

	scan(onFound: (network: SeenNetwork) => void, onEnd: () => void): void {
		if (this.#scanning) throw new Error("the radio looks for networks already");
		if (this.#trial !== undefined) throw new Error("the radio joins a network");
		const ended = (): void => {
			if (!this.#scanning) return;
			this.#scanning = false;
			this.#wait(undefined);
			if (this.#address === undefined) this.#wait(settle, () => this.#try());
			onEnd();
		};
		const look = (): void => {
			this.#wait(scanDeadline, ended);
			this.#wifi.scan({
				onFound: (found) => onFound(seen(found)),
				onComplete: () => this.#guarded(ended),
			});
		};
		this.#scanning = true;
		if (this.#address === undefined) {
			// The driver does not scan while it associates.
			this.#leave();
			this.#wait(settle, () => this.#orElse(look, ended));
		} else this.#orElse(look, ended);
	}

	join(network: KnownNetwork, onEnd: (joined: boolean) => void): void {
		const known = this.#trial?.known ?? this.#networks;
		this.#trial = { known, onEnd };
		this.#scanning = false;
		this.#networks = [network, ...known.filter(({ ssid }) => ssid !== network.ssid)];
		this.#at = 0;
		this.#failed = 0;
		this.#backoff.reset();
		this.#leave();
		this.#announce(undefined);
		this.#wait(settle, () => this.#try());
	}

	rename(hostname: string): void {
		this.#wifi.configure({ hostname });
	}

	#orElse(work: () => void, otherwise: () => void): void {
		try {
			work();
		} catch (error) {
			this.#options.say(`Wi-Fi: ${String(error)}`);
			otherwise();
		}
	}

	/** How the network did that a person wished for. After a failure those that were known before have their turn. */
	#tried(joined: boolean): void {
		const trial = this.#trial;
		if (trial === undefined) return;
		this.#trial = undefined;
		if (!joined) this.#networks = trial.known;
		trial.onEnd(joined);
	}

	/** Gives up what is under way. */
	#leave(): void {
		this.#trying = false;
		this.#wait(undefined);
		this.#wifi.disconnect();
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
			this.#tried(true);
			return;
		}
		this.#announce(undefined);
		if (connection >= connecting || this.#scanning) return;
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
		if (this.#trial !== undefined) {
			this.#at = 0;
			this.#failed = 0;
			this.#wait(retryFloor, () => this.#try());
			this.#tried(false);
			return;
		}
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

interface Found {
	readonly SSID: string;
	readonly RSSI: number;
	/** The SDK's typings leave it out. */
	readonly security?: string;
}

const seen = ({ SSID: ssid, RSSI: rssi, security }: Found): SeenNetwork => ({ ssid, rssi, secured: security !== "none" });

const network: NetworkInterface = {
	ethernet: false,
	open: (options) => new WiFiLink(options),
};

export default Object.freeze(network);
