import { FleetlingError } from "fleetling/error/error";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import Timer from "timer";
import { deadlines, limits } from "../../common/deadlines";
import type { TaggedLog } from "../../common/log";
import { packet, packetTypes } from "./frames";
import type { SeenNetwork, WiFiAccess, WiFiCredentials } from "./wifi-access";

/** Numbers of the protocol, from improv-wifi.com/serial. */
const states = Object.freeze({ ready: 2, provisioning: 3, provisioned: 4 });
const errors = Object.freeze({ none: 0, invalidPacket: 1, unknownCommand: 2, unableToConnect: 3, badHostname: 5, unknown: 0xff });
const commands = Object.freeze({ settings: 1, state: 2, information: 3, scan: 4, hostname: 5, name: 6 });

/** Command and length of the data stand before them. */
const commandHead = 2;
const mostData = 255;

/** What a device says of itself before it is set up. */
export interface DeviceInformation {
	readonly firmware: string;
	readonly version: string;
	readonly chip: string;
	readonly name: string;
}

export interface ImprovOptions {
	/** Sends one packet. */
	readonly send: (packet: Uint8Array) => void;
	readonly information: () => DeviceInformation;
	/** Absent on a device without Wi-Fi, which says that it cannot connect. */
	readonly wifi: WiFiAccess | undefined;
	/** Where a person goes on when the device has joined its network; undefined when nobody knows. */
	readonly next: () => string | undefined;
	readonly log: TaggedLog;
}

/**
 * A device's side of Improv: somebody with a browser at the serial port sees what it is and which networks it sees, and gives it the name
 * and password of one. One operation at a time; each ends within its deadline. Passwords go in and never come out.
 */
export class Improv {
	readonly #options: ImprovOptions;
	/** Counts up with each operation: what an older one brings is too late. */
	#operation = 0;
	#busy: "connecting" | "scanning" | undefined;
	#timer: Timer | undefined;

	constructor(options: ImprovOptions) {
		this.#options = options;
	}

	/** A packet has come. Never throws. */
	received(type: number, data: Uint8Array): void {
		// Only commands come from a client. Answering what devices say would go round for ever between two of them.
		if (type !== packetTypes.command) return;
		const length = data[1];
		if (length === undefined || length !== data.length - commandHead) {
			this.broken();
			return;
		}
		const rest = data.subarray(commandHead);
		try {
			this.#carryOut(data[0] ?? 0, rest);
		} catch (error) {
			this.#options.log.failure(error, "warn");
			this.#fail(errors.unknown);
		}
	}

	/** A packet has come that is damaged. */
	broken(): void {
		this.#fail(errors.invalidPacket);
	}

	#carryOut(command: number, data: Uint8Array): void {
		const { wifi, information } = this.#options;
		switch (command) {
			case commands.settings:
				this.#settings(data);
				return;
			case commands.state:
				this.#begun();
				this.#state();
				if (wifi?.address !== undefined && this.#busy !== "connecting") this.#result(command, this.#link());
				return;
			case commands.information: {
				this.#begun();
				const { firmware, version, chip, name } = information();
				this.#result(command, [firmware, version, chip, name]);
				return;
			}
			case commands.scan:
				this.#scan();
				return;
			case commands.hostname:
			case commands.name:
				this.#name(command, data);
				return;
			default:
				this.#fail(errors.unknownCommand);
		}
	}

	/** Each command that is taken up takes back the error of the one before. */
	#begun(): void {
		this.#fail(errors.none);
	}

	#fail(error: number): void {
		this.#options.send(packet(packetTypes.error, [error]));
	}

	#state(): void {
		const connected = this.#options.wifi?.address !== undefined;
		const state = this.#busy === "connecting" ? states.provisioning : connected ? states.provisioned : states.ready;
		this.#options.send(packet(packetTypes.state, [state]));
	}

	#link(): readonly string[] {
		const next = this.#options.next();
		return next === undefined ? [] : [next];
	}

	/** Texts that do not fit into the packet are left out, and what follows them. */
	#result(command: number, texts: readonly string[]): void {
		const encoder = new TextEncoder();
		const data: number[] = [command, 0];
		for (const text of texts) {
			const bytes = encoder.encode(text);
			if (data.length + 1 + bytes.length > mostData) break;
			data.push(bytes.length);
			for (const byte of bytes) data.push(byte);
		}
		data[1] = data.length - commandHead;
		this.#options.send(packet(packetTypes.result, data));
	}

	/** Ends what is under way, whatever it still brings, and begins the next. */
	#begin(busy: "connecting" | "scanning", deadline: number, late: () => void): (work: () => void) => void {
		const operation = ++this.#operation;
		this.#busy = busy;
		Timer.clear(this.#timer);
		const once = (work: () => void): void => {
			if (operation !== this.#operation) return;
			this.#operation++;
			this.#busy = undefined;
			Timer.clear(this.#timer);
			this.#timer = undefined;
			work();
		};
		this.#timer = Timer.set(() => once(late), deadline);
		return once;
	}

	#settings(data: Uint8Array): void {
		const credentials = credentialsIn(data);
		if (credentials === undefined) {
			this.broken();
			return;
		}
		const { wifi, log } = this.#options;
		this.#begun();
		if (wifi === undefined) {
			log.warn("Improv: this device has no Wi-Fi that could be set up");
			this.#fail(errors.unableToConnect);
			this.#state();
			return;
		}
		const { ssid } = credentials;
		const refused = (why: string): void => {
			log.warn(`Improv: "${ssid}": ${why}`);
			this.#fail(errors.unableToConnect);
			this.#state();
		};
		const end = this.#begin("connecting", deadlines.improvConnect, () => refused("no connection in time"));
		log.info(`Improv: joining Wi-Fi network "${ssid}"`);
		this.#state();
		try {
			wifi.join(credentials, (joined) => {
				end(() => {
					if (joined) {
						this.#state();
						this.#result(commands.settings, this.#link());
					} else refused("it would not have the device");
				});
			});
		} catch (error) {
			end(() => refused(error instanceof FleetlingError ? error.message : String(error)));
		}
	}

	#scan(): void {
		const { wifi, log } = this.#options;
		this.#begun();
		if (wifi === undefined) {
			this.#result(commands.scan, []);
			return;
		}
		// The radio cannot do both.
		if (this.#busy !== undefined) {
			this.#fail(errors.unknown);
			return;
		}
		const seen = new Map<string, SeenNetwork>();
		const end = this.#begin("scanning", deadlines.improvScan, () => this.#fail(errors.unknown));
		try {
			wifi.scan(
				(network) => keepStrongest(seen, network),
				() => end(() => this.#show(seen)),
			);
		} catch (error) {
			end(() => {
				log.failure(error, "warn");
				this.#fail(errors.unknown);
			});
		}
	}

	/** One result for each, and an empty one. */
	#show(seen: ReadonlyMap<string, SeenNetwork>): void {
		const networks = [...seen.values()].sort((a, b) => b.rssi - a.rssi);
		for (const { ssid, rssi, secured } of networks) this.#result(commands.scan, [ssid, String(rssi), secured ? "YES" : "NO"]);
		this.#result(commands.scan, []);
	}

	/** A device has one name, which is that in its network. */
	#name(command: number, data: Uint8Array): void {
		const { wifi, information } = this.#options;
		if (data.length === 0) {
			this.#begun();
			this.#result(command, [wifi?.hostname ?? information().name]);
			return;
		}
		if (wifi === undefined) {
			this.#fail(errors.unknownCommand);
			return;
		}
		const hostname = textIn(data);
		if (hostname === undefined || !isHostname(hostname)) {
			this.#fail(errors.badHostname);
			return;
		}
		wifi.hostname = hostname;
		this.#begun();
		this.#result(command, [wifi.hostname]);
	}
}

/** Access points of one network have one name; a network without one cannot be chosen. */
function keepStrongest(seen: Map<string, SeenNetwork>, network: SeenNetwork): void {
	const { ssid, rssi } = network;
	const known = seen.get(ssid);
	if (ssid === "" || (known !== undefined && known.rssi >= rssi)) return;
	seen.set(ssid, network);
	if (seen.size <= limits.scannedNetworks) return;
	let weakest = network;
	for (const each of seen.values()) if (each.rssi < weakest.rssi) weakest = each;
	seen.delete(weakest.ssid);
}

/** Two texts, each behind its length, and nothing else. */
function credentialsIn(data: Uint8Array): WiFiCredentials | undefined {
	const nameLength = data[0] ?? 0;
	const passwordLength = data[1 + nameLength];
	if (passwordLength === undefined || data.length !== nameLength + passwordLength + 2) return undefined;
	const ssid = textIn(data.subarray(1, 1 + nameLength));
	const password = textIn(data.subarray(2 + nameLength));
	if (ssid === undefined || ssid === "" || password === undefined) return undefined;
	return { ssid, password: password === "" ? undefined : password };
}

/** Undefined when it is no UTF-8. */
function textIn(bytes: Uint8Array): string | undefined {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		return undefined;
	}
}

/** DNS takes 63, ESP-IDF no more than this (ESP_NETIF_HOSTNAME_MAX_SIZE). */
export const longestHostname = 32;

/** One label of RFC 1123, section 2.1: letters, digits and hyphens, of which none is at an end. */
export function isHostname(text: string): boolean {
	if (text.length < 1 || text.length > longestHostname || text.charAt(0) === "-" || text.charAt(text.length - 1) === "-")
		return false;
	for (let at = 0; at < text.length; at++) {
		const letter = text.charAt(at).toLowerCase();
		if (!((letter >= "a" && letter <= "z") || (letter >= "0" && letter <= "9") || letter === "-")) return false;
	}
	return true;
}
