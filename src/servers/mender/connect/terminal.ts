import { frozen } from "fleetling/frozen/frozen";
import TextEncoder from "text/encoder";
import Time from "time";
import { deadlines, intervals, limits } from "../../../common/deadlines";
import type { TaggedLog } from "../../../common/log";
import type { Management } from "../../../management/management";
import type { Line, ShellSession } from "../../../management/shell/session";
import { type Frame, protocols } from "./frame";
import type { Outlet, Source } from "./outlet";
import type { Holding, Sessions } from "./sessions";

export interface TerminalOptions {
	readonly outlet: Outlet;
	readonly sessions: Sessions;
	readonly log: TaggedLog;
	readonly shell: NonNullable<Management["shell"]>;
	/** Milliseconds without input after which a session ends; `deadlines.shellIdle` when absent. */
	readonly idle?: number;
}

/** What a message of this protocol is: output or the answer to a request, the answer that it failed, or a question. */
const statuses = frozen({ normal: 1, error: 2, control: 3 } as const);

/** Bytes that one message of output has at most: it stays within one segment and one TLS record. */
const messageBytes = 1_024;

/** Terminals of managers: one for each session, all on the shell's commands. */
export class Terminals {
	readonly #options: TerminalOptions;
	readonly #terminals = new Map<string, Terminal>();

	constructor(options: TerminalOptions) {
		this.#options = options;
	}

	/** A terminal in a browser takes an error for the end of its session, so that there is always an answer. */
	take(frame: Frame): void {
		const { session, type } = frame;
		const terminal = this.#terminals.get(session);
		if (type === "new") this.#begin(frame, terminal);
		else if (type === "ping") this.#say(session, "pong", statuses.control, "");
		else if (terminal !== undefined) this.#hand(frame, terminal);
		else if (type === "shell" || type === "stop")
			this.#say(session, type, statuses.error, "there is no terminal in this session");
	}

	#begin({ session, properties }: Frame, present: Terminal | undefined): void {
		const { log } = this.#options;
		const full = this.#terminals.size >= limits.shellSessions;
		if (present !== undefined || full) {
			const text =
				present === undefined ? `${limits.shellSessions} terminals are open already` : "this session has a terminal already";
			log.warn(`a terminal was asked for and refused: ${text}`);
			this.#say(session, "new", statuses.error, text);
			return;
		}
		// Before the first output: it has the browser know the number of its session.
		this.#say(session, "new", statuses.normal, "");
		const terminal = new Terminal(this.#options, session, () => this.#terminals.delete(session));
		this.#terminals.set(session, terminal);
		terminal.resize(properties);
		log.info("a terminal was opened");
	}

	#hand({ session, type, properties, body }: Frame, terminal: Terminal): void {
		if (type === "shell") terminal.received(body);
		else if (type === "resize") terminal.resize(properties);
		else if (type === "stop") {
			terminal.lost();
			this.#say(session, "stop", statuses.normal, "");
		}
	}

	#say(session: string, type: string, status: number, text: string): void {
		say(this.#options.outlet, session, type, status, text);
	}
}

function say(outlet: Outlet, session: string, type: string, status: number, text: string): void {
	const body = new Uint8Array(new TextEncoder().encode(text));
	outlet.send({ protocol: protocols.shell, type, session, properties: { status } }, body);
}

class Terminal implements Line, Source, Holding {
	readonly #options: TerminalOptions;
	readonly #id: string;
	readonly #gone: () => void;
	readonly #session: ShellSession;
	/** When something was typed last. */
	#typed = Time.ticks;
	#ended = false;

	constructor(options: TerminalOptions, id: string, gone: () => void) {
		this.#options = options;
		this.#id = id;
		this.#gone = gone;
		this.#session = options.shell(this, () => this.#leave(statuses.normal, ""));
		options.outlet.add(this);
		options.sessions.hold(id, this);
	}

	/** Nothing but a free line takes more: what waits on a device is memory. */
	get room(): number {
		return !this.#ended && this.#options.outlet.free ? messageBytes : 0;
	}

	write(bytes: Uint8Array): void {
		const properties = { status: statuses.normal };
		this.#options.outlet.send({ protocol: protocols.shell, type: "shell", session: this.#id, properties }, bytes);
	}

	/** What waits goes out from here, and comes back for more by itself. */
	turn(): boolean {
		this.#session.writable();
		return false;
	}

	received(bytes: Uint8Array): void {
		this.#typed = Time.ticks;
		this.#session.received(bytes);
	}

	resize(properties: Frame["properties"]): void {
		const rows = properties.get("terminal_height");
		const columns = properties.get("terminal_width");
		if (typeof rows === "number" && typeof columns === "number") this.#session.resize(rows, columns);
	}

	/** Whether anything was typed or not: a browser believes that the device is gone when it is not asked. */
	ping(): void {
		const properties = { timeout: Math.round((intervals.sessionPing + deadlines.sessionPing) / 1000), status: statuses.control };
		this.#options.outlet.send({ protocol: protocols.shell, type: "ping", session: this.#id, properties });
	}

	look(): void {
		const { idle = deadlines.shellIdle } = this.#options;
		if (Time.delta(this.#typed) >= idle) this.#leave(statuses.error, "nothing was typed for too long");
	}

	lost(): void {
		if (this.#ended) return;
		this.#ended = true;
		const { outlet, sessions, log } = this.#options;
		outlet.remove(this);
		sessions.release(this.#id, this);
		this.#session.end();
		this.#gone();
		log.info("a terminal was closed");
	}

	/** Ends from this side. */
	#leave(status: number, text: string): void {
		if (this.#ended) return;
		say(this.#options.outlet, this.#id, "stop", status, text);
		this.lost();
	}
}
