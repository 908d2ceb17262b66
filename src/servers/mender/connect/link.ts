import { FleetlingError } from "fleetling/error/error";
import type { Conversation, ConversationEnd, Listener } from "../../../common/conversation";
import { limits } from "../../../common/deadlines";
import type { TaggedLog } from "../../../common/log";
import { random } from "../../../common/random";
import { sleep } from "../../../common/time";
import type { Web } from "../../../common/web";
import { Link, type LinkProtocol, type LinkState, type Verdict } from "../../../management/link";
import type { Management } from "../../../management/management";
import { takeClient } from "./client";
import { takeControl } from "./control";
import { judge } from "./ends";
import { sendError } from "./errors";
import { Files } from "./files";
import { Forwards } from "./forwards";
import { type Frame, parseFrame, protocols } from "./frame";
import { Outlet } from "./outlet";
import { Sessions } from "./sessions";
import { Terminals } from "./terminal";

export interface ConnectOptions {
	/** The server in words. */
	readonly name: string;
	/** Its base address. */
	readonly url: string;
	readonly web: Web;
	readonly log: TaggedLog;
	readonly management: Management;
	/** Has the device ask for a deployment at once. */
	readonly wake: () => void;
	/** Has it report its inventory at once. */
	readonly report: () => void;
	/** Milliseconds after which a terminal into which nothing is typed ends; `deadlines.shellIdle` when absent. */
	readonly idle?: number;
	/** Milliseconds after which a forwarded connection in which nothing passes ends; `deadlines.forwardIdle` when absent. */
	readonly forwardIdle?: number;
	/** Milliseconds between two looks at who is still there; `intervals.sessionPing` when absent. */
	readonly interval?: number;
}

/** The one subprotocol that there is. */
const subprotocol = "protomsg/msgpack";
const badProtocol = 1002;

/**
 * Mender's device connect: one WebSocket over which the server passes messages between the device and any number of managers,
 * each in a session of its own. What a message is about is said by the number of its protocol.
 */
export class ConnectLink implements LinkProtocol {
	readonly #options: ConnectOptions;
	readonly #link: Link;
	readonly #outlet = new Outlet();
	readonly #sessions: Sessions;
	/** Who takes the messages of a protocol. */
	readonly #takers = new Map<number, (frame: Frame) => void>();
	/** Why this side has ended the connection. */
	#refusal: FleetlingError | undefined;

	constructor(options: ConnectOptions) {
		this.#options = options;
		const { log, management, wake, report, idle, forwardIdle, interval } = options;
		const outlet = this.#outlet;
		this.#sessions = new Sessions(outlet, interval);
		this.#link = new Link({ protocol: this, authorized: management.authorized, log, random });
		const { shell, files, forwarder, intake } = management;
		const sessions = this.#sessions;
		const common = { outlet, sessions, log };
		if (shell !== undefined) {
			const terminals = new Terminals({ ...common, shell, ...(idle !== undefined && { idle }) });
			this.#takers.set(protocols.shell, (frame) => terminals.take(frame));
		}
		if (files !== undefined) {
			const transfers = new Files({ ...common, files, intake });
			this.#takers.set(protocols.files, (frame) => transfers.take(frame));
		}
		if (forwarder !== undefined) {
			const forwards = new Forwards({ ...common, forwarder, idle: forwardIdle });
			this.#takers.set(protocols.forward, (frame) => forwards.take(frame));
		}
		this.#takers.set(protocols.client, (frame) => takeClient({ outlet, log, wake, report }, frame));
		const offered = (): readonly number[] => [...this.#takers.keys()].filter((number) => number !== protocols.control);
		this.#takers.set(protocols.control, (frame) => takeControl({ ...common, offered }, frame));
	}

	/** The device has checked in: the time to have a link. */
	start(): void {
		this.#link.start();
	}

	get state(): LinkState {
		return this.#link.state;
	}

	/** Says goodbye; resolves when the server knows. */
	stop(): Promise<void> {
		return this.#link.stop();
	}

	open(token: string, listener: Listener): Conversation {
		const { web, url } = this.#options;
		this.#refusal = undefined;
		const headers = [["Authorization", `Bearer ${token}`]] as const;
		const address = `${url}/api/devices/v1/deviceconnect/connect`;
		return web.converse({ url: address, headers, protocols: [subprotocol], messageBytes: limits.connectMessage }, listener);
	}

	opened(conversation: Conversation, selected: string | undefined): void {
		if (selected !== subprotocol) {
			// As browsers do it: a server that does not say that it speaks it cannot be expected to.
			const text = `${this.#options.name} opens a WebSocket without "${subprotocol}"; check proxies and the key url`;
			this.#refusal = new FleetlingError("server.bad-answer", text);
			conversation.end(badProtocol, "no subprotocol");
			return;
		}
		this.#outlet.opened(conversation);
		this.#link.established();
	}

	/**
	 * Each message has a turn of its own: a flood must not keep the device from everything else, and what it leads to needs the
	 * stack that the layers of the connection have taken here. The next one is read when there is room for what it is answered
	 * with.
	 */
	received(message: string | ArrayBuffer): Promise<void> {
		return sleep(0)
			.then(() => this.#take(message))
			.then(() => this.#outlet.room());
	}

	drained(): void {
		this.#outlet.drained();
	}

	closed(): void {
		this.#outlet.closed();
		this.#sessions.endAll();
	}

	judge(end: ConversationEnd): Verdict {
		if (this.#refusal !== undefined && !(end instanceof FleetlingError)) return { kind: "retry", error: this.#refusal };
		return judge(this.#options.name, end);
	}

	#take(message: string | ArrayBuffer): void {
		const { log } = this.#options;
		// The connection that it came through has gone meanwhile.
		if (!this.#outlet.open) return;
		let frame: Frame | undefined;
		try {
			if (typeof message === "string") throw new FleetlingError("server.bad-answer", "the server sent a text to device connect");
			frame = parseFrame(new Uint8Array(message));
			this.#sessions.heard(frame.session);
			const take = this.#takers.get(frame.protocol);
			if (take !== undefined) take(frame);
			else sendError(this.#outlet, { session: frame.session, text: `this device has no protocol ${frame.protocol}`, frame });
		} catch (error) {
			log.failure(error, "warn");
			if (frame === undefined) return;
			const { message: text } = FleetlingError.from(error, "server.failed", "the message could not be dealt with");
			sendError(this.#outlet, { session: frame.session, text, frame });
		}
	}
}
