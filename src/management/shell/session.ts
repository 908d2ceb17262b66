import { FleetlingError } from "fleetling/error/error";
import { Cancellation } from "../../common/cancellation";
import { describe } from "../../common/log";
import type { CommandTable, Terminal } from "../commands/command";
import type { Powers } from "../commands/powers";
import { KeyReader } from "./keys";
import { LineEditor } from "./line-editor";
import { Outbox } from "./outbox";
import { splitWords } from "./words";

/** The other end of a session: a WebSocket, a UART. */
export interface Line {
	/** Bytes that `write` takes now. */
	readonly room: number;
	/** Sends a copy of `bytes`, of which there are no more than there is room. */
	write(bytes: Uint8Array): void;
}

export interface SessionOptions {
	readonly line: Line;
	readonly table: CommandTable;
	readonly powers: Powers;
	/** Before the first prompt. */
	readonly banner: string;
	readonly prompt: string;
	/** The person wants to leave (Ctrl-D, `exit`). Called once at most. */
	readonly onExit: () => void;
}

/**
 * Bytes that are typed while a command runs are kept for the next prompt, as on every terminal, but not without end: a
 * flood must not become the device's memory.
 */
const typeAhead = 256;

/** Ctrl-C. */
const interrupt = 3;

const standardColumns = 80;
const standardRows = 24;

/** A person at a terminal: one command after the other. Everything that comes in is bounded, everything that goes out waits for the line. */
export class ShellSession implements Terminal {
	readonly #options: SessionOptions;
	readonly #outbox: Outbox;
	readonly #keys = new KeyReader((key, text) => this.#editor.key(key, text));
	readonly #editor: LineEditor;
	/** What was typed while a command was running. */
	#ahead: Uint8Array | undefined;
	#aheadLength = 0;
	/** Of the command that is running. */
	#cancellation: Cancellation | undefined;
	/** A command has asked for a line. */
	#asked: ((line: string | undefined) => void) | undefined;
	#columns = standardColumns;
	#rows = standardRows;
	#ended = false;

	constructor(options: SessionOptions) {
		this.#options = options;
		this.#outbox = new Outbox(options.line);
		this.#editor = new LineEditor({
			show: (text) => this.#outbox.add(text),
			columns: () => this.#columns,
			onLine: (line) => this.#entered(line),
			onEnd: () => this.#left(),
			complete: (text) => options.table.complete(text, options.powers),
		});
		// At once: RDFM's web page takes the first output for the sign that the device is there.
		this.#outbox.add(crlf(options.banner));
		this.#editor.begin(options.prompt);
	}

	get rows(): number {
		return this.#rows;
	}

	get columns(): number {
		return this.#columns;
	}

	/** Bytes have come. */
	received(bytes: Uint8Array): void {
		for (const byte of bytes) {
			if (this.#ended) return;
			this.#byte(byte);
		}
	}

	/** The line takes bytes again. */
	writable(): void {
		if (this.#ended) return;
		this.#outbox.flush();
		if (this.#listening && this.#aheadLength > 0 && !this.#outbox.full) this.#replay();
	}

	/** The size of the person's terminal. What cannot be one is ignored. */
	resize(rows: number, columns: number): void {
		const possible = (size: number): boolean => Number.isInteger(size) && size >= 1 && size <= 1_000;
		if (this.#ended || !possible(rows) || !possible(columns)) return;
		this.#rows = rows;
		this.#columns = columns;
		if (this.#cancellation === undefined) this.#editor.redraw();
	}

	/** Nobody is there any more: the running command is cancelled. Idempotent. */
	end(): void {
		if (this.#ended) return;
		this.#ended = true;
		const gone = new FleetlingError("management.gone", "the session has ended");
		this.#outbox.close(gone);
		this.#cancellation?.cancel(gone);
		this.#asked?.(undefined);
	}

	print(text: string): Promise<void> {
		this.#cancellation?.throwIfCancelled();
		return this.#outbox.put(crlf(text));
	}

	ask(prompt: string): Promise<string | undefined> {
		return new Promise((resolve) => {
			this.#asked = (line) => {
				this.#asked = undefined;
				resolve(line);
			};
			this.#editor.begin(prompt, false);
			this.#replay();
		});
	}

	#byte(byte: number): void {
		if (byte === interrupt && this.#cancellation !== undefined) this.#interrupt(this.#cancellation);
		// What it shows must not pile up in front of a line that is slower than the person.
		else if (this.#listening && !this.#outbox.full) this.#keys.read(byte);
		else if (this.#aheadLength < typeAhead) {
			this.#ahead ??= new Uint8Array(typeAhead);
			this.#ahead[this.#aheadLength++] = byte;
		}
	}

	/** Somebody waits for a line. */
	get #listening(): boolean {
		return this.#cancellation === undefined || this.#asked !== undefined;
	}

	#interrupt(cancellation: Cancellation): void {
		this.#aheadLength = 0;
		this.#outbox.add("^C\r\n");
		this.#asked?.(undefined);
		cancellation.cancel(new FleetlingError("management.interrupted", "interrupted"));
	}

	/** What was typed ahead is typed now. */
	#replay(): void {
		const bytes = this.#ahead?.subarray(0, this.#aheadLength);
		this.#ahead = undefined;
		this.#aheadLength = 0;
		if (bytes !== undefined) this.received(bytes);
	}

	#left(): void {
		if (this.#asked !== undefined) {
			this.#outbox.add("\r\n");
			this.#asked(undefined);
			return;
		}
		this.#outbox.add("\r\n");
		this.end();
		this.#options.onExit();
	}

	#entered(line: string): void {
		if (this.#asked !== undefined) this.#asked(line);
		else void this.#run(line);
	}

	/** Never rejects. */
	async #run(line: string): Promise<void> {
		const { table, powers, prompt } = this.#options;
		const cancellation = new Cancellation();
		this.#cancellation = cancellation;
		let leaving = false;
		try {
			const [name, ...args] = splitWords(line);
			if (name === "exit" || name === "logout") leaving = true;
			else if (name !== undefined) await table.find(name).run({ terminal: this, powers, cancellation }, args);
		} catch (error) {
			if (!cancellation.cancelled) this.#outbox.add(crlf(`${explain(error)}\n`));
		}
		this.#cancellation = undefined;
		if (this.#ended) return;
		if (leaving) this.#left();
		else {
			this.#editor.begin(prompt);
			this.#replay();
		}
	}
}

/** For a person who has typed something: without the code when it is about the command itself. */
function explain(error: unknown): string {
	const usage = error instanceof FleetlingError && error.code === "management.usage";
	return usage ? error.message : describe(error);
}

/** A terminal in raw mode wants both. */
const crlf = (text: string): string => (text.includes("\n") ? text.split("\n").join("\r\n") : text);
