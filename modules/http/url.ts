import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
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

export const defaultPorts: Readonly<Record<Scheme, number>> = frozen({ http: 80, https: 443 });

/** Longer than any link that a server of ours makes; keeps what a peer can make us hold small. */
const maximumLength = 3072;

// No regular expressions below: XS compiles one each time that it is come across, and runs it in the room that is left on its
// stack, of which a chip has little and a long link would take much.

const digits = "0123456789";
const hexadecimal = `${digits}abcdefABCDEF`;
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const hostCharacters = `${letters}${digits}._-`;

/** Whether `text` has at least one character, and none but these. */
function consistsOf(characters: string, text: string): boolean {
	for (let at = 0; at < text.length; at++) if (!characters.includes(text.charAt(at))) return false;
	return text !== "";
}

/** The index of the first of `characters` in `text` from `from` on, or its length. */
function firstOf(characters: string, text: string, from: number): number {
	let first = text.length;
	for (const character of characters) {
		const at = text.indexOf(character, from);
		if (at >= 0 && at < first) first = at;
	}
	return first;
}

/**
 * Reads an absolute http(s) URL. A small parser instead of the engine's URL class: that one follows the browsers' rules,
 * which repair what an updater should rather refuse, and costs 20 KB of code.
 *
 * @throws FleetlingError http.bad-url; user names in a URL are refused (RFC 9110 section 4.2.4)
 */
export function parseURL(text: string): ParsedURL {
	const mark = text.length > maximumLength ? -1 : text.indexOf("://");
	const scheme = mark < 0 || mark > 5 ? "" : text.slice(0, mark).toLowerCase();
	if (scheme !== "http" && scheme !== "https") throw badURL(text, "is not an http or https URL");
	const end = firstOf("/?#", text, mark + 3);
	const { host, port } = parseAuthority(text.slice(mark + 3, end), text);
	const tail = text.slice(end, firstOf("#", text, end));
	return { scheme, host, port: port ?? defaultPorts[scheme], path: escapePath(tail.startsWith("/") ? tail : `/${tail}`, text) };
}

/**
 * Resolves a reference such as a Location field against the URL it came from (RFC 3986 section 5.2).
 *
 * @throws FleetlingError http.bad-url
 */
export function resolveURL(base: ParsedURL, reference: string): ParsedURL {
	const [target = ""] = reference.split("#", 1);
	if (hasScheme(target)) return parseURL(target);
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

/** RFC 3986 section 3.1. */
function hasScheme(target: string): boolean {
	const name = target.slice(0, firstOf(":", target, 0));
	return name !== target && letters.includes(name.charAt(0)) && consistsOf(`${letters}${digits}+.-`, name);
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
	if (host.includes(":")) return true;
	const parts = host.split(".");
	return parts.length === 4 && parts.every((part) => part.length <= 3 && consistsOf(digits, part));
}

function bracketed(host: string): string {
	return host.includes(":") ? `[${host}]` : host;
}

function parseAuthority(authority: string, url: string): { host: string; port: number | undefined } {
	if (authority.includes("@")) throw badURL(url, "holds a user name, which is not supported");
	const inBrackets = authority.startsWith("[");
	const hostEnd = firstOf(inBrackets ? "]" : ":", authority, 0);
	const host = authority.slice(inBrackets ? 1 : 0, hostEnd);
	const portText = authority.slice(inBrackets ? hostEnd + 1 : hostEnd);
	const good =
		consistsOf(inBrackets ? `${hexadecimal}:.` : hostCharacters, host) &&
		host.length <= 253 &&
		!(inBrackets && hostEnd === authority.length) &&
		(portText === "" || portText === ":" || (portText.startsWith(":") && consistsOf(digits, portText.slice(1))));
	if (!good || portText.length > 6) throw badURL(url, "has no usable host name");
	const port = portText.length < 2 ? undefined : Number(portText.slice(1));
	if (port !== undefined && (port < 1 || port > 65535)) throw badURL(url, "has an impossible port");
	return { host: host.toLowerCase(), port };
}

/** Not allowed in a path or query (RFC 3986 appendix A), and harmless when escaped. */
const unsafe = '"<>\\^`{|}';

/** Control characters are refused, since they could end the request line; what else is not allowed in a URL is escaped. */
function escapePath(path: string, url: string): string {
	let escaped = "";
	let from = 0;
	try {
		for (let at = 0; at < path.length; ) {
			const code = path.codePointAt(at) ?? 0;
			if (code < 0x20 || code === 0x7f) throw badURL(url, "holds control characters");
			const character = String.fromCodePoint(code);
			const next = at + character.length;
			if (code === 0x20 || code > 0x7e || unsafe.includes(character)) {
				escaped += path.slice(from, at) + encodeURIComponent(character);
				from = next;
			}
			at = next;
		}
		return escaped + path.slice(from);
	} catch (error) {
		if (error instanceof FleetlingError) throw error;
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
	const start = shown.indexOf("//") + 2;
	const user = start < 2 ? -1 : shown.slice(start, firstOf("/", shown, start)).lastIndexOf("@");
	const clean = user < 0 ? shown : shown.slice(0, start) + shown.slice(start + user + 1);
	return new FleetlingError("http.bad-url", `"${printable(clean)}" ${what}; correct the link`, { cause });
}
