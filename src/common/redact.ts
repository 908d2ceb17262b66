/**
 * Takes secrets out of a text before it is logged.
 *
 * A text that reaches the log may quote what a server sent or what was asked of it: tokens, links whose query is the
 * right to download, passwords in links, private keys. Plain scanning instead of regular expressions: a regular
 * expression in a preloaded module is a frozen object, and compiling one for each line costs memory a device has not got.
 */
import { frozen } from "fleetling/frozen/frozen";

interface Secret {
	/** What comes before the secret; matched as it stands. */
	readonly marker: string;
	/** The secret ends before the first of these (or with the text). */
	readonly ends: string;
	/** Only what is at least this long is a secret: "token=" is also a word in a sentence. */
	readonly least: number;
	/** The marker itself is part of the secret. */
	readonly whole: boolean;
}

const blanks = " \t\r\n\"'<>";

const secrets: readonly Secret[] = frozen([
	{ marker: "-----BEGIN", ends: "", least: 1, whole: true },
	{ marker: "Bearer ", ends: "\r\n\"'", least: 1, whole: false },
	{ marker: "token=", ends: `${blanks}&,;)`, least: 1, whole: false },
	// Every JSON Web Token starts with the base64 form of `{"`.
	{ marker: "eyJ", ends: `${blanks}&,;)`, least: 17, whole: true },
]);

const hidden = "(hidden)";

/** `text` with every secret replaced by "(hidden)". */
export function redact(text: string): string {
	let result = redactLinks(text);
	for (const secret of secrets) if (result.includes(secret.marker)) result = hide(result, secret);
	return result;
}

function hide(text: string, secret: Secret): string {
	let result = "";
	let from = 0;
	for (;;) {
		const at = text.indexOf(secret.marker, from);
		if (at < 0) return result + text.slice(from);
		const start = secret.whole ? at : at + secret.marker.length;
		const end = endOf(text, at + secret.marker.length, secret.ends);
		const found = end - (at + secret.marker.length) >= secret.least;
		result += text.slice(from, found ? start : end) + (found ? hidden : "");
		from = end;
	}
}

/** Links keep their scheme, host and path; user names, passwords and queries go. */
function redactLinks(text: string): string {
	let result = "";
	let from = 0;
	for (;;) {
		const at = text.indexOf("://", from);
		if (at < 0) return result + text.slice(from);
		const start = at + 3;
		const end = endOf(text, start, `${blanks},;)`);
		let link = text.slice(start, end);
		const authorityEnd = endOf(link, 0, "/?#");
		const user = link.lastIndexOf("@", authorityEnd);
		if (user >= 0) link = `${hidden}@${link.slice(user + 1)}`;
		const query = link.indexOf("?");
		if (query >= 0 && query + 1 < link.length) link = `${link.slice(0, query + 1)}${hidden}`;
		result += text.slice(from, start) + link;
		from = end;
	}
}

function endOf(text: string, from: number, ends: string): number {
	let at = from;
	while (at < text.length && !ends.includes(text.charAt(at))) at++;
	return at;
}
