import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { originOf, type ParsedURL, resolveURL } from "./url";

export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * Fields that prove who the device is, and are never sent to another origin than the one they were meant for. An entry
 * with a "*" matches anything in its place.
 */
export const defaultSensitive: readonly string[] = frozen(["authorization", "cookie", "proxy-authorization", "x-*-signature"]);

/** What a request becomes when it follows a redirect. */
export interface Redirected {
	readonly url: ParsedURL;
	readonly method: string;
	readonly headers: HeaderList;
	/** Whether the body goes with it. */
	readonly body: boolean;
}

export function isRedirect(status: number): boolean {
	return (status >= 301 && status <= 303) || status === 307 || status === 308;
}

/**
 * The request that a redirect asks for (RFC 9110 section 15.4). 303 and, as every client does it, 301 and 302 after
 * POST turn into GET; 307 and 308 repeat method and body.
 *
 * @throws FleetlingError http.redirect-refused when the new link gives up TLS; http.bad-url when it is none
 */
export function redirect(
	from: ParsedURL,
	request: { readonly method: string; readonly headers: HeaderList },
	status: number,
	location: string,
	sensitive: readonly string[] = defaultSensitive,
): Redirected {
	const url = resolveURL(from, location);
	if (from.scheme === "https" && url.scheme !== "https") {
		throw new FleetlingError(
			"http.redirect-refused",
			`${originOf(from)} redirects to ${originOf(url)}, which is not encrypted; let the server redirect to https`,
		);
	}
	const toGet =
		(status === 303 && request.method !== "HEAD" && request.method !== "GET") || (status <= 302 && request.method === "POST");
	let headers = request.headers;
	if (toGet) headers = headers.filter(([name]) => !name.toLowerCase().startsWith("content-"));
	if (originOf(url) !== originOf(from)) headers = headers.filter(([name]) => !isSensitive(name, sensitive));
	return { url, method: toGet ? "GET" : request.method, headers, body: !toGet };
}

/** Whether a field of this name is in the list. */
export function isSensitive(name: string, sensitive: readonly string[]): boolean {
	const lower = name.toLowerCase();
	return sensitive.some((entry) => {
		const [before = "", after] = entry.toLowerCase().split("*", 2);
		if (after === undefined) return lower === before;
		return lower.length >= before.length + after.length && lower.startsWith(before) && lower.endsWith(after);
	});
}
