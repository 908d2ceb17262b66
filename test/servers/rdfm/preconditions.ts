/** Range, If-Range, If-None-Match and their kin as werkzeug 3 evaluates them (facts B.4). */
import type { IncomingHttpHeaders } from "node:http";

/** What a stored file can be recognised by. */
export interface Validators {
	/** Quoted, strong. */
	readonly etag: string;
	/** Milliseconds since 1970. */
	readonly lastModified: number;
}

/** A satisfiable range: first byte and the one after the last. */
export interface Range {
	readonly start: number;
	readonly end: number;
}

/** HTTP dates count whole seconds. */
const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

const dateOf = (text: string | undefined): number | undefined => {
	const time = text === undefined ? Number.NaN : Date.parse(text);
	return Number.isNaN(time) ? undefined : seconds(time);
};

/** Opaque tags of a list header; "*" stays as it is. */
function tagsOf(list: string): readonly { readonly weak: boolean; readonly tag: string }[] {
	return [...list.matchAll(/(W\/)?"([^"]*)"|(\*)/g)].map(([, weak, tag, star]) => ({
		weak: weak !== undefined,
		tag: star ?? tag ?? "",
	}));
}

/** An ETag without its quotes and its mark of weakness. */
const bare = (etag: string): string =>
	etag
		.trim()
		.replace(/^W\//, "")
		.replace(/^"(.*)"$/, "$1");

/**
 * True when the stored file is the one the client's If-Range names: by ETag (of which the real server sees the text only,
 * so that a weak or unquoted one does), or not changed since the date.
 */
function ifRangeHolds(value: string, { etag, lastModified }: Validators): boolean {
	const date = /^[A-Za-z]{3,9},? /.test(value) ? dateOf(value) : undefined;
	return date === undefined ? bare(value) === bare(etag) : seconds(lastModified) <= date;
}

/**
 * The range to serve; undefined when the request asks for none or its If-Range names another file (then all of it is sent);
 * "unsatisfiable" for 416: past the end, inverted, several ranges, malformed, another unit, or a suffix longer than the file.
 */
export function requestedRange(
	headers: IncomingHttpHeaders,
	validators: Validators,
	length: number,
): Range | "unsatisfiable" | undefined {
	if (headers.range === undefined || length === 0) return undefined;
	const ifRange = headers["if-range"];
	if (typeof ifRange === "string" && !ifRangeHolds(ifRange, validators)) return undefined;
	return parseRange(headers.range, length) ?? "unsatisfiable";
}

function parseRange(header: string, length: number): Range | undefined {
	const parts = /^\s*bytes\s*=\s*(?:(\d+)\s*-\s*(\d*)|-\s*(\d+))\s*$/i.exec(header);
	if (!parts) return undefined;
	const [, first, last, suffix] = parts;
	if (suffix !== undefined) {
		// "-0" is the whole file to the real server.
		const count = Number(suffix) || length;
		return count <= length ? { start: length - count, end: length } : undefined;
	}
	const start = Number(first);
	const end = last ? Number(last) + 1 : length;
	return start < end && start < length ? { start, end: Math.min(end, length) } : undefined;
}

/** True for 304 (or, with If-Match, 412). "*" in If-Match matches nothing here, as with the real server. */
export function isUnmodified(headers: IncomingHttpHeaders, { etag, lastModified }: Validators): boolean {
	const named = bare(etag);
	const none = headers["if-none-match"];
	if (none !== undefined) return tagsOf(none).some(({ tag }) => tag === "*" || tag === named);
	const match = headers["if-match"];
	if (match !== undefined) return !tagsOf(match).some(({ weak, tag }) => !weak && tag === named);
	const since = dateOf(headers["if-modified-since"]);
	return since !== undefined && seconds(lastModified) <= since;
}
