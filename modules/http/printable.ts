/** The peer's words for a log line: short, and without anything that a terminal would obey. */
export function printable(text: string): string {
	const clean = text.replace(/[^\x20-\x7e]/g, "?");
	return clean.length > 64 ? `${clean.slice(0, 61)}...` : clean;
}
