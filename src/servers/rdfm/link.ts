import type { Conversation, ConversationEnd, Listener } from "../../common/conversation";
import { limits } from "../../common/deadlines";
import { type Fields, parseObject } from "../../common/json";
import type { TaggedLog } from "../../common/log";
import { random } from "../../common/random";
import type { Web } from "../../common/web";
import { Link, type LinkProtocol, type LinkState, type Verdict } from "../../management/link";
import type { Management } from "../../management/management";
import { type Line, Registry } from "../../management/registry";
import { judge } from "./ends";
import { type CapabilityName, capabilityNames, type Outgoing } from "./outgoing";

export interface RDFMLinkOptions {
	/** The server in words. */
	readonly name: string;
	/** Its base address. */
	readonly url: string;
	readonly web: Web;
	readonly log: TaggedLog;
	readonly management: Management;
}

/** Close code for a message that the server did not understand, or not want. */
const messageRefused = 4001;

/** One connection, as whoever answers through it sees it. */
class RDFMLine implements Line<Outgoing> {
	readonly #conversation: Conversation;

	constructor(conversation: Conversation) {
		this.#conversation = conversation;
	}

	get isOpen(): boolean {
		return this.#conversation.isOpen;
	}

	send(message: Outgoing): boolean {
		const text = JSON.stringify(message);
		if (!this.isOpen || !this.#conversation.fits(text.length)) return false;
		try {
			this.#conversation.send(text);
			return true;
		} catch {
			// Characters that take more than one byte: it did not fit.
			return false;
		}
	}
}

/**
 * RDFM's management link: one JSON object in each text message, `method` says what it is.
 *
 * The server checks the token at the opening handshake only, and closes the link with 4001 for everything that it does not
 * know; so a message that this device does not know is logged and not answered.
 */
export class RDFMLink implements LinkProtocol {
	readonly registry = new Registry<Outgoing>();
	readonly #options: RDFMLinkOptions;
	readonly #link: Link;
	#line: RDFMLine | undefined;
	/** Percents to tell as soon as that is possible; the latest are enough. */
	#progress: number | undefined;
	/** To tell once: the server has it from the authentication, too, unless the token is older than the firmware. */
	#version: string | undefined;

	constructor(options: RDFMLinkOptions) {
		this.#options = options;
		const { log, management } = options;
		this.#link = new Link({ protocol: this, authorized: management.authorized, log, random });
	}

	/** The device has checked in and runs this version: the time to have a link. */
	start(version: string): void {
		if (this.#link.state === "idle" && this.#line === undefined) this.#version = version;
		this.#link.start();
	}

	get state(): LinkState {
		return this.#link.state;
	}

	/** See Link. */
	renew(): void {
		this.#link.renew();
	}

	stop(): Promise<void> {
		return this.#link.stop();
	}

	/** Whole percents; 100 when the update is over. */
	progress(percent: number): void {
		this.#progress = percent;
		this.#catchUp();
	}

	open(token: string, listener: Listener): Conversation {
		const { web, url } = this.#options;
		const headers = [["Authorization", `Bearer token=${token}`]] as const;
		return web.converse({ url: `${url}/api/v1/devices/ws`, headers }, listener);
	}

	/** The server waits for the capabilities before it asks for anything. */
	opened(conversation: Conversation): void {
		this.#line = new RDFMLine(conversation);
		const capabilities = {} as Record<CapabilityName, boolean>;
		for (const name of capabilityNames) capabilities[name] = this.registry.has(name);
		this.#line.send({ method: "capability_report", capabilities });
	}

	received(message: string | ArrayBuffer): void {
		const { log } = this.#options;
		try {
			if (typeof message === "string") this.#take(parseObject(message, "RDFM's message"));
			else log.warn(`ignored ${message.byteLength} bytes from the server: it should speak in texts`);
		} catch (error) {
			log.failure(error, "warn");
		}
	}

	closed(end: ConversationEnd): void {
		this.#line = undefined;
		this.registry.closed("reason" in end && end.code === messageRefused ? end.reason : undefined);
	}

	judge(end: ConversationEnd): Verdict {
		return judge(this.#options.name, end);
	}

	#take(fields: Fields): void {
		const method = fields.text("method", limits.fact);
		const line = this.#line;
		if (line === undefined) return;
		if (method === "alert") this.#alert(fields.object("alert"));
		else if (!this.registry.take(method, fields, line))
			this.#options.log.warn(`the server asks for "${method}", which this firmware does not know`);
	}

	#alert(alert: Fields): void {
		const text = alert.text("message");
		// The server's greeting. It comes to a connection that is going to stay: a duplicate one is closed without.
		if (text === "connected") {
			this.#link.established();
			this.#catchUp();
			return;
		}
		this.#options.log.warn(`the server says: ${text}`);
		this.#options.management.alert(text);
	}

	/** Tells what had to wait for a connection. */
	#catchUp(): void {
		const version = this.#version;
		if (version !== undefined && this.#line?.send({ method: "update_version", version })) this.#version = undefined;
		const progress = this.#progress;
		if (progress !== undefined && this.#line?.send({ method: "update_progress", progress })) this.#progress = undefined;
	}
}
