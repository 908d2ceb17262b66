import type { Line, ShellSession } from "fleetling/management/shell/session";
import TextEncoder from "text/encoder";
import Timer from "timer";
import type SerialPort from "./serialport";

/** What is read of what is typed at a time. */
const block = 64;
/** The port says nothing when it takes bytes again; at 115,200 baud a quarter of its buffer has left by then. */
const flushEvery = 50;
/** Characters of the log that wait for the port. Beyond it the log has gaps: a device must not hang for its log. */
const mostWaiting = 2_048;
/** Clears the line with the prompt before something else is shown in its place. */
const clearLine = "\r\u001b[K";

/** What the console needs of the port. */
export type Port = Pick<SerialPort, "read" | "write" | "room">;

/** Opens a shell; `onExit` is called when the person leaves it. */
export type OpenShell = (line: Line, onExit: () => void) => ShellSession;

/**
 * The console on the serial port: the log, and a shell as soon as somebody types. They share the screen: a line of the log goes above
 * the prompt, which is drawn again.
 */
export class SerialConsole {
	readonly #port: Port;
	readonly #encoder = new TextEncoder();
	readonly #buffer = new Uint8Array(block);
	readonly #line: Line;
	#open: OpenShell | undefined;
	#session: ShellSession | undefined;
	/** Of the log, in the order in which it came. */
	#waiting: Uint8Array[] = [];
	#waitingBytes = 0;
	#gap = false;
	#flushing = false;

	/** @param openPort opens the port; the function that it gets is to be called when bytes have come */
	constructor(openPort: (onReadable: () => void) => Port) {
		const port = openPort(() => this.#read());
		this.#port = port;
		const logWaits = (): boolean => this.#waitingBytes > 0;
		const later = (): void => this.#flushLater();
		this.#line = {
			get room(): number {
				// The log first, so that its lines stay whole.
				const room = logWaits() ? 0 : port.room;
				if (room < 4) later();
				return room;
			},
			write(bytes: Uint8Array): void {
				port.write(bytes);
			},
		};
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

	#add(text: string): void {
		const bytes = new Uint8Array(this.#encoder.encode(text));
		this.#gap = this.#waitingBytes + bytes.byteLength > mostWaiting;
		if (this.#gap) return;
		this.#waiting.push(bytes);
		this.#waitingBytes += bytes.byteLength;
		this.#flush();
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
			for (let count = this.#port.read(this.#buffer); count > 0; count = this.#port.read(this.#buffer)) {
				if (this.#session === undefined) this.#begin();
				// The key that opens the shell is not meant for it.
				else this.#session.received(this.#buffer.subarray(0, count));
			}
		} catch (error) {
			this.#ended(error);
		}
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
