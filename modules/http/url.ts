import { FleetlingError } from "fleetling/error/error";
import { printable } from "./printable";

export type Scheme = "http" | "https";

/** The parts of an absolute http or https URL that a request needs. Query included in `path`, fragment dropped. */
export interface ParsedURL {
	readonly scheme: Scheme;
	/** Lower case; an IPv6 address without its brackets. */
	readonly host: string;
	readonly port: number;
	/** Begins with "/"; ASCII only. */
	readonly path: string;
}

export const defaultPorts: Readonly<Record<Scheme, number>> = { http: 80, https: 443 };

/** Longer than any link that a server of ours makes; keeps what a peer can make us hold small. */
const maximumLength = 3072;

/**
 * Reads an absolute http(s) URL. A small parser instead of the engine's URL class: that one follows the browsers' rules,
 * which repair what an updater should rather refuse, and costs 20 KB of code.
 *
 * @throws FleetlingError http.bad-url; user names in a URL are refused (RFC 9110 section 4.2.4)
 */
export function parseURL(text: string): ParsedURL {
	const match = text.length > maximumLength ? null : /^(https?):\/\/([^/?#]*)([^#]*)/i.exec(text);
	if (match === null) throw badURL(text, "is not an http or https URL");
	const scheme = (match[1] ?? "").toLowerCase() as Scheme;
	const { host, port } = parseAuthority(match[2] ?? "", text);
	const tail = match[3] ?? "";
	return { scheme, host, port: port ?? defaultPorts[scheme], path: escapePath(tail.startsWith("/") ? tail : `/${tail}`, text) };
}

/**
 * Resolves a reference such as a Location field against the URL it came from (RFC 3986 section 5.2).
 *
 * @throws FleetlingError http.bad-url
 */
export function resolveURL(base: ParsedURL, reference: string): ParsedURL {
	const [target = ""] = reference.split("#", 1);
	if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return parseURL(target);
	if (target.startsWith("//")) return parseURL(`${base.scheme}:${target}`);
	if (target.length > maximumLength) throw badURL(reference, "is too long");
	const { scheme, host, port } = base;
	const [folder = "/"] = base.path.split("?", 1);
	let path = target;
	if (target === "") path = base.path;
	else if (target.startsWith("?")) path = folder + target;
	else if (!target.startsWith("/")) path = folder.slice(0, folder.lastIndexOf("/") + 1) + target;
	return { scheme, host, port, path: escapePath(removeDots(path), reference) };
}

/** scheme://host:port, always with the port: equal exactly when the origins are (RFC 9110 section 4.3.1). */
export function originOf(url: Pick<ParsedURL, "scheme" | "host" | "port">): string {
	return `${url.scheme}://${bracketed(url.host)}:${url.port}`;
}

/** The value of the Host field: without the port when it is the scheme's own (RFC 9110 section 7.2). */
export function authorityOf(url: Pick<ParsedURL, "scheme" | "host" | "port">): string {
	return url.port === defaultPorts[url.scheme] ? bracketed(url.host) : `${bracketed(url.host)}:${url.port}`;
}

/** Whether `host` is an address that needs no resolver. */
export function isAddress(host: string): boolean {
	return host.includes(":") || /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(host);
}

function bracketed(host: string): string {
	return host.includes(":") ? `[${host}]` : host;
}

function parseAuthority(authority: string, url: string): { host: string; port: number | undefined } {
	if (authority.includes("@")) throw badURL(url, "holds a user name, which is not supported");
	const match = /^(?:\[([0-9a-f:.]+)\]|([0-9a-z._-]+))(?::([0-9]{0,5}))?$/i.exec(authority);
	const host = match?.[1] ?? match?.[2];
	if (match === null || host === undefined || host.length > 253) throw badURL(url, "has no usable host name");
	const port = match[3] === undefined || match[3] === "" ? undefined : Number(match[3]);
	if (port !== undefined && (port < 1 || port > 65535)) throw badURL(url, "has an impossible port");
	return { host: host.toLowerCase(), port };
}

/** Control characters are refused, since they could end the request line; what else is not allowed in a URL is escaped. */
function escapePath(path: string, url: string): string {
	for (let i = 0; i < path.length; i++) {
		const c = path.charCodeAt(i);
		if (c < 0x20 || c === 0x7f) throw badURL(url, "holds control characters");
	}
	try {
		return path.replace(/[^\x21-\x7e]+|["<>\\^`{|}]+/g, encodeURIComponent);
	} catch (error) {
		throw badURL(url, "is not valid Unicode", error);
	}
}

/** RFC 3986 section 5.2.4. */
function removeDots(path: string): string {
	const mark = path.indexOf("?");
	const end = mark < 0 ? path.length : mark;
	const kept: string[] = [];
	const segments = path.slice(1, end).split("/");
	for (const [index, segment] of segments.entries()) {
		const last = index === segments.length - 1;
		if (segment === "..") kept.pop();
		else if (segment !== ".") kept.push(segment);
		if (last && (segment === "." || segment === "..")) kept.push("");
	}
	return `/${kept.join("/")}${path.slice(end)}`;
}

/** Queries may hold signatures: they are not shown. */
function badURL(url: string, what: string, cause?: unknown): FleetlingError {
	const [shown = ""] = url.split("?", 1);
	return new FleetlingError("http.bad-url", `"${printable(shown.replace(/\/\/[^/]*@/, "//"))}" ${what}; correct the link`, {
		cause,
	});
}
