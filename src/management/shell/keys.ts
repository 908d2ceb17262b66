import { frozen } from "fleetling/frozen/frozen";

/** What a person at a terminal can mean by what arrives: the keys of a VT100 and those that readline has made usual. */
export type KeyName =
	| "text"
	| "enter"
	| "backspace"
	| "delete"
	| "left"
	| "right"
	| "word-left"
	| "word-right"
	| "home"
	| "end"
	| "up"
	| "down"
	| "kill-before"
	| "kill-after"
	| "kill-word"
	| "clear"
	| "complete"
	| "interrupt"
	| "end-of-input";

export type KeyListener = (key: KeyName, text: string) => void;

const escapeByte = 0x1b;

/** By byte. */
const controls: Readonly<Record<number, KeyName>> = frozen({
	1: "home",
	2: "left",
	3: "interrupt",
	4: "end-of-input",
	5: "end",
	6: "right",
	8: "backspace",
	9: "complete",
	10: "enter",
	11: "kill-after",
	12: "clear",
	13: "enter",
	14: "down",
	16: "up",
	21: "kill-before",
	23: "kill-word",
	127: "backspace",
});

/** By what follows "ESC [" (ECMA-48 with xterm's and VT220's numbers). */
const sequences: Readonly<Record<string, KeyName>> = frozen({
	A: "up",
	B: "down",
	C: "right",
	D: "left",
	H: "home",
	F: "end",
	"1~": "home",
	"3~": "delete",
	"4~": "end",
	"7~": "home",
	"8~": "end",
	"1;5C": "word-right",
	"1;5D": "word-left",
	"1;3C": "word-right",
	"1;3D": "word-left",
});

/** By what follows a lone ESC (the Alt key). */
const alternates: Readonly<Record<string, KeyName>> = frozen({ b: "word-left", f: "word-right", "\x7f": "kill-word" });

/** No sequence that means anything is longer; what is goes unheard to its end. */
const longestSequence = 16;

type Mode = "plain" | "escaped" | "sequence" | "single";

/** Turns bytes, one after the other, into keys. Bytes that are no UTF-8 come out as U+FFFD. */
export class KeyReader {
	readonly #listener: KeyListener;
	#mode: Mode = "plain";
	#sequence = "";
	#afterReturn = false;
	/** Code point that is being put together, and how many more bytes belong to it. */
	#point = 0;
	#missing = 0;
	#least = 0;

	constructor(listener: KeyListener) {
		this.#listener = listener;
	}

	read(byte: number): void {
		switch (this.#mode) {
			case "plain":
				this.#plain(byte);
				return;
			case "escaped":
				this.#escaped(byte);
				return;
			case "single":
				this.#mode = "plain";
				this.#tell(sequences[String.fromCharCode(byte)]);
				return;
			case "sequence":
				if (this.#sequence.length < longestSequence) this.#sequence += String.fromCharCode(byte);
				// ECMA-48 section 5.4: parameters and intermediates are 0x20 to 0x3f, and anything above ends the sequence.
				if (byte >= 0x20 && byte < 0x40) return;
				this.#mode = "plain";
				this.#tell(sequences[this.#sequence]);
		}
	}

	#plain(byte: number): void {
		const afterReturn = this.#afterReturn;
		this.#afterReturn = byte === 13;
		if (this.#missing > 0) {
			if ((byte & 0xc0) === 0x80) {
				this.#continue(byte);
				return;
			}
			this.#missing = 0;
			this.#listener("text", "\ufffd");
		}
		if (byte >= 0x80) this.#lead(byte);
		else if (byte === escapeByte) this.#mode = "escaped";
		else if (byte >= 0x20 && byte < 0x7f) this.#listener("text", String.fromCharCode(byte));
		// A terminal sends CR, a pipe LF, and telnet CR LF or CR NUL for one and the same key.
		else if (!(afterReturn && (byte === 10 || byte === 0))) this.#tell(controls[byte]);
	}

	#escaped(byte: number): void {
		this.#mode = "plain";
		if (byte === 0x5b) {
			this.#mode = "sequence";
			this.#sequence = "";
		} else if (byte === 0x4f) this.#mode = "single";
		else if (byte === escapeByte) this.#mode = "escaped";
		else this.#tell(alternates[String.fromCharCode(byte)]);
	}

	/** RFC 3629 section 4. */
	#lead(byte: number): void {
		if (byte >= 0xc2 && byte < 0xe0) this.#begin(byte & 0x1f, 1, 0x80);
		else if (byte >= 0xe0 && byte < 0xf0) this.#begin(byte & 0x0f, 2, 0x800);
		else if (byte >= 0xf0 && byte < 0xf5) this.#begin(byte & 0x07, 3, 0x1_0000);
		else this.#listener("text", "\ufffd");
	}

	#begin(bits: number, missing: number, least: number): void {
		this.#point = bits;
		this.#missing = missing;
		this.#least = least;
	}

	#continue(byte: number): void {
		this.#point = (this.#point << 6) | (byte & 0x3f);
		if (--this.#missing > 0) return;
		const point = this.#point;
		const good = point >= this.#least && point <= 0x10_ffff && (point < 0xd800 || point > 0xdfff);
		// C1 controls (U+0080 to U+009F) would be carried out by the terminal that they are shown on.
		if (good && point < 0xa0) return;
		this.#listener("text", good ? String.fromCodePoint(point) : "\ufffd");
	}

	#tell(key: KeyName | undefined): void {
		if (key !== undefined) this.#listener(key, "");
	}
}
