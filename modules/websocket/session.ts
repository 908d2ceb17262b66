import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { Connection, type ConnectionListener, type Scanner } from "fleetling/http/connection";
import { Deadline, type DeadlineOwner } from "fleetling/http/deadline";
import { authorityOf } from "fleetling/http/url";
import { type CloseStatus, closeCodes, encodeClose } from "./closing";
import { badUse, callbackFailed, late, lost, WebSocketError } from "./failure";
import { Handshake } from "./handshake";
import { type AllTimeouts, makeLimits, makeTimeouts } from "./limits";
import type { Closed, ConnectOptions, ReadableInfo, WebSocketCallbacks, WriteOptions } from "./options";
import { Receiver, type ReceiverOwner } from "./receiver";
import { Vigil, type VigilOwner } from "./vigil";
import { Writer } from "./writer";

/**
 * "closing": this side has said goodbye and waits for the server to do so. "draining": nothing that comes matters any
 * more, only the end of the connection: a socket that is closed with bytes unread resets the connection, and the server
 * might lose the Close frame that it has not read yet.
 */
export type State = "connecting" | "handshake" | "open" | "closing" | "draining" | "closed";

type Outcome = { readonly closed: Closed } | { readonly error: FleetlingError };

const noPayload = new Uint8Array(0);
/** Takes everything and keeps nothing. */
const dropped: Scanner = frozen({ feed: (_bytes, _start, end) => end });

/**
 * The life of one WebSocket. It listens itself to all that it consists of: a closure for each event would cost a device
 * more than the rest of it.
 *
 * Callbacks of the caller are called from `advance` and from deadlines only, never from within what the caller calls.
 */
export class Session<Socket> implements ConnectionListener, DeadlineOwner, ReceiverOwner, VigilOwner {
	state: State = "connecting";

	#running = false;
	#scheduled = false;
	readonly #connection: Connection;
	readonly #receiver: Receiver;
	readonly #writer: Writer;
	readonly #vigil: Vigil;
	/** For what the state waits for. */
	readonly #phase: Deadline;
	/** The connection is at its end: to be dealt with when everything that came before has been. */
	#ended: { readonly error: FleetlingError | undefined } | undefined;
	/** Found where no callback may be called. */
	#failure: { readonly error: unknown } | undefined;
	/** What to tell when the connection is over; undefined when the server has not answered the goodbye. */
	#outcome: Outcome | undefined;
	#handshake: Handshake | undefined;
	/** What callbacks get as `this`. */
	readonly #owner: Socket;
	readonly #options: ConnectOptions & WebSocketCallbacks<Socket>;
	readonly #timeouts: AllTimeouts;
	readonly #peer: string;

	constructor(owner: Socket, options: ConnectOptions & WebSocketCallbacks<Socket>) {
		const { host, port, scheme = port === 443 ? "wss" : "ws", path, headers = [], protocols = [] } = options;
		const limits = makeLimits(options.limits);
		const timeouts = makeTimeouts(options.timeouts);
		const authority = authorityOf({ scheme: scheme === "wss" ? "https" : "http", host, port });
		this.#owner = owner;
		this.#options = options;
		this.#timeouts = timeouts;
		this.#peer = authority;
		this.#handshake = new Handshake({ path, authority, headers, protocols, excerptBytes: limits.excerptBytes });
		this.#phase = new Deadline(this);
		this.#vigil = new Vigil(this, timeouts);
		this.#connection = new Connection(options, this);
		this.#writer = new Writer(this.#connection, limits.fragmentBytes, timeouts.send, this);
		this.#receiver = new Receiver(this.#connection, limits, authority, this, options.onReadable === undefined);
		// Later, because a connection that fails at once would call back before the caller has its object.
		void Promise.resolve().then(() => {
			if (this.state === "connecting") this.#connection.open(timeouts);
		});
	}

	get room(): number {
		return this.state === "open" ? this.#writer.room : 0;
	}

	/** Whether everything that was written is on its way. */
	get drained(): boolean {
		return this.#writer.drained;
	}

	/** Bytes that have been announced and not been read. */
	get unread(): number {
		return this.#receiver.unread;
	}

	read(buffer: ArrayBuffer | Uint8Array): number {
		const receiver = this.#receiver;
		if (receiver.unread === 0) return 0;
		try {
			const count = receiver.read(buffer);
			if (receiver.unread === 0) this.schedule();
			return count;
		} catch (error) {
			return this.failSoon(error);
		}
	}

	write(data: string | ArrayBuffer | Uint8Array, options: WriteOptions | undefined): number {
		if (this.state !== "open")
			throw badUse(`the WebSocket with ${this.#peer} is not open (${this.state}): nothing can be written`);
		this.#writer.write(data, options);
		try {
			this.#writer.flush();
		} catch (error) {
			return this.failSoon(error);
		}
		return this.#writer.tell();
	}

	pause(paused: boolean): void {
		this.#receiver.paused = paused;
		if (!paused) this.schedule();
	}

	end(code: number, reason: string): void {
		const payload = encodeClose(code, reason);
		if (this.state === "open") this.leave("closing", payload);
		else if (this.state === "connecting" || this.state === "handshake") {
			this.state = "draining";
			this.#ended = { error: undefined };
		}
		this.schedule();
	}

	abort(cause: unknown): void {
		this.failSoon(callbackFailed(this.#peer, cause));
	}

	close(): void {
		if (this.state === "open" && this.#ended === undefined) {
			try {
				this.#writer.close(encodeClose(closeCodes.goingAway, ""));
				this.#writer.flush();
			} catch {
				// It broke: nobody is there to be told.
			}
		}
		this.release();
	}

	/** The connection: bytes have arrived. */
	readable(): void {
		if (this.state === "open") this.#vigil.heard();
		this.run();
	}

	/** The connection: bytes can be sent; the first time, it is there. */
	writable(): void {
		if (this.state === "connecting") {
			this.state = "handshake";
			this.#phase.start(this.#timeouts.handshake);
		}
		this.run();
	}

	/** The connection: nothing more will come. */
	ended(error: FleetlingError | undefined): void {
		this.#ended = { error };
		this.run();
	}

	/** A deadline: what the state waits for has not come, or the network takes nothing. */
	expired(deadline: Deadline): void {
		const { handshake, send } = this.#timeouts;
		if (deadline !== this.#phase) this.fail(late(this.#peer, "until the network took bytes", send));
		else if (this.state !== "handshake") this.finish();
		else this.fail(this.#handshake?.refusal() ?? late(this.#peer, "for the opening handshake", handshake));
	}

	/** The vigil: bytes that wait for the caller explain the silence. */
	excused(): boolean {
		return this.#connection.pending > 0;
	}

	/** The vigil: is the server still there? */
	ask(): void {
		this.#writer.ping();
		this.run();
	}

	/** The vigil: it is not. */
	unanswered(): void {
		this.fail(late(this.#peer, "for a sign of life, also after a ping,", this.#timeouts.pong));
	}

	/** The receiver: a part of a message can be read. */
	announced(count: number, info: ReadableInfo): void {
		this.tell(this.#options.onReadable, count, info);
	}

	/** The receiver: a ping or pong has come. */
	controlled(kind: "ping" | "pong", payload: Uint8Array): void {
		if (kind === "ping") {
			this.#writer.pong(payload);
			this.#writer.flush();
		}
		const { onControl } = this.#options;
		if (onControl !== undefined && this.state === "open") this.tell(onControl, kind, payload.slice().buffer as ArrayBuffer);
	}

	/** The receiver: the server has said goodbye. */
	dismissed(status: CloseStatus): void {
		const remote = this.state === "open";
		this.#outcome = { closed: { ...status, remote } };
		// Section 5.5.1: the answer repeats the code.
		if (remote) this.leave("draining", status.code === closeCodes.none ? noPayload : encodeClose(status.code, ""));
		else this.state = "draining";
	}

	/** Continues from the loop, where callbacks may be called. */
	private schedule(): void {
		if (this.#scheduled || this.#running || this.state === "closed") return;
		this.#scheduled = true;
		void Promise.resolve().then(() => {
			this.#scheduled = false;
			this.run();
		});
	}

	private failSoon(error: unknown): 0 {
		this.#failure ??= { error };
		this.#receiver.done = true;
		this.#receiver.unread = 0;
		this.schedule();
		return 0;
	}

	/** All that happens, happens here, and no exception leaves it. */
	private run(): void {
		if (this.#running || this.state === "closed") return;
		this.#running = true;
		try {
			this.advance();
		} catch (error) {
			this.fail(error);
		}
		this.#running = false;
	}

	private advance(): void {
		this.flush();
		if (this.state === "handshake") this.shakeHands();
		this.offer();
		if (this.state === "open" || this.state === "closing") this.#receiver.process();
		this.check();
		// Answers to what has come.
		this.flush();
		this.offer();
		this.check();
		if (this.state === "draining") this.drain();
		const { unread, paused } = this.#receiver;
		if (this.#ended !== undefined && unread === 0 && !(paused && this.#connection.pending > 0)) this.over(this.#ended.error);
	}

	/** A method of this object has failed within a callback. */
	private check(): void {
		if (this.#failure !== undefined) throw this.#failure.error;
	}

	private shakeHands(): void {
		const handshake = this.#handshake;
		if (handshake === undefined) return;
		while (!handshake.accepted) if (!this.#connection.scan(handshake)) return;
		this.#handshake = undefined;
		this.#phase.stop();
		this.state = "open";
		this.#vigil.start();
		this.tell(this.#options.onOpen, handshake.protocol);
	}

	private flush(): void {
		if (this.state === "handshake") this.#handshake?.flush(this.#connection);
		else if (this.state !== "closed") this.#writer.flush();
	}

	/** Tells the caller when everything is on its way: room in small pieces would make small frames. */
	private offer(): void {
		if (this.state !== "open" || !this.#writer.hasNews) return;
		this.tell(this.#options.onWritable, this.#writer.tell());
	}

	/** Says goodbye; nothing else follows. */
	private leave(state: "closing" | "draining", payload: Uint8Array): void {
		this.state = state;
		this.#writer.close(payload);
		this.#receiver.dropping = true;
		this.#receiver.paused = false;
		this.#receiver.unread = 0;
		this.#vigil.stop();
		this.#phase.start(this.#timeouts.close);
	}

	private drain(): void {
		while (this.#connection.scan(dropped));
	}

	/** The connection has ended, and everything that came before has been dealt with. */
	private over(error: FleetlingError | undefined): void {
		switch (this.state) {
			case "connecting":
			case "handshake":
				this.fail(this.#handshake?.refusal() ?? error ?? lost(this.#peer, "in the middle of the opening handshake"));
				return;
			case "open":
				this.fail(error ?? lost(this.#peer, "without a closing handshake"));
				return;
			default:
				this.finish();
		}
	}

	/** Gives up because of an error; the server is told when it is to blame, or a callback is, and can still be told. */
	private fail(thrown: unknown): void {
		if (this.state === "closed") return;
		const error = thrown instanceof FleetlingError ? thrown : callbackFailed(this.#peer, thrown);
		const leaving = this.state === "closing" || this.state === "draining";
		// Whoever has said goodbye is told of the goodbye, whatever happens to it.
		if (!leaving) this.#outcome = { error };
		this.#failure = undefined;
		this.#receiver.done = true;
		try {
			if (!(error instanceof WebSocketError) || this.#ended !== undefined || this.state === "draining") this.finish();
			else {
				if (leaving) this.state = "draining";
				else this.leave("draining", encodeClose(error.closeCode, error.closeReason));
				this.#writer.flush();
				this.drain();
			}
		} catch {
			// The connection broke meanwhile.
			this.finish();
		}
	}

	private finish(): void {
		if (this.state === "closed") return;
		const outcome = this.#outcome ?? { closed: { code: closeCodes.abnormal, reason: "", remote: false } };
		const { onClose, onError } = this.#options;
		this.release();
		try {
			if ("closed" in outcome) this.tell(onClose, outcome.closed);
			else this.tell(onError, outcome.error);
		} catch (problem) {
			trace(`websocket: ${String(problem)}\n`);
		}
	}

	private release(): void {
		this.state = "closed";
		this.#handshake = undefined;
		this.#receiver.done = true;
		this.#receiver.unread = 0;
		this.#phase.stop();
		this.#writer.stop();
		this.#vigil.stop();
		this.#connection.close();
	}

	/** Calls back. */
	private tell<Values extends readonly unknown[]>(
		callback: ((this: Socket, ...values: Values) => void) | undefined,
		...values: Values
	): void {
		try {
			callback?.call(this.#owner, ...values);
		} catch (error) {
			throw callbackFailed(this.#peer, error);
		}
	}
}
