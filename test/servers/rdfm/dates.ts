/** Dates in the three forms the server uses. */

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"] as const;

/** `Sat, 21 Nov 2026 21:30:41 GMT`: the Date header, the offer's `created`, a pending registration's `last_appeared`. */
export const httpDate = (milliseconds: number): string => new Date(milliseconds).toUTCString();

/** The same with the zone `-0000`, which the admin API prints for its zone-less times. */
export const rfcDateText = (milliseconds: number): string => httpDate(milliseconds).replace("GMT", "-0000");

const rfc822 =
	/^\s*(?:[a-z]{3,9},\s*)?(\d{1,2})\s+([a-z]{3})\s+(\d{4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s+(?:[+-]\d{4}|gmt|ut|utc|z|[ecmp][sd]t)\s*$/i;

/**
 * Milliseconds since 1970 of an RFC 822 date, or undefined for anything else (ISO 8601, numbers, impossible days).
 * **The zone is read and thrown away**: `15:00:00 +0200` gives 15:00 UTC, as the real server stores it (facts B.5).
 */
export function parseRfc822(text: string): number | undefined {
	const parts = rfc822.exec(text);
	if (!parts) return undefined;
	const [day, year, hour, minute, second] = [parts[1], parts[3], parts[4], parts[5], parts[6] ?? "0"].map(Number) as [
		number,
		number,
		number,
		number,
		number,
	];
	const month = months.indexOf((parts[2] ?? "").toLowerCase() as (typeof months)[number]);
	if (month < 0 || hour > 23 || minute > 59 || second > 59) return undefined;
	const time = Date.UTC(year, month, day, hour, minute, second);
	return new Date(time).getUTCDate() === day ? time : undefined;
}
