/** One place that connections may be forwarded to, whatever its address. */
export interface ForwardTarget {
	/** Name or IP address, in lower case. */
	readonly host: string;
	readonly port: number;
}

/** Where managers may have connections forwarded to: nowhere, the device and its networks, or what is listed. */
export type Forwarding = "off" | "local" | readonly ForwardTarget[];

const mostTargets = 16;
const longestHost = 253;

/** Reads what a person writes into the configuration; undefined when it is not that. */
export function parseForwarding(text: string): Forwarding | undefined {
	if (text === "off" || text === "local") return text;
	const targets: ForwardTarget[] = [];
	for (const part of text.split(",")) {
		const entry = part.trim();
		const colon = entry.lastIndexOf(":");
		const host = unbracketed(entry.slice(0, Math.max(colon, 0)));
		const port = Number(entry.slice(colon + 1));
		if (host === undefined || !isPort(port)) return undefined;
		targets.push({ host, port });
	}
	return targets.length <= mostTargets ? targets : undefined;
}

/** An IPv6 address stands in brackets, so that its colons are not taken for that of the port. */
function unbracketed(host: string): string | undefined {
	const inBrackets = host.startsWith("[") && host.endsWith("]");
	const name = (inBrackets ? host.slice(1, -1) : host).toLowerCase();
	return isHost(name) && inBrackets === name.includes(":") ? name : undefined;
}

export function isHost(text: string): boolean {
	if (text === "" || text.length > longestHost) return false;
	for (let at = 0; at < text.length; at++) if (!hostCharacters.includes(text.charAt(at).toLowerCase())) return false;
	return true;
}

const hostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-._:";

export function isPort(port: number): boolean {
	return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

/**
 * Whether an IP address is the device's own, or of a network that is not the Internet: RFC 1918, link-local (RFC 3927, RFC 4291)
 * and unique local addresses (RFC 4193).
 */
export function isLocal(address: string): boolean {
	if (address.includes(":")) return isLocal6(address.toLowerCase());
	const [a = 256, b = 256, c = 256, d = 256, ...more] = address.split(".").map(byteOf);
	if (more.length > 0 || a > 255 || b > 255 || c > 255 || d > 255) return false;
	if (a === 10 || a === 127) return true;
	if (a === 172) return b >= 16 && b <= 31;
	return (a === 192 && b === 168) || (a === 169 && b === 254);
}

/** In decimal digits only: some resolvers take 0x7f and 0177 for numbers. */
function byteOf(text: string): number {
	if (text === "" || text.length > 3 || (text.length > 1 && text.startsWith("0"))) return 256;
	for (let at = 0; at < text.length; at++) if (!"0123456789".includes(text.charAt(at))) return 256;
	return Number(text);
}

function isLocal6(address: string): boolean {
	if (address === "::1") return true;
	// An IPv4 address in the clothes of IPv6 is not looked into, and refused.
	const first = Number.parseInt(address.slice(0, 4), 16);
	const whole = address.charAt(4) === ":";
	return whole && ((first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80);
}
