import { assert } from "chai";
import { type Command, CommandTable } from "fleetling/management/commands/command";
import { helpFor } from "fleetling/management/commands/help";
import { javascript } from "fleetling/management/commands/javascript";
import { ShellSession } from "fleetling/management/shell/session";
import { beforeEach, describe, it } from "test/harness";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import Timer from "timer";
import { FakePowers } from "../../fakes/powers";

/** A line that takes what it is told to take. */
class FakeLine {
	room = 1_000_000;
	text = "";
	longest = 0;

	write(bytes: Uint8Array): void {
		assert.isAtMost(bytes.length, this.room, JSON.stringify(new TextDecoder().decode(bytes)));
		this.room -= bytes.length;
		this.longest = Math.max(this.longest, bytes.length);
		this.text += new TextDecoder().decode(bytes);
	}
}

let line: FakeLine;
let powers: FakePowers;
let session: ShellSession;
let exits: number;
/** What "slow" waits for. */
let go: () => void;
let shown: number;
let ends: string[];

const flood: Command = {
	name: "flood",
	summary: "prints for ever",
	async run({ terminal }) {
		try {
			for (shown = 0; ; shown++) await terminal.print(`line ${shown}\n`);
		} catch (error) {
			ends.push((error as Error & { code: string }).code);
			throw error;
		}
	},
};

const slow: Command = {
	name: "slow",
	summary: "takes its time",
	async run({ terminal, cancellation }, args) {
		await new Promise<void>((resolve) => {
			go = resolve;
			cancellation.add(resolve);
		});
		await terminal.print(`done with ${args.join("+")}\n`);
	},
};

const broken: Command = {
	name: "broken",
	summary: "fails",
	run: () => Promise.reject(new TypeError("out of order")),
};

const pause = (): Promise<void> => new Promise((resolve) => void Timer.set(() => resolve(), 5));

async function type(text: string): Promise<void> {
	session.received(new Uint8Array(new TextEncoder().encode(text)));
	await pause();
}

describe("a shell session", () => {
	beforeEach(() => {
		line = new FakeLine();
		powers = new FakePowers();
		exits = 0;
		ends = [];
		const table: CommandTable = new CommandTable([flood, slow, broken, javascript, helpFor(() => table)]);
		session = new ShellSession({ line, table, powers, banner: "hello\n", prompt: "$ ", onExit: () => exits++ });
	});

	it("shows a banner and a prompt at once", () => assert.equal(line.text, "hello\r\n\r$ \x1b[K"));

	it("runs a command with its words and prompts again", async () => {
		await type("slow a 'b c'\r");
		assert.notInclude(line.text, "done");
		go();
		await pause();
		assert.include(line.text, "done with a+b c\r\n\r$ ");
	});

	it("says what is wrong with a line, and goes on", async () => {
		await type("nonsense\r");
		assert.include(line.text, 'there is no command "nonsense"');
		assert.notInclude(line.text, "management.usage");
		await type("slow '\r");
		assert.include(line.text, "the quote ' has no end");
		await type("broken\r");
		assert.include(line.text, "TypeError: out of order");
		await type("\r");
		assert.isTrue(line.text.endsWith("\r\n\r$ \x1b[K"));
	});

	it("lists its commands", async () => {
		await type("help\r");
		for (const word of ["flood", "slow", "prints for ever", "exit"]) assert.include(line.text, word);
	});

	it("keeps what is typed ahead", async () => {
		await type("slow 1\rslow 2\rhe");
		go();
		await pause();
		assert.include(line.text, "done with 1");
		go();
		await pause();
		assert.include(line.text, "done with 2");
		await type("lp\r");
		assert.include(line.text, "lists the commands");
	});

	it("keeps no flood", async () => {
		await type("slow\r");
		for (let index = 0; index < 100; index++) await session.received(new Uint8Array(1000).fill(0x78));
		go();
		await pause();
		// Of 100,000 characters 256 are kept; where the line is wider than the terminal, each is shown with its neighbours.
		assert.isBelow(line.text.length, 256 * 90);
		await type("\x15help\r");
		assert.include(line.text, "lists the commands");
	});

	it("stops a command with Ctrl-C and drops what was typed ahead", async () => {
		await type("slow\rbroken\r\x03");
		assert.include(line.text, "^C");
		assert.notInclude(line.text, "out of order");
		await type("broken\r");
		assert.include(line.text, "out of order");
	});

	it("holds a command back while the line is slow, and stops it there", async () => {
		line.room = 3_000;
		await type("flood\r");
		assert.isAtMost(line.text.length, 3_100);
		const before = shown;
		await pause();
		assert.equal(shown, before);
		for (let index = 0; index < 100; index++) {
			line.room = 500;
			session.writable();
			await pause();
		}
		assert.isAbove(shown, before);
		assert.isAtMost(shown * 6, 55_000);
		await type("\x03");
		line.room = 1_000_000;
		session.writable();
		await pause();
		assert.deepEqual(ends, ["management.interrupted"]);
		await type("help\r");
		assert.include(line.text, "lists the commands");
	});

	it("ends a command that nobody watches any more", async () => {
		line.room = 1_000;
		await type("flood\r");
		session.end();
		session.end();
		await pause();
		assert.deepEqual(ends, ["management.gone"]);
		const { text } = line;
		line.room = 1_000_000;
		session.writable();
		await type("help\r");
		assert.equal(line.text, text);
		assert.equal(exits, 0);
	});

	it("is left with exit, once", async () => {
		await type("exit\r");
		assert.equal(exits, 1);
		await type("\x04");
		assert.equal(exits, 1);
	});

	it("is left with Ctrl-D", async () => {
		await type("x\x7f\x04\x04");
		assert.equal(exits, 1);
	});

	it("has no JavaScript unless it is allowed", async () => {
		await type("js 1+1\r");
		assert.include(line.text, "JavaScript is off");
		powers.evaluate = (source) => `<${source}>`;
		await type("js 1+1\r");
		assert.include(line.text, "<1+1>");
		await type("js\rfirst\r\rsecond\r");
		assert.include(line.text, "<first>");
		assert.include(line.text, "<second>");
		await type("\x04help\r");
		assert.include(line.text, "lists the commands");
		assert.equal(exits, 0);
		await type("js\r\x03help\r");
		assert.equal(line.text.split("lists the commands").length, 3);
	});

	it("draws for the size of the terminal, and takes no size that is none", async () => {
		session.resize(30, 20);
		for (const [rows, columns] of [
			[0, 10],
			[-1, 10],
			[1.5, 10],
			[24, Number.NaN],
			[24, 1e9],
		] as const)
			session.resize(rows, columns);
		assert.equal(session.columns, 20);
		assert.equal(session.rows, 30);
	});

	it("never cuts a character", async () => {
		line.room = 0;
		line.text = "";
		powers.evaluate = () => "😀".repeat(100);
		await type("js x\r");
		for (let index = 0; index < 2_000 && !line.text.endsWith("\x1b[K"); index++) {
			line.room = 7;
			session.writable();
			await Promise.resolve();
		}
		assert.include(line.text, "😀".repeat(100));
		assert.notInclude(line.text, "\ufffd");
	});
});
