import type { Conversation } from "../../../common/conversation";
import { limits } from "../../../common/deadlines";
import { sleep } from "../../../common/time";
import { type Head, makeFrame } from "./frame";

/** Something that has messages which can wait: a terminal's output, a file, a forwarded connection. */
export interface Source {
	/** The line is free: sends one message if there is one. Returns whether there is another. Must not throw. */
	turn(): boolean;
}

/**
 * The way out, which all sessions share. Answers go at once and are few; everything else goes when all before it is on its
 * way, one source after the other, so that a file keeps nobody's terminal waiting for longer than one message takes, and what
 * waits is at most one message of each, with its source.
 */
export class Outlet {
	#conversation: Conversation | undefined;
	readonly #sources: Source[] = [];
	/** Whose turn it is. */
	#next = 0;
	#scheduled = false;
	/** Waits for room for answers. */
	#roomy: (() => void) | undefined;

	opened(conversation: Conversation): void {
		this.#conversation = conversation;
	}

	closed(): void {
		this.#conversation = undefined;
		this.#release();
	}

	/** Whether there is a connection. */
	get open(): boolean {
		return this.#conversation !== undefined;
	}

	/** Whether a message would be on its way at once, or nearly so. */
	get free(): boolean {
		return this.#conversation?.isOpen === true && this.#conversation.idle;
	}

	/** Sends a small message; returns false when it has no room, which can only be when the connection is about to break. */
	send(head: Head, body?: Uint8Array): boolean {
		return this.sendBytes(makeFrame(head, body));
	}

	/** The same for a message that was made already. When the line is free the bytes may be used again afterwards if it still is. */
	sendBytes(bytes: Uint8Array): boolean {
		const conversation = this.#conversation;
		if (conversation === undefined || !conversation.isOpen || !conversation.fits(bytes.length)) return false;
		conversation.send(bytes);
		return true;
	}

	/** Settles when there is room for the answers to another message. */
	room(): Promise<void> | undefined {
		if (this.#conversation === undefined || this.#conversation.fits(limits.answerRoom)) return undefined;
		return new Promise((resolve) => {
			this.#roomy = resolve;
		});
	}

	add(source: Source): void {
		this.#sources.push(source);
	}

	remove(source: Source): void {
		const at = this.#sources.indexOf(source);
		if (at < 0) return;
		this.#sources.splice(at, 1);
		if (at < this.#next) this.#next -= 1;
	}

	/** A source has something to send. It gets its turn later: here the stack may hold the layers of another connection. */
	wake(): void {
		if (this.#scheduled) return;
		this.#scheduled = true;
		void sleep(0).then(() => {
			this.#scheduled = false;
			this.#turns();
		});
	}

	/** The connection: everything is on its way. */
	drained(): void {
		this.#release();
		this.wake();
	}

	/** Once around, as long as the line stays free. */
	#turns(): void {
		let more = false;
		for (let left = this.#sources.length; left > 0 && this.free; left--) {
			if (this.#next >= this.#sources.length) this.#next = 0;
			const source = this.#sources[this.#next];
			this.#next += 1;
			if (source?.turn()) more = true;
		}
		if (more && this.free) this.wake();
	}

	#release(): void {
		this.#roomy?.();
		this.#roomy = undefined;
	}
}
