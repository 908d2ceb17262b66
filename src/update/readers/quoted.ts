/** A text from a package for a log line: short, and without anything that a terminal would obey. */
export function quoted(text: string): string {
	let clean = "";
	for (let at = 0; at < text.length && at < 48; at++) {
		const code = text.charCodeAt(at);
		clean += code < 0x20 || code > 0x7e ? "?" : text.charAt(at);
	}
	return text.length > 48 ? `"${clean}…"` : `"${clean}"`;
}
