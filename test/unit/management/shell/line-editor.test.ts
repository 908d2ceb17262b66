import { assert } from "chai";
import { KeyReader } from "fleetling/management/shell/keys";
import { LineEditor } from "fleetling/management/shell/line-editor";
import { beforeEach, describe, it } from "test/harness";
import { Screen } from "../../fakes/screen";

let screen: Screen;
let lines: string[];
let ends: number;
let words: readonly string[];
let keys: KeyReader;
let editor: LineEditor;

function type(text: string): void {
	for (const character of text) keys.read(character.charCodeAt(0));
}

const up = "\x1b[A";
const down = "\x1b[B";
const left = "\x1b[D";

describe("the line editor", () => {
	beforeEach(() => {
		screen = new Screen(20);
		lines = [];
		ends = 0;
		words = [];
		editor = new LineEditor({
			show: (text) => screen.show(text),
			columns: () => screen.columns,
			onLine: (line) => {
				lines.push(line);
				editor.begin("> ");
			},
			onEnd: () => ends++,
			complete: () => words,
		});
		keys = new KeyReader((key, text) => editor.key(key, text));
		editor.begin("> ");
	});

	it("shows what is typed and hands it over", () => {
		type("hello");
		assert.equal(screen.line, "> hello");
		type("\r");
		assert.deepEqual(lines, ["hello"]);
		assert.equal(screen.line, "> ");
	});

	it("inserts and deletes in the middle", () => {
		type(`held${left}l`);
		assert.equal(screen.line, "> helld");
		assert.equal(screen.cursor, 6);
		type("\x7f\x7f\x1b[3~lo\r");
		assert.deepEqual(lines, ["helo"]);
	});

	it("moves and deletes by words", () => {
		type("one two three\x1bb\x17\r");
		assert.deepEqual(lines, ["one three"]);
		type("one two\x01\x1bf\x0b\r");
		assert.equal(lines[1], "one");
		type("abc\x15d\r");
		assert.equal(lines[2], "d");
	});

	it("scrolls a line that is wider than the terminal, with the cursor in sight", () => {
		type("0123456789abcdefghijklmnop");
		assert.isAtMost(screen.widest, 20);
		assert.isTrue(screen.line.endsWith("p"), screen.line);
		type("\x01");
		assert.equal(screen.line, "> 0123456789abcdefg");
		assert.equal(screen.cursor, 2);
		type("\r");
		assert.deepEqual(lines, ["0123456789abcdefghijklmnop"]);
	});

	it("treats a character outside the basic plane as one", () => {
		editor.key("text", "😀");
		editor.key("text", "x");
		type(`${left}${left}\x1b[3~\r`);
		assert.deepEqual(lines, ["x"]);
		editor.key("text", "😀");
		type("\x7f\r");
		assert.equal(lines[1], "");
	});

	it("goes through the history and back to the draft", () => {
		type("first\rsecond\rsecond\rdraft");
		type(up);
		assert.equal(screen.line, "> second");
		type(up);
		assert.equal(screen.line, "> first");
		type(up);
		assert.equal(screen.line, "> first");
		type(`${down}${down}`);
		assert.equal(screen.line, "> draft");
		type(`${down}${up}\r`);
		assert.equal(lines[3], "second");
	});

	it("keeps a dozen lines", () => {
		for (let index = 0; index < 30; index++) type(`line ${index}\r`);
		for (let index = 0; index < 30; index++) type(up);
		assert.equal(screen.line, "> line 18");
	});

	it("does not remember answers", () => {
		editor.begin("secret? ", false);
		type("yes\r");
		type(up);
		assert.equal(screen.line, "> ");
	});

	it("completes as far as it is clear and lists the rest", () => {
		words = ["config", "console", "status"];
		type("s\t");
		assert.equal(screen.line, "> status ");
		type("\x15c\t");
		assert.equal(screen.line, "> con");
		type("\t");
		assert.include(screen.all, "config  console");
		assert.equal(screen.line, "> con");
		type("x\t");
		assert.equal(screen.line, "> conx");
		assert.equal(screen.bells, 1);
	});

	it("starts over with Ctrl-C, ends with Ctrl-D on an empty line only", () => {
		type("abc\x03");
		assert.equal(screen.line, "> ");
		type("ab\x01\x04\r");
		assert.deepEqual(lines, ["b"]);
		assert.equal(ends, 0);
		type("\x04");
		assert.equal(ends, 1);
	});

	it("takes no more than a line's length", () => {
		type("x".repeat(1000));
		type("\r");
		assert.equal(lines[0]?.length, 256);
	});
});
