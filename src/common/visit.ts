import type { Conversation, ConversationEnd, Listener } from "./conversation";

/** A conversation that sits on a seat: gives it back once, however it ends. */
export class Visit implements Listener, Conversation {
	readonly #listener: Listener;
	#leave: (() => void) | undefined;
	#conversation: Conversation | undefined;

	constructor(listener: Listener, leave: () => void) {
		this.#listener = listener;
		this.#leave = leave;
	}

	/** What `open` makes is spoken through from now on. @throws what `open` throws, with the seat given back */
	begin(open: (listener: Listener) => Conversation): this {
		try {
			this.#conversation = open(this);
		} catch (error) {
			this.#left();
			throw error;
		}
		return this;
	}

	get isOpen(): boolean {
		return this.#conversation?.isOpen ?? false;
	}

	get idle(): boolean {
		return this.#conversation?.idle ?? false;
	}

	fits(length: number): boolean {
		return this.#conversation?.fits(length) ?? false;
	}

	send(message: string | ArrayBuffer | Uint8Array): void {
		this.#conversation?.send(message);
	}

	end(code?: number, reason?: string): void {
		this.#conversation?.end(code, reason);
	}

	close(): void {
		this.#conversation?.close();
		this.#left();
	}

	opened(protocol?: string): void {
		this.#listener.opened(protocol);
	}

	received(message: string | ArrayBuffer): void | Promise<void> {
		return this.#listener.received(message);
	}

	drained(): void {
		this.#listener.drained?.();
	}

	ended(end: ConversationEnd): void {
		this.#left();
		this.#listener.ended(end);
	}

	#left(): void {
		const leave = this.#leave;
		this.#leave = undefined;
		leave?.();
	}
}
