/**
 * The `Authorization` header as werkzeug 3 reads it, which explains the server's odd answers (facts B.1):
 * `Bearer token=<jwt>` has parameters, RFC 6750's `Bearer <jwt>` has none and makes the real server fail with 500.
 */

/** What a header holds: nothing usable, a scheme with parameters, or a scheme with one opaque token. */
export type Authorization =
	| { readonly kind: "none" }
	| { readonly kind: "parameters"; readonly scheme: string; readonly parameters: ReadonlyMap<string, string> }
	| { readonly kind: "opaque"; readonly scheme: string };

/** Reads a header's value. */
export function parseAuthorization(header: string | undefined): Authorization {
	if (!header) return { kind: "none" };
	const blank = header.indexOf(" ");
	const scheme = (blank < 0 ? header : header.slice(0, blank)).toLowerCase();
	const rest = blank < 0 ? "" : header.slice(blank + 1).trim();
	// Base64 padding at the end is no parameter: only an equals sign before it makes a list.
	if (!rest.replace(/=+$/, "").includes("=")) return { kind: "opaque", scheme };
	return { kind: "parameters", scheme, parameters: parseParameters(rest) };
}

/** `a=b, c="d e"`. */
function parseParameters(text: string): ReadonlyMap<string, string> {
	const parameters = new Map<string, string>();
	for (const [, key, quoted, plain] of text.matchAll(/([^\s=,]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))/g)) {
		if (key !== undefined) parameters.set(key, quoted?.replace(/\\(.)/g, "$1") ?? plain?.trim() ?? "");
	}
	return parameters;
}
