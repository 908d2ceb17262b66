import { FleetlingError } from "fleetling/error/error";

/**
 * The words of a command line, as a POSIX shell splits them: at spaces, with '…', "…" (in which \" and \\ are " and \) and
 * \ before any other character.
 *
 * @throws management.usage for a quote without an end
 */
export function splitWords(line: string): string[] {
	const words: string[] = [];
	let word: string | undefined;
	let quote = "";
	for (let at = 0; at < line.length; at++) {
		const character = line.charAt(at);
		const next = line.charAt(at + 1);
		if (character === "\\" && quote !== "'" && (quote === "" ? next !== "" : next === '"' || next === "\\")) {
			word = (word ?? "") + next;
			at++;
		} else if (quote !== "") {
			if (character === quote) quote = "";
			else word += character;
		} else if (character === '"' || character === "'") {
			quote = character;
			word ??= "";
		} else if (character !== " ") word = (word ?? "") + character;
		else if (word !== undefined) {
			words.push(word);
			word = undefined;
		}
	}
	if (quote !== "")
		throw new FleetlingError("management.usage", `the quote ${quote} has no end: close it, or put a \\ before it`);
	if (word !== undefined) words.push(word);
	return words;
}
