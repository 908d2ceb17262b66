import { closeCodes } from "./closing";
import type { ConnectOptions, WebSocketCallbacks, WriteOptions } from "./options";
import { Session } from "./session";

export interface WebSocketOptions extends ConnectOptions, WebSocketCallbacks<WebSocketClient> {
	/** The caller's own: `target` of the WebSocket. */
	readonly target?: unknown;
}

/**
 * A WebSocket (RFC 6455) from the client's side, in ECMA-419's manner: bytes are announced and pulled, so that messages
 * of any length pass through constant memory.
 *
 * It connects when it is constructed, once. It ends with exactly one call of `onClose` or `onError`, unless `close`
 * comes first.
 */
export class WebSocketClient {
	/** The caller's own. */
	target: unknown;
	readonly #session: Session<WebSocketClient>;

	/** @throws FleetlingError http.bad-request, websocket.bad-use or websocket.unsupported when it cannot be tried at all */
	constructor(options: WebSocketOptions) {
		this.target = options.target;
		this.#session = new Session<WebSocketClient>(this, options);
	}

	/** Whether messages can be exchanged. */
	get isOpen(): boolean {
		return this.#session.state === "open";
	}

	/** Whether it closes or is closed, through either side. */
	get ending(): boolean {
		const { state } = this.#session;
		return state === "closing" || state === "draining" || state === "closed";
	}

	/** Bytes that can be written now. */
	get writable(): number {
		return this.#session.room;
	}

	/** Copies bytes of the message into `buffer`; returns their number, never more than was announced. */
	read(buffer: ArrayBuffer | Uint8Array): number;
	/** The next bytes, at most `count`, or undefined when there are none. */
	read(count?: number): ArrayBuffer | undefined;
	read(target?: ArrayBuffer | Uint8Array | number): number | ArrayBuffer | undefined {
		if (typeof target === "object") return this.#session.read(target);
		const { unread } = this.#session;
		const wanted = Math.min(target ?? unread, unread);
		if (wanted <= 0) return undefined;
		const buffer = new ArrayBuffer(wanted);
		const count = this.#session.read(buffer);
		if (count === 0) return undefined;
		return count === wanted ? buffer : buffer.slice(0, count);
	}

	/**
	 * Sends a copy of `data` as one frame: a string as text, anything else as binary, unless `binary` says otherwise. With
	 * `more` the message goes on with the next `write`, and its kind is that of the first.
	 *
	 * @returns how many more bytes can be written now
	 * @throws FleetlingError websocket.bad-use when the WebSocket is not open or takes less than `data` now, websocket.bad-text
	 */
	write(data: string | ArrayBuffer | Uint8Array, options?: WriteOptions): number {
		return this.#session.write(data, options);
	}

	/** Stops announcing what comes, control frames included, or goes on with it. What is not announced holds the server back. */
	pause(paused: boolean): void {
		this.#session.pause(paused);
	}

	/**
	 * Closes in order: what has been written still goes out, then a Close frame, which the server answers. What comes
	 * meanwhile is dropped. Ends in `onClose` in any case, within the deadline.
	 *
	 * @throws FleetlingError websocket.bad-use for a code or reason that cannot be sent
	 */
	end(code: number = closeCodes.normal, reason = ""): void {
		this.#session.end(code, reason);
	}

	/** Ends because the caller cannot go on: the server is told 1011, and `onError` is called with websocket.callback. */
	abort(cause: unknown): void {
		this.#session.abort(cause);
	}

	/**
	 * Ends at once and frees everything; no callback follows. The server is told if that can be done without waiting.
	 * Idempotent.
	 */
	close(): void {
		this.#session.close();
	}
}
