import { FleetlingError } from "fleetling/error/error";
import TextEncoder from "text/encoder";
import Time from "time";
import Timer from "timer";
import { type Conversation, type ConversationEnd, type Listener, RefusedError } from "../../common/conversation";
import { deadlines, limits } from "../../common/deadlines";
import type { Fields } from "../../common/json";
import type { TaggedLog } from "../../common/log";
import { sleep } from "../../common/time";
import type { Web } from "../../common/web";
import type { Management } from "../../management/management";
import type { Facility } from "../../management/registry";
import type { Line, ShellSession } from "../../management/shell/session";
import type { Outgoing } from "./outgoing";

export interface RDFMShellOptions {
	/** The server's base address. */
	readonly url: string;
	readonly web: Web;
	readonly log: TaggedLog;
	readonly management: Management;
	/** Milliseconds without input after which a session ends; `deadlines.shellIdle` when absent. */
	readonly idle?: number;
}

/** Bytes that one message of terminal output has at most: it stays within one segment and one TLS record. */
const messageBytes = 1_024;

/** Between two tries to get a connection. */
const seatPause = 100;

/**
 * Shells that managers open (protocol: device attaches with a WebSocket of its own). The protocol has no words for a
 * refusal: a manager who gets no shell within 5 s is told by the server that the device did not connect.
 */
export class RDFMShell implements Facility<Outgoing> {
	readonly capability = "shell";
	readonly #options: RDFMShellOptions;
	readonly #attachments = new Set<Attachment>();
	#stopped: (() => void) | undefined;

	constructor(options: RDFMShellOptions) {
		this.#options = options;
	}

	take(name: string, fields: Fields): boolean {
		if (name !== "shell_attach") return false;
		const mac = fields.text("mac_addr", limits.fact);
		const uuid = fields.text("uuid", limits.fact);
		// Both become part of an address.
		for (const text of [mac, uuid])
			if (!isPlain(text)) throw fields.bad("has an address or a number with characters that neither has");
		this.#attach(`/api/v1/devices/${mac}/shell/attach/${uuid}`);
		return true;
	}

	/** Ends all sessions; resolves when their managers know. */
	stop(): Promise<void> {
		for (const attachment of this.#attachments) attachment.leave("the device ends all sessions");
		if (this.#attachments.size === 0) return Promise.resolve();
		return new Promise((resolve) => {
			this.#stopped = resolve;
		});
	}

	#attach(path: string): void {
		const { log, management } = this.#options;
		if (this.#attachments.size >= limits.shellSessions) {
			log.warn(`a shell was asked for and refused: ${limits.shellSessions} are open already`);
			return;
		}
		const attachment = new Attachment(this.#options, () => this.#gone(attachment));
		this.#attachments.add(attachment);
		const begin = (): Promise<void> => management.authorized((token) => attachment.begin(path, token));
		// In a turn of its own: here the stack holds all of the link's layers already, and opening a socket needs as many.
		sleep(0)
			.then(begin)
			.catch((error: unknown) => {
				this.#gone(attachment);
				log.failure(error, "warn");
			});
	}

	#gone(attachment: Attachment): void {
		this.#attachments.delete(attachment);
		if (this.#attachments.size === 0) this.#stopped?.();
	}
}

/** One session and its WebSocket: bytes are what is typed and shown, texts are control. */
class Attachment implements Listener, Line {
	readonly #options: RDFMShellOptions;
	readonly #gone: () => void;
	#conversation: Conversation | undefined;
	#session: ShellSession | undefined;
	#idle: Timer | undefined;
	#left = false;
	#opening: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;

	constructor(options: RDFMShellOptions, gone: () => void) {
		this.#options = options;
		this.#gone = gone;
	}

	/** Rejects when the session does not come about, with `server.token-refused` for a token that is too old. */
	async begin(path: string, token: string): Promise<void> {
		const begun = Time.ticks;
		for (;;) {
			try {
				await this.#open(path, token);
				return;
			} catch (error) {
				// A poll is over in a moment; a download is not.
				const busy = error instanceof FleetlingError && error.code === "http.busy";
				if (!busy || Time.delta(begun) > deadlines.shellSeat) throw error;
				await sleep(seatPause);
			}
		}
	}

	#open(path: string, token: string): Promise<void> {
		const { web, url } = this.#options;
		return new Promise((resolve, reject) => {
			if (this.#left) throw new FleetlingError("server.stopped", "the shell was stopped before it was open");
			const headers = [["Authorization", `Bearer token=${token}`]] as const;
			this.#conversation = web.visit({ url: url + path, headers }, this);
			this.#opening = { resolve, reject };
		});
	}

	/** Nothing but an empty buffer takes more: what waits on a device is memory. */
	get room(): number {
		return this.#conversation?.isOpen && this.#conversation.idle ? messageBytes : 0;
	}

	write(bytes: Uint8Array): void {
		this.#conversation?.send(bytes);
	}

	opened(): void {
		const { management, log } = this.#options;
		this.#opening?.resolve();
		this.#opening = undefined;
		log.info("a shell was opened");
		this.#session = management.shell?.(this, () => this.leave(""));
		this.#watch();
	}

	/**
	 * Each message has a turn of its own: a flood of input must not keep the device from everything else, and a command needs
	 * the stack that the layers of the connection have taken here.
	 */
	received(message: string | ArrayBuffer): Promise<void> {
		this.#watch();
		return sleep(0).then(() => this.#take(message));
	}

	#take(message: string | ArrayBuffer): void {
		if (typeof message !== "string") this.#session?.received(new Uint8Array(message));
		else if (message.startsWith("resize ")) {
			const [, rows, columns] = message.split(" ", 3);
			this.#session?.resize(Number(rows), Number(columns));
		}
		// The server hands on whatever a manager sends: a text that is no control is what was typed.
		else this.#session?.received(new Uint8Array(new TextEncoder().encode(message)));
	}

	drained(): void {
		this.#session?.writable();
	}

	ended(end: ConversationEnd): void {
		const opening = this.#opening;
		this.#opening = undefined;
		const { log } = this.#options;
		if (opening !== undefined) {
			// Not gone yet: it may be tried once more with another token.
			this.#conversation = undefined;
			opening.reject(refusal(end));
			return;
		}
		if (end instanceof FleetlingError) log.failure(end, "warn");
		else log.info("a shell was closed");
		this.#release();
	}

	/** Says goodbye. */
	leave(reason: string): void {
		this.#left = true;
		this.#opening?.reject(new FleetlingError("server.stopped", "the shell was stopped before it was open"));
		this.#opening = undefined;
		if (this.#conversation?.isOpen) this.#conversation.end(1000, reason);
		else {
			this.#conversation?.close();
			this.#release();
		}
	}

	/** A connection that nobody uses any more is one that updates wait for. */
	#watch(): void {
		Timer.clear(this.#idle);
		const { idle = deadlines.shellIdle } = this.#options;
		this.#idle = Timer.set(() => this.leave("nothing was typed for too long"), idle);
	}

	#release(): void {
		Timer.clear(this.#idle);
		this.#idle = undefined;
		this.#session?.end();
		this.#session = undefined;
		this.#conversation = undefined;
		this.#gone();
	}
}

function refusal(end: ConversationEnd): FleetlingError {
	if (end instanceof RefusedError && end.status === 401)
		return new FleetlingError("server.token-refused", "the server does not take the token for a shell", { cause: end });
	if (end instanceof FleetlingError) return end;
	return new FleetlingError("server.link-closed", `the server closed a shell with code ${end.code}: "${end.reason}"`);
}

function isPlain(text: string): boolean {
	for (let at = 0; at < text.length; at++) if (!plain.includes(text.charAt(at))) return false;
	return true;
}

const plain = "0123456789abcdefABCDEF:-";
