import { assert } from "chai";
import type { SerialPort } from "fleetling/common/device";
import { CommandTable } from "fleetling/management/commands/command";
import { mem } from "fleetling/management/commands/device";
import { packet } from "fleetling/management/console/frames";
import { Improv } from "fleetling/management/console/improv";
import { SerialConsole } from "fleetling/management/console/serial-console";
import { ShellSession } from "fleetling/management/shell/session";
import { beforeEach, describe, it } from "test/harness";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import Timer from "timer";
import { FakePowers } from "../../fakes/powers";

/** A port that takes as much as it is told to. */
class FakePort implements SerialPort {
	room = 2_048;
	text = "";
	#waiting: number[] = [];
	onReadable = (): void => {};

	read(buffer: Uint8Array): number {
		const bytes = this.#waiting.splice(0, buffer.length);
		buffer.set(bytes);
		return bytes.length;
	}

	write(bytes: Uint8Array): number {
		const taken = bytes.subarray(0, this.room);
		this.room -= taken.length;
		this.text += new TextDecoder().decode(taken);
		return taken.length;
	}

	type(text: string): void {
		this.receive(new TextEncoder().encode(text));
	}

	receive(bytes: Uint8Array): void {
		for (const byte of bytes) this.#waiting.push(byte);
		this.onReadable();
	}
}

/** Without what only moves the cursor. */
const plain = (text: string): string => text.split("\r").join("").split("\u001b[K").join("");

const soon = (): Promise<void> => new Promise((resolve) => Timer.set(() => resolve(), 150));

let port: FakePort;
let serial: SerialConsole;
let opened: number;

beforeEach(() => {
	port = new FakePort();
	opened = 0;
	serial = new SerialConsole((onReadable) => {
		port.onReadable = onReadable;
		return port;
	});
	serial.shell = (line, onExit) => {
		opened++;
		const table = new CommandTable([mem]);
		return new ShellSession({ line, onExit, table, powers: new FakePowers(), banner: "hello\n", prompt: "> " });
	};
});

describe("serial console", () => {
	it("shows the log line by line", () => {
		serial.log("I (1) main: one");
		serial.log("I (2) main: two");
		assert.equal(port.text, "I (1) main: one\r\nI (2) main: two\r\n");
		assert.equal(opened, 0);
	});
	it("the first key opens a shell, and is not typed into it", () => {
		port.type("\r");
		assert.equal(opened, 1);
		assert.equal(plain(port.text), "hello\n> ");
	});
	it("runs commands", async () => {
		port.type("\r");
		port.type("mem\r");
		await soon();
		assert.include(port.text, "slots");
		assert.isTrue(plain(port.text).endsWith("> "));
	});
	it("a line of the log goes above the prompt, and what was typed is shown again", () => {
		port.type("\r");
		port.type("me");
		port.text = "";
		serial.log("W (3) net: gone");
		assert.isTrue(port.text.startsWith("\r\u001b[KW (3) net: gone\r\n"), JSON.stringify(port.text));
		assert.include(port.text.slice(port.text.indexOf("gone")), "> me");
	});
	it("who leaves can come back", () => {
		port.type("\r");
		port.type("\u0004");
		port.type("\r");
		assert.equal(opened, 2);
	});
	it("a port that takes nothing holds nobody up, and the log goes on where it can, saying that something is missing", async () => {
		port.room = 0;
		for (let at = 0; at < 200; at++) serial.log(`I (${at}) main: a line that is not short at all`);
		assert.equal(port.text, "");
		port.room = 100_000;
		await soon();
		assert.include(port.text, "I (0) main");
		assert.isBelow(port.text.length, 3_000);
		serial.log("I (999) main: last");
		assert.isTrue(port.text.endsWith("…\r\nI (999) main: last\r\n"), port.text.slice(-80));
	});
	it("what waits for the port is shown in order: the log first, in whole lines, then the shell", async () => {
		port.type("\r");
		port.room = 10;
		port.text = "";
		serial.log("I (1) main: one");
		port.type("mem\r");
		port.room += 4_000;
		await soon();
		await soon();
		assert.include(port.text, "I (1) main: one\r\n");
		assert.isBelow(port.text.indexOf("one\r\n"), port.text.indexOf("slots"));
	});
	it("another shell takes the place of the one that is open", () => {
		port.type("\r");
		let others = 0;
		serial.shell = (line, onExit) => {
			others++;
			return new ShellSession({
				...{ line, onExit, banner: "other\n", prompt: "$ " },
				table: new CommandTable([]),
				powers: new FakePowers(),
			});
		};
		port.type("\r");
		assert.equal(others, 1);
		assert.isTrue(plain(port.text).endsWith("other\n$ "), JSON.stringify(port.text));
	});
	describe("with Improv", () => {
		const information = [3, 0];
		const answer = "fleetlet\u000b1.2.3";
		beforeEach(() => {
			serial.improv = new Improv({
				send: (bytes) => serial.send(bytes),
				information: () => ({ firmware: "fleetlet", version: "1.2.3", chip: "esp32c3", name: "lamp" }),
				wifi: undefined,
				next: () => undefined,
				log: new FakePowers().log.tag("setup"),
			});
		});
		/** Packets in what was shown: they are found at the beginning of a line only, as by the protocol's own client. */
		const packets = (): string[] => port.text.split("\n").filter((line) => line.startsWith("IMPROV\u0001"));

		it("answers packets, and opens no shell for them", () => {
			port.receive(packet(3, information));
			assert.equal(opened, 0);
			assert.equal(packets().length, 2);
			assert.include(packets()[1] ?? "", "fleetlet\u00051.2.3\u0007esp32c3\u0004lamp");
			assert.notInclude(port.text, answer);
		});
		it("its answers stand on lines of their own, and what was typed is shown again", () => {
			port.type("\r");
			port.type("me");
			port.text = "";
			port.receive(packet(3, information));
			assert.equal(packets().length, 2);
			assert.isTrue(plain(port.text).endsWith("\n> me"), JSON.stringify(port.text));
		});
		it("what is typed around a packet arrives in the shell, and no byte of the packet", async () => {
			port.type("\r");
			port.text = "";
			port.type("m");
			port.receive(packet(3, [1, 10, 4, 104, 111, 109, 101, 4, 49, 50, 51, 52]));
			port.type("em\r");
			await soon();
			assert.include(port.text, "slots");
			assert.notInclude(port.text, "home");
			assert.notInclude(port.text, "1234");
		});
		it("a letter that could begin a packet is shown a little later", async () => {
			port.type("\r");
			port.text = "";
			port.type("I");
			assert.equal(port.text, "");
			await soon();
			assert.equal(port.text, "I");
		});
		it("a packet that ends in the middle is an error, and the shell goes on", async () => {
			port.type("\r");
			port.receive(packet(3, information).subarray(0, 9));
			await new Promise<void>((resolve) => Timer.set(() => resolve(), 700));
			assert.equal(packets().length, 1);
			port.text = "";
			port.type("mem\r");
			await soon();
			assert.include(port.text, "slots");
		});
		it("waits behind the log for a slow port, in order", async () => {
			port.room = 5;
			serial.log("I (1) main: one");
			port.receive(packet(3, information));
			port.room += 4_000;
			await soon();
			assert.isTrue(port.text.startsWith("I (1) main: one\r\nIMPROV"), JSON.stringify(port.text));
			assert.equal(packets().length, 2);
		});
		it("packets that nobody takes are dropped before they fill the memory", async () => {
			port.room = 0;
			for (let at = 0; at < 200; at++) port.receive(packet(3, information));
			port.room = 100_000;
			await soon();
			assert.isBelow(port.text.length, 3_200);
			assert.isAbove(port.text.length, 2_000);
		});
	});
});
