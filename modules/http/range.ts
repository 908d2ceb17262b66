/** What part of the whole a 206 or 416 response speaks of. `total` is undefined when the server does not know it. */
export interface ContentRange {
	/** First byte; undefined in a 416 ("bytes *\/1234"). */
	readonly start: number | undefined;
	/** Last byte, included; undefined in a 416. */
	readonly end: number | undefined;
	readonly total: number | undefined;
}

/** The value of a Range field that asks for everything from `start`, or up to and including `end` (RFC 9110 section 14.2). */
export function rangeFrom(start: number, end?: number): string {
	return `bytes=${start}-${end ?? ""}`;
}

/** Reads a Content-Range field (RFC 9110 section 14.4); undefined when it is malformed or contradicts itself. */
export function parseContentRange(text: string): ContentRange | undefined {
	const match = /^bytes (?:([0-9]{1,15})-([0-9]{1,15})|\*)\/(?:([0-9]{1,15})|\*)$/i.exec(text.trim());
	if (match === null) return undefined;
	const [start, end, total] = [match[1], match[2], match[3]].map((digits) => (digits === undefined ? undefined : Number(digits)));
	if (start === undefined || end === undefined)
		return total === undefined ? undefined : { start: undefined, end: undefined, total };
	return start > end || (total !== undefined && end >= total) ? undefined : { start, end, total };
}
