import TextEncoder from "text/encoder";
import Timer from "timer";
import type { SerialPort } from "../../common/device";
import type { Line, ShellSession } from "../shell/session";
import { FrameSeparator } from "./frames";
import type { Improv } from "./improv";

/** What is read of what is typed at a time. */
const block = 64;
/** The port says nothing when it takes bytes again; at 115,200 baud a quarter of its buffer has left by then. */
const flushEvery = 50;
/** Characters of the log that wait for the port. Beyond it the log has gaps: a device must not hang for its log. */
const mostWaiting = 2_048;
/** Packets of Improv go out behind the log. Those of a scan have 700 bytes; nobody reads a port that has not taken so much. */
const mostPackets = mostWaiting + 1_024;
const lineFeed = 10;
/** Clears the line with the prompt before something else is shown in its place. */
const clearLine = "\r\u001b[K";

/** Opens a shell; `onExit` is called when the person leaves it. */
export type OpenShell = (line: Line, onExit: () => void) => ShellSession;

/**
 * The console on the serial port: the log, a shell as soon as somebody types, and Improv. They share the port: a line of the log goes
 * above the prompt, which is drawn again, and packets stand on lines of their own.
 */
export class SerialConsole {
	readonly #port: SerialPort;
	readonly #encoder = new TextEncoder();
	readonly #buffer = new Uint8Array(block);
	readonly #line: Line;
	readonly #separator: FrameSeparator;
	#open: OpenShell | undefined;
	#improv: Improv | undefined;
	#session: ShellSession | undefined;
	/** Of the log, in the order in which it came. */
	#waiting: Uint8Array[] = [];
	#waitingBytes = 0;
	#gap = false;
	#flushing = false;
	/** Whether what was shown, or waits, ends with a line feed. */
	#lineEnded = false;
	#patience: Timer | undefined;

	/** @param openPort opens the port; the function that it gets is to be called when bytes have come */
	constructor(openPort: (onReadable: () => void) => SerialPort) {
		const port = openPort(() => this.#read());
		this.#port = port;
		const logWaits = (): boolean => this.#waitingBytes > 0;
		const later = (): void => this.#flushLater();
		const shown = (bytes: Uint8Array): void => this.#shown(bytes);
		this.#line = {
			get room(): number {
				// The log first, so that its lines stay whole.
				const room = logWaits() ? 0 : port.room;
				if (room < 4) later();
				return room;
			},
			write(bytes: Uint8Array): void {
				port.write(bytes);
				shown(bytes);
			},
		};
		this.#separator = new FrameSeparator({
			onText: (bytes) => this.#typed(bytes),
			onPacket: (type, data) => this.#improv?.received(type, data),
			onBroken: () => this.#improv?.broken(),
			wait: (milliseconds) => this.#wait(milliseconds),
		});
	}

	/** From now on packets of Improv are for this. Without it they are taken out and ignored. */
	set improv(improv: Improv) {
		this.#improv = improv;
	}

	/** From now on typing opens this shell; an open one is closed. */
	set shell(open: OpenShell) {
		this.#session?.end();
		this.#session = undefined;
		this.#open = open;
	}

	/** Shows one line of the log. Never waits. */
	log(text: string): void {
		const clear = this.#session === undefined ? "" : clearLine;
		this.#add(`${clear}${this.#gap ? "…\r\n" : ""}${text}\r\n`);
		// Draws the prompt again; while a command runs there is none.
		const session = this.#session;
		session?.resize(session.rows, session.columns);
	}

	/** Sends a packet of Improv. Clients look for one at the beginning of a line only. */
	send(packet: Uint8Array): void {
		if (!this.#lineEnded) this.#put(Uint8Array.of(13, lineFeed), mostPackets);
		if (!this.#put(packet, mostPackets)) this.#gap = true;
		const session = this.#session;
		session?.resize(session.rows, session.columns);
	}

	#add(text: string): void {
		this.#gap = !this.#put(new Uint8Array(this.#encoder.encode(text)), mostWaiting);
	}

	/** Whether there was room for it. */
	#put(bytes: Uint8Array, most: number): boolean {
		if (this.#waitingBytes + bytes.byteLength > most) return false;
		this.#waiting.push(bytes);
		this.#waitingBytes += bytes.byteLength;
		this.#shown(bytes);
		this.#flush();
		return true;
	}

	#shown(bytes: Uint8Array): void {
		this.#lineEnded = bytes[bytes.byteLength - 1] === lineFeed;
	}

	/** Gives the port what it takes of the log, and then lets the shell go on. */
	#flush(): void {
		for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
			const sent = this.#port.write(next);
			this.#waitingBytes -= sent;
			if (sent < next.byteLength) {
				this.#waiting[0] = next.subarray(sent);
				this.#flushLater();
				return;
			}
			this.#waiting.shift();
		}
	}

	#flushLater(): void {
		if (this.#flushing) return;
		this.#flushing = true;
		Timer.set(() => {
			this.#flushing = false;
			try {
				this.#flush();
				if (this.#waitingBytes === 0) this.#session?.writable();
			} catch (error) {
				this.#ended(error);
			}
		}, flushEvery);
	}

	/** What escaped from here would end the machine. */
	#read(): void {
		try {
			for (let count = this.#port.read(this.#buffer); count > 0; count = this.#port.read(this.#buffer))
				this.#separator.push(this.#buffer.subarray(0, count));
		} catch (error) {
			this.#ended(error);
		}
	}

	#wait(milliseconds: number): void {
		Timer.clear(this.#patience);
		this.#patience = Timer.set(() => {
			this.#patience = undefined;
			try {
				this.#separator.expire();
			} catch (error) {
				this.#ended(error);
			}
		}, milliseconds);
	}

	#typed(bytes: Uint8Array): void {
		// The key that opens the shell is not meant for it.
		if (this.#session === undefined) this.#begin();
		else this.#session.received(bytes);
	}

	#begin(): void {
		const open = this.#open;
		if (open === undefined) return;
		this.#session = open(this.#line, () => {
			this.#session = undefined;
		});
	}

	/** The shell has failed; the next key opens another. */
	#ended(error: unknown): void {
		const session = this.#session;
		this.#session = undefined;
		session?.end();
		this.#add(`console: ${String(error)}\r\n`);
	}
}
