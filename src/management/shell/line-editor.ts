import { frozen } from "fleetling/frozen/frozen";
import type { KeyName } from "./keys";

/** A line of a person's: a PEM certificate is longer and does not belong on a command line. */
const longestLine = 256;

/** As many lines as a person scrolls back through, for the memory of a kilobyte. */
const historyLines = 12;

const bell = "\x07";
const clearToEnd = "\x1b[K";

export interface LineEditorOptions {
	/** Shows text on the terminal. */
	readonly show: (text: string) => void;
	/** Width of the terminal in characters. */
	readonly columns: () => number;
	/** A finished line. */
	readonly onLine: (line: string) => void;
	/** Ctrl-D on an empty line. */
	readonly onEnd: () => void;
	/** All words that could stand where the last word of `text` begins; tab asks for them. */
	readonly complete: (text: string) => readonly string[];
}

/**
 * One line being written on a terminal, with the keys that readline has made usual and a history. A line that is wider
 * than the terminal scrolls sideways. Each code point counts as one column.
 */
export class LineEditor {
	readonly #options: LineEditorOptions;
	readonly #history: string[] = [];
	#prompt = "";
	#before = "";
	#after = "";
	/** Which line of the history is shown, counted from its end; 0 is the one that is being written. */
	#recalled = 0;
	#draft = "";
	#remembering = true;
	/** Something did not fit into the line, and that was shown. */
	#full = false;

	constructor(options: LineEditorOptions) {
		this.#options = options;
	}

	/** Begins a new line. What is typed goes into the history unless `remembering` is false. */
	begin(prompt: string, remembering = true): void {
		this.#prompt = prompt;
		this.#before = "";
		this.#after = "";
		this.#recalled = 0;
		this.#full = false;
		this.#remembering = remembering;
		this.redraw();
	}

	key(key: KeyName, text: string): void {
		LineEditor.#actions[key](this, text);
	}

	redraw(): void {
		const { show, columns } = this.#options;
		const width = Math.max(8, columns() - this.#prompt.length - 1);
		const left = [...this.#before];
		const first = left.length < width ? 0 : left.length - Math.floor(width / 2);
		const shown = left.slice(first);
		const rest = [...this.#after].slice(0, width - shown.length);
		const back = rest.length > 0 ? `\x1b[${rest.length}D` : "";
		show(`\r${this.#prompt}${shown.join("")}${rest.join("")}${clearToEnd}${back}`);
	}

	static readonly #actions: Readonly<Record<KeyName, (editor: LineEditor, text: string) => void>> = frozen({
		text: (editor, text) => editor.#insert(text),
		enter: (editor) => editor.#enter(),
		backspace: (editor) => editor.#change(withoutLast(editor.#before), editor.#after),
		delete: (editor) => editor.#change(editor.#before, withoutFirst(editor.#after)),
		left: (editor) => editor.#move(withoutLast(editor.#before).length),
		right: (editor) => editor.#move(editor.#before.length + firstOf(editor.#after).length),
		"word-left": (editor) => editor.#move(wordStart(editor.#before)),
		"word-right": (editor) => editor.#move(editor.#before.length + wordEnd(editor.#after)),
		home: (editor) => editor.#move(0),
		end: (editor) => editor.#move(editor.#before.length + editor.#after.length),
		up: (editor) => editor.#recall(1),
		down: (editor) => editor.#recall(-1),
		"kill-before": (editor) => editor.#change("", editor.#after),
		"kill-after": (editor) => editor.#change(editor.#before, ""),
		"kill-word": (editor) => editor.#change(editor.#before.slice(0, wordStart(editor.#before)), editor.#after),
		clear: (editor) => {
			editor.#options.show("\x1b[2J\x1b[H");
			editor.redraw();
		},
		complete: (editor) => editor.#complete(),
		interrupt: (editor) => {
			editor.#options.show("^C\r\n");
			editor.begin(editor.#prompt, editor.#remembering);
		},
		"end-of-input": (editor) => {
			if (editor.#before === "" && editor.#after === "") editor.#options.onEnd();
			else editor.#change(editor.#before, withoutFirst(editor.#after));
		},
	});

	#insert(text: string): void {
		if (this.#before.length + this.#after.length + text.length > longestLine) {
			// Once: whatever floods a full line is not answered byte by byte.
			if (!this.#full) this.#options.show(bell);
			this.#full = true;
			return;
		}
		this.#before += text;
		const fits = this.#prompt.length + this.#before.length < this.#options.columns();
		// The usual case, in one byte instead of a whole line.
		if (this.#after === "" && fits) this.#options.show(text);
		else this.redraw();
	}

	#change(before: string, after: string): void {
		if (before === this.#before && after === this.#after) return;
		this.#before = before;
		this.#after = after;
		this.#full = false;
		this.redraw();
	}

	#move(position: number): void {
		const line = this.#before + this.#after;
		this.#change(line.slice(0, position), line.slice(position));
	}

	#enter(): void {
		const line = this.#before + this.#after;
		this.#options.show("\r\n");
		if (this.#remembering && line.trim() !== "" && line !== this.#history[this.#history.length - 1]) {
			this.#history.push(line);
			if (this.#history.length > historyLines) this.#history.shift();
		}
		this.#options.onLine(line);
	}

	#recall(step: number): void {
		const wanted = this.#recalled + step;
		if (!this.#remembering || wanted < 0 || wanted > this.#history.length) {
			this.#options.show(bell);
			return;
		}
		if (this.#recalled === 0) this.#draft = this.#before + this.#after;
		this.#recalled = wanted;
		this.#change(wanted === 0 ? this.#draft : (this.#history[this.#history.length - wanted] ?? ""), "");
	}

	#complete(): void {
		if (!this.#remembering) return;
		const { complete, show } = this.#options;
		const begun = this.#before.slice(this.#before.lastIndexOf(" ") + 1);
		const words = complete(this.#before).filter((word) => word.startsWith(begun));
		const common = commonStart(words);
		const only = words.length === 1;
		if (common.length > begun.length || only) this.#insert(common.slice(begun.length) + (only ? " " : ""));
		else if (words.length === 0) show(bell);
		else {
			show(`\r\n${words.join("  ")}\r\n`);
			this.redraw();
		}
	}
}

function commonStart(words: readonly string[]): string {
	let common = words[0] ?? "";
	for (const word of words) while (!word.startsWith(common)) common = common.slice(0, -1);
	return common;
}

function firstOf(text: string): string {
	const point = text.codePointAt(0);
	return point === undefined ? "" : String.fromCodePoint(point);
}

const withoutFirst = (text: string): string => text.slice(firstOf(text).length);

function withoutLast(text: string): string {
	const last = text.charCodeAt(text.length - 1);
	return text.slice(0, last >= 0xdc00 && last <= 0xdfff ? -2 : -1);
}

/** Where the last word of `text` begins. */
function wordStart(text: string): number {
	let at = text.length;
	while (at > 0 && text.charAt(at - 1) === " ") at--;
	while (at > 0 && text.charAt(at - 1) !== " ") at--;
	return at;
}

/** Where the first word of `text` ends. */
function wordEnd(text: string): number {
	let at = 0;
	while (at < text.length && text.charAt(at) === " ") at++;
	while (at < text.length && text.charAt(at) !== " ") at++;
	return at;
}
