import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import type { Closed, ConnectOptions, ReadableInfo, WebSocketCallbacks } from "./options";
import { Session } from "./session";

/** Bytes of a message that comes in, when the caller sets no limit: all of it is held in memory, as text twice. */
const defaultMessageBytes = 16_384;
/** Bytes that wait to be sent, when the caller sets no limit. */
const defaultQueueBytes = 16_384;
/** Each message in the queue costs some memory beside its bytes. */
const queueLength = 32;
/** First size of the buffer for messages, doubled as needed. One larger than the second is given back with its message. */
const firstBuffer = 512;
const keptBuffer = 2048;

export interface MessageSocketOptions extends ConnectOptions {
	/** The caller's own: `target` of the WebSocket. */
	readonly target?: unknown;
	/** Bytes that may wait to be sent; default 16,384. */
	readonly queueBytes?: number;
	readonly onOpen?: (this: MessageSocket, protocol: string | undefined) => void;
	/**
	 * A message has come: text as a string, binary as bytes that are the callee's own. When a promise is returned, nothing
	 * more is read before it settles, which holds the server back.
	 */
	readonly onMessage?: (this: MessageSocket, message: string | ArrayBuffer) => void | Promise<void>;
	/** Everything is on its way, after something that was sent had to wait. */
	readonly onDrain?: (this: MessageSocket) => void;
	readonly onClose?: (this: MessageSocket, closed: Closed) => void;
	readonly onError?: (this: MessageSocket, error: FleetlingError) => void;
}

interface Waiting {
	readonly bytes: Uint8Array;
	readonly binary: boolean;
	offset: number;
}

/** A WebSocket for whole messages, in memory: what JSON and terminals need. Ends as WebSocketClient does. */
export class MessageSocket {
	/** Made once and not for each WebSocket. */
	static readonly #callbacks: WebSocketCallbacks<MessageSocket> = frozen({
		onOpen(protocol) {
			this.#options.onOpen?.call(this, protocol);
		},
		onReadable(count, info) {
			this.take(count, info);
		},
		onWritable() {
			this.flush();
			if (!this.#waits || !this.idle) return;
			this.#waits = false;
			this.#options.onDrain?.call(this);
		},
		onClose(closed) {
			this.release();
			this.#options.onClose?.call(this, closed);
		},
		onError(error) {
			this.release();
			this.#options.onError?.call(this, error);
		},
	});

	/** The caller's own. */
	target: unknown;
	readonly #options: MessageSocketOptions;
	readonly #session: Session<MessageSocket>;
	readonly #queueBytes: number;
	readonly #queue: Waiting[] = [];
	#queued = 0;
	/** Whether something that was sent had to wait. */
	#waits = false;
	#buffer: Uint8Array;
	#length = 0;

	/** @throws as WebSocketClient */
	constructor(options: MessageSocketOptions) {
		this.#options = options;
		this.target = options.target;
		this.#queueBytes = options.queueBytes ?? defaultQueueBytes;
		this.#buffer = new Uint8Array(firstBuffer);
		const limits = { messageBytes: defaultMessageBytes, ...options.limits };
		this.#session = new Session<MessageSocket>(this, { ...options, limits, ...MessageSocket.#callbacks });
	}

	/** Whether messages can be exchanged. */
	get isOpen(): boolean {
		return this.#session.state === "open";
	}

	/** Bytes that wait to be sent, without those that wait in the buffer for frames. */
	get buffered(): number {
		return this.#queued;
	}

	/** Whether everything that was sent is on its way. */
	get idle(): boolean {
		return this.#queue.length === 0 && this.#session.drained;
	}

	/** Whether a message of so many bytes would be taken now. An empty queue takes one of any length. */
	fits(length: number): boolean {
		return this.#queue.length === 0 || (this.#queue.length < queueLength && this.#queued + length <= this.#queueBytes);
	}

	/**
	 * Sends a message, as soon as the WebSocket is open and the network takes it: a string as text, bytes as binary. Bytes
	 * must not change before they are sent.
	 *
	 * @throws FleetlingError websocket.busy when too much waits already, websocket.bad-use when the WebSocket is closing
	 */
	send(message: string | ArrayBuffer | Uint8Array): void {
		const { state } = this.#session;
		if (state === "closing" || state === "draining" || state === "closed") {
			throw new FleetlingError(
				"websocket.bad-use",
				`a message was to be sent through a WebSocket that is not open any more (${state}); connect again`,
			);
		}
		const binary = typeof message !== "string";
		let bytes: Uint8Array;
		if (!binary) bytes = new TextEncoder().encode(message);
		else bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
		if (!this.fits(bytes.length)) {
			throw new FleetlingError(
				"websocket.busy",
				`${this.#queue.length} messages of ${this.#queued} bytes wait to be sent already; wait for onDrain`,
			);
		}
		this.#queue.push({ bytes, binary, offset: 0 });
		this.#queued += bytes.length;
		this.flush();
		this.#waits ||= !this.idle;
	}

	/**
	 * Closes in order; ends in `onClose` in any case, within the deadline. What is still `buffered` is dropped.
	 *
	 * @throws FleetlingError websocket.bad-use for a code or reason that cannot be sent
	 */
	end(code = 1000, reason = ""): void {
		this.#session.end(code, reason);
		this.drop();
	}

	/** Ends because the caller cannot go on: the server is told 1011, and `onError` is called with websocket.callback. */
	abort(cause: unknown): void {
		this.#session.abort(cause);
	}

	/** Ends at once; no callback follows. The server is told if that can be done without waiting. Idempotent. */
	close(): void {
		this.#session.close();
		this.release();
	}

	private release(): void {
		this.drop();
		this.#buffer = new Uint8Array(0);
		this.#length = 0;
	}

	private drop(): void {
		this.#queue.length = 0;
		this.#queued = 0;
	}

	private flush(): void {
		let { room } = this.#session;
		for (let first = this.#queue[0]; first !== undefined && room > 0; first = this.#queue[0]) {
			const { bytes, binary, offset } = first;
			const count = Math.min(bytes.length - offset, room);
			const more = offset + count < bytes.length;
			room = this.#session.write(count === bytes.length ? bytes : bytes.subarray(offset, offset + count), { binary, more });
			first.offset += count;
			this.#queued -= count;
			if (!more) this.#queue.shift();
		}
	}

	private take(count: number, { more, left, binary }: ReadableInfo): void {
		const needed = this.#length + count;
		if (needed > this.#buffer.length) this.grow(needed, left);
		const got = count === 0 ? 0 : this.#session.read(this.#buffer.subarray(this.#length, needed));
		this.#length += got;
		// Less than announced: the end of the message has not come, or it is none.
		if (more || got < count) return;
		this.deliver(binary);
	}

	private grow(needed: number, left: number | undefined): void {
		const larger = new Uint8Array(grownSize(this.#buffer.length, needed, left));
		larger.set(this.#buffer.subarray(0, this.#length));
		this.#buffer = larger;
	}

	private deliver(binary: boolean): void {
		const buffer = this.#buffer;
		const bytes = buffer.subarray(0, this.#length);
		// A buffer that is given back anyway is the message, where it is full: a copy would take as much again.
		const given = buffer.length > keptBuffer;
		const whole = given && bytes.length === buffer.length;
		let message: string | ArrayBuffer;
		// A byte order mark is text like any other.
		if (!binary) message = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
		else message = (whole ? buffer : bytes.slice()).buffer as ArrayBuffer;
		this.#length = 0;
		if (given) this.#buffer = new Uint8Array(firstBuffer);
		const held = this.#options.onMessage?.call(this, message);
		if (held === undefined) return;
		this.#session.pause(true);
		held.then(
			() => this.#session.pause(false),
			(error: unknown) => this.#session.abort(error),
		);
	}
}

/**
 * Size of a buffer of `size` bytes that needs to hold `needed`: doubled, because fragments may be small and many and each growth
 * copies what there is; what the message takes and no more as soon as the `left` bytes of it are known.
 */
export function grownSize(size: number, needed: number, left: number | undefined): number {
	if (left !== undefined && needed + left > keptBuffer) return needed + left;
	let grown = size;
	while (grown < needed) grown *= 2;
	return grown;
}
