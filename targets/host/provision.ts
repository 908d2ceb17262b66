/**
 * Writes a configuration into the key-value storage of the flash that it runs from: what `npm run provision` starts. It is the code that
 * a device stores its configuration with, so that a device reads what was written here.
 */
import storage from "embedded:storage/key-value";
import { StoredConfiguration } from "fleetling/agent/configuration";
import { FleetlingError } from "fleetling/error/error";
import { checkNetwork } from "fleetling/esp32/network/networks";
import { StoredNetworks } from "fleetling/esp32/network/stored-networks";
import Channel from "fleetling/host/channel";
import { isHostname, longestHostname } from "fleetling/management/console/improv";
import TextEncoder from "text/encoder";

/** NVS: a text has 4,000 bytes at the most with the 0 at its end. */
const longestText = 3_999;

/** Keys of a device with Wi-Fi, beside those of the configuration. */
const wifiKeys = ["ssid", "password", "hostname"] as const;

const configuration = new StoredConfiguration(
	() => storage.open({ path: "config", format: "string" }),
	() => undefined,
);
const networks = new StoredNetworks(storage, {});

function provision(values: ReadonlyMap<string, string>): void {
	for (const [key, value] of values) {
		const size = new TextEncoder().encode(value).byteLength;
		if (size > longestText) throw invalid(`configuration key "${key}" has ${size} bytes: expected at most ${longestText}`);
		if (!isWiFiKey(key)) set(key, value);
	}
	const [ssid, password, hostname] = wifiKeys.map((key) => values.get(key));
	if (ssid !== undefined) networks.add(checkNetwork(ssid, password));
	else if (password !== undefined) throw invalid('"password" is that of a Wi-Fi network: give its name too, as "ssid"');
	if (hostname === undefined) return;
	if (!isHostname(hostname))
		throw invalid(`"hostname" has to have 1 to ${longestHostname} letters, digits and hyphens, with no hyphen at an end`);
	networks.hostname = hostname;
}

function set(key: string, value: string): void {
	try {
		configuration.set(key, value);
	} catch (error) {
		if (!(error instanceof FleetlingError) || error.code !== "config.unknown") throw error;
		throw new FleetlingError(error.code, `${error.message}, ${wifiKeys.join(", ")}`);
	}
}

const isWiFiKey = (key: string): boolean => wifiKeys.some((each) => each === key);

const invalid = (text: string): FleetlingError => new FleetlingError("config.invalid", text);

/** In words, for a person at a shell. */
function reasonOf(error: unknown): string {
	if (error instanceof FleetlingError) return error.message;
	const text = String(error);
	return text.includes("NOT_ENOUGH_SPACE")
		? "the values do not fit: give a larger --size, no larger than the device's partition"
		: text;
}

Channel.listen((text) => {
	try {
		provision(new Map(JSON.parse(text) as [string, string][]));
		Channel.emit('{"event":"provisioned"}');
	} catch (error) {
		Channel.emit(JSON.stringify({ event: "refused", text: reasonOf(error) }));
	}
	Channel.exit(0);
});
