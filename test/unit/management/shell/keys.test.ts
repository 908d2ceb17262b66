import { assert } from "chai";
import { KeyReader } from "fleetling/management/shell/keys";
import { describe, it } from "test/harness";

/** Keys by their names, text as itself. */
function keysOf(bytes: readonly number[]): string[] {
	const keys: string[] = [];
	const reader = new KeyReader((key, text) => keys.push(key === "text" ? text : `<${key}>`));
	for (const byte of bytes) reader.read(byte);
	return keys;
}

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

describe("keys", () => {
	const cases: readonly (readonly [name: string, bytes: readonly number[], keys: string])[] = [
		["are letters", ascii("aZ~ "), "a Z ~  "],
		["are the arrows of a VT100", ascii("\x1b[A\x1b[B\x1b[C\x1b[D\x1bOA"), "<up> <down> <right> <left> <up>"],
		[
			"are home, end and delete in all their forms",
			ascii("\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[3~\x1bOH"),
			"<home> <end> <home> <end> <delete> <home>",
		],
		[
			"are words with Ctrl and Alt",
			ascii("\x1b[1;5C\x1b[1;5D\x1bb\x1bf\x1b\x7f"),
			"<word-right> <word-left> <word-left> <word-right> <kill-word>",
		],
		[
			"are control characters",
			[1, 5, 11, 21, 23, 12, 9, 3, 4],
			"<home> <end> <kill-after> <kill-before> <kill-word> <clear> <complete> <interrupt> <end-of-input>",
		],
		["are both kinds of backspace", [8, 127], "<backspace> <backspace>"],
		["are one enter for CR, LF, CR LF and CR NUL", [13, 10, 13, 0, 10, 13, 13], "<enter> <enter> <enter> <enter> <enter>"],
		["are characters of two, three and four bytes", [0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80], "é € 😀"],
		["are not sequences that mean nothing here", ascii("\x1b[200~a\x1b[5;6;7;8;9;10;11;12;13Rb\x1b[?25hc\x1bxd"), "a b c d"],
		["are not other control characters", [0, 2, 7, 25, 26, 28], "<left>"],
	];
	for (const [name, bytes, keys] of cases) it(name, () => assert.equal(keysOf(bytes).join(" "), keys));

	it("are U+FFFD for what is no UTF-8", () => {
		for (const bytes of [
			[0x80],
			[0xff],
			[0xc0],
			[0xe0, 0x80, 0x80],
			[0xed, 0xa0, 0x80],
			[0xf4, 0x90, 0x80, 0x80],
			[0xc3, 0x41],
		]) {
			const keys = keysOf(bytes);
			assert.equal(keys[0], "\ufffd", bytes.join());
			if (bytes[1] === 0x41) assert.equal(keys[1], "A");
		}
	});

	it("are no C1 controls, which a terminal would carry out", () => assert.deepEqual(keysOf([0xc2, 0x9b, 0x41]), ["A"]));
});
