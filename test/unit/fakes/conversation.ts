import type { Conversation, ConversationEnd, Listener } from "fleetling/common/conversation";
import type { WebRequest } from "fleetling/common/web";

/** A WebSocket whose other end is the test. */
export class FakeConversation implements Conversation {
	readonly request: WebRequest;
	readonly listener: Listener;
	/** What the device has sent. */
	readonly sent: (string | ArrayBuffer | Uint8Array)[] = [];
	/** The code with which the device has said goodbye. */
	goodbye: number | undefined;
	/** The device ended it without a goodbye. */
	closed = false;
	isOpen = false;
	/** Set to have nothing fit. */
	full = false;
	/** Unset to have something wait to be sent. */
	idle = true;

	constructor(request: WebRequest, listener: Listener) {
		this.request = request;
		this.listener = listener;
	}

	/** What was sent, read as JSON. */
	get messages(): readonly Readonly<Record<string, unknown>>[] {
		return this.sent.map((message) => JSON.parse(String(message)));
	}

	fits(): boolean {
		return !this.full;
	}

	send(message: string | ArrayBuffer | Uint8Array): void {
		if (!this.isOpen) throw new Error("sent while not open");
		// Bytes that are on their way are nobody's any more.
		this.sent.push(message instanceof Uint8Array ? message.slice() : message);
	}

	end(code = 1000): void {
		this.goodbye = code;
		this.isOpen = false;
	}

	close(): void {
		this.closed = true;
		this.isOpen = false;
	}

	/** The server accepts. */
	open(): void {
		this.isOpen = true;
		this.listener.opened();
	}

	/** The server says something. */
	say(message: object | string): void {
		this.listener.received(typeof message === "string" ? message : JSON.stringify(message));
	}

	/** It is over. */
	over(end: ConversationEnd = { code: 1000, reason: "", remote: true }): void {
		this.isOpen = false;
		this.listener.ended(end);
	}
}
