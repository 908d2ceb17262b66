import { frozen } from "fleetling/frozen/frozen";

const months = frozen(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]);

/** The three forms that a recipient has to know (RFC 9110 section 5.6.7): as sent today, RFC 850's, and asctime's. */
const forms: readonly {
	readonly pattern: RegExp;
	readonly order: readonly [day: number, month: number, year: number, time: number];
}[] = frozen([
	{ pattern: /^[a-z]{3}, ([0-9]{2}) ([a-z]{3}) ([0-9]{4}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) GMT$/i, order: [1, 2, 3, 4] },
	{ pattern: /^[a-z]{6,9}, ([0-9]{2})-([a-z]{3})-([0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) GMT$/i, order: [1, 2, 3, 4] },
	{ pattern: /^[a-z]{3} ([a-z]{3}) ([0-9 ][0-9]) ([0-9]{2}:[0-9]{2}:[0-9]{2}) ([0-9]{4})$/i, order: [2, 1, 4, 3] },
]);

/** Milliseconds since 1970 of an HTTP date such as the Date field; undefined when it is none. */
export function parseHTTPDate(text: string): number | undefined {
	for (const { pattern, order } of forms) {
		const match = pattern.exec(text.trim());
		if (match === null) continue;
		const [day, month, year, time] = order.map((index) => match[index] ?? "");
		const [hours = 0, minutes = 0, seconds = 0] = (time ?? "").split(":").map(Number);
		const monthIndex = months.indexOf((month ?? "").toLowerCase());
		if (monthIndex < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
		const days = Number(day);
		const result = Date.UTC(fullYear(year ?? ""), monthIndex, days, hours, minutes, seconds);
		return days >= 1 && new Date(Date.UTC(fullYear(year ?? ""), monthIndex, days)).getUTCDate() === days ? result : undefined;
	}
	return undefined;
}

/**
 * Milliseconds to wait by a Retry-After field (RFC 9110 section 10.2.3): seconds, or a date, which is compared with the
 * response's own Date, since the clock of the device may be wrong. Undefined when the field says nothing usable.
 */
export function parseRetryAfter(text: string, date: number | undefined): number | undefined {
	const value = text.trim();
	if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000;
	const until = parseHTTPDate(value);
	return until === undefined || date === undefined ? undefined : Math.max(0, until - date);
}

/** Two digits mean a year that is not more than 50 years ahead; nothing that speaks HTTP was made before 1970. */
function fullYear(text: string): number {
	const year = Number(text);
	if (text.length !== 2) return year;
	return year < 70 ? year + 2000 : year + 1900;
}
