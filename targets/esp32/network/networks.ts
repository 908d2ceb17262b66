import { FleetlingError } from "fleetling/error/error";
import TextEncoder from "text/encoder";

/** A Wi-Fi network that a device knows. */
export interface KnownNetwork {
	readonly ssid: string;
	/** Undefined for a network without one. */
	readonly password: string | undefined;
}

/** IEEE 802.11: a name has up to 32 bytes. */
const longestName = 32;
/** Each is tried in turn, 20 s at most; a round has to end. */
const mostNetworks = 8;
/** WPA: 8 to 63 characters, or 64 hexadecimal digits. */
const shortestPassword = 8;
const longestPassword = 64;

/**
 * A network as it can be used.
 *
 * @throws config.invalid, without the password in its text
 */
export function checkNetwork(ssid: unknown, password: unknown): KnownNetwork {
	if (typeof ssid !== "string" || ssid === "" || new TextEncoder().encode(ssid).byteLength > longestName)
		throw new FleetlingError("config.invalid", `a Wi-Fi network needs a name of 1 to ${longestName} bytes`);
	if (password === undefined || password === null || password === "") return { ssid, password: undefined };
	if (typeof password !== "string" || password.length < shortestPassword || password.length > longestPassword) {
		const text = `the password of Wi-Fi network "${ssid}" has to have ${shortestPassword} to ${longestPassword} characters`;
		throw new FleetlingError("config.invalid", text);
	}
	return { ssid, password };
}

/**
 * Reads a stored list such as [{"ssid":"workshop","password":"…"}] and adds `others`. What cannot be used is left out: a device that knows
 * one good network must not be lost for a mistake in another. `complain` gets one line for each, without secrets.
 */
export function knownNetworks(
	stored: string | undefined,
	others: readonly Readonly<Record<string, unknown>>[],
	complain: (text: string) => void,
): readonly KnownNetwork[] {
	const networks = new Map<string, KnownNetwork>();
	for (const entry of [...listOf(stored, complain), ...others]) {
		if (networks.size === mostNetworks) {
			complain(`only ${mostNetworks} Wi-Fi networks are used`);
			break;
		}
		try {
			const { ssid, password } = (typeof entry === "object" && entry !== null ? entry : {}) as Partial<KnownNetwork>;
			const network = checkNetwork(ssid, password);
			if (!networks.has(network.ssid)) networks.set(network.ssid, network);
		} catch (error) {
			complain(`${(error as Error).message}; it is left out`);
		}
	}
	return [...networks.values()];
}

function listOf(text: string | undefined, complain: (text: string) => void): readonly unknown[] {
	if (text === undefined || text === "") return [];
	try {
		const list: unknown = JSON.parse(text);
		if (Array.isArray(list)) return list as unknown[];
	} catch {
		// Said below: the text holds passwords, and so may the message of the error.
	}
	complain("the stored list of Wi-Fi networks cannot be read; store it anew");
	return [];
}
