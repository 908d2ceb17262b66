/**
 * TLS over any ECMA-419 TCP constructor: TLSSocket has the same shape, and what it stands on is handed in.
 *
 * The chain, the name and the dates of the server's certificate are always verified; there is no way to turn that off.
 */
import { FleetlingError } from "fleetling/error/error";
import Time from "time";
import Timer from "timer";
import { isHostName, parseAddress } from "./address";
import { describeFailure, describeTransport, type Peer, type TransportFailure } from "./failure";
import { Engine, type Identity } from "./native";
import type { SecureOptions, TLSOptions } from "./options";
import type { Transport } from "./transport";
import { makeIdentity } from "./trust";
import { Window } from "./window";

export type { SecureOptions, TLSOptions } from "./options";
export type { Transport, TransportConstructor, TransportOptions } from "./transport";
export { type PrivateKey, TrustStore } from "./trust";

/**
 * How long a handshake may take, TCP connection included. A slow ESP32 needs 3 s of its own for it, a bad network a few
 * retransmissions (1 s, 2 s, 4 s); what takes longer is a server that does not answer.
 */
const defaultHandshakeTimeout = 20_000;

/**
 * After so many milliseconds of computing in one go, a handshake lets timers and other connections have their turn. Its
 * longest single step, the verification of an ECDSA chain, takes about half a second on an ESP32.
 */
const patience = 100;

/** What the engine's step and peek answer when it is not a number of bytes (tls-engine.h). */
const needsInput = 0;
const needsOutput = -1;
const closedByPeer = -2;
const ticketArrived = -4;
const stepMore = 1;
const stepConnected = 2;

type State = "connecting" | "handshake" | "open" | "closed";

export class TLSSocket {
	/** The caller's own; not used here. */
	target: unknown;
	readonly #options: TLSOptions<TLSSocket>;
	readonly #peer: Peer;
	readonly #input = new Window(0);
	readonly #output = new Window(1);
	#engine: Engine | undefined;
	#identity: Identity | undefined;
	#transport: Transport | undefined;
	#state: State = "connecting";
	/** Bytes that the transport has announced and that were not read from it. */
	#available = 0;
	/** Bytes that the transport takes now. */
	#room = 0;
	/** Bytes of plaintext that were announced and not read. */
	#unread = 0;
	/** What the caller was last told it can write. */
	#told = 0;
	/** The peer has said that it is done. */
	#deaf = false;
	/** The transport is at its end: to be reported once everything that arrived before has been dealt with. */
	#ended: { readonly cause: unknown } | undefined;
	/** Found where no callback may be called; reported soon. */
	#failure: FleetlingError | undefined;
	#running = false;
	#deadline: Timer | undefined;
	#turn: Timer | undefined;

	/**
	 * @throws tls.bad-name, tls.bad-identity, tls.bad-authority (closed), tls.no-memory, and what the transport's constructor
	 * throws, for an invalid address for instance
	 */
	constructor(options: TLSOptions<TLSSocket>) {
		const { secure, address, port } = options;
		this.#options = options;
		this.target = options.target;
		this.#peer = { name: secure.serverName, address, port, now: Math.max(Date.now(), secure.minimumDate ?? 0) };
		try {
			this.#engine = this.createEngine(secure);
			this.#deadline = Timer.set(() => this.late(), secure.handshakeTimeout ?? defaultHandshakeTimeout);
			this.#transport = new options.io({
				address,
				port,
				nodelay: options.nodelay ?? true,
				onReadable: (count) => {
					this.#available = count;
					this.run();
				},
				onWritable: (count) => {
					this.#room = count;
					if (this.#state === "connecting") this.#state = "handshake";
					this.run();
				},
				onError: (error) => {
					this.#ended = { cause: error };
					this.#available = 0;
					this.#room = 0;
					this.run();
				},
			});
			// A transport may fail before it is there.
			if (this.#engine === undefined) this.release();
		} catch (error) {
			this.release();
			throw error;
		}
	}

	private createEngine(secure: SecureOptions): Engine {
		// No regular expression: one that is written in a function is compiled each time, at a tenth of a resumed handshake.
		const name = secure.serverName.endsWith(".") ? secure.serverName.slice(0, -1) : secure.serverName;
		const address = parseAddress(name);
		if (address === undefined && !isHostName(name))
			throw new FleetlingError(
				"tls.bad-name",
				`"${secure.serverName}" is neither a host name nor an IP address: correct the server's address.`,
			);
		if (secure.trust.count === 0)
			throw new FleetlingError("tls.bad-authority", "The store of trusted CA certificates has been closed: open a new one.");
		if (secure.certificate !== undefined || secure.key !== undefined)
			this.#identity = makeIdentity(secure.certificate, secure.key);
		try {
			return new Engine({
				trust: secure.trust.native,
				identity: this.#identity,
				input: this.#input.buffer,
				output: this.#output.buffer,
				...(address === undefined ? { name } : { address }),
				now: Math.floor(this.#peer.now / 1000),
				session: secure.session,
				fragment: secure.maxFragmentLength,
			});
		} catch (error) {
			throw new FleetlingError("tls.no-memory", "There is no memory for a TLS connection: close other connections first.", {
				cause: error,
			});
		}
	}

	/** Whether an earlier session was resumed; false until the handshake is over. */
	get resumed(): boolean {
		return this.#engine?.resumed ?? false;
	}

	/** "TLSv1.2" or "TLSv1.3" while the connection is open. */
	get protocol(): string | undefined {
		return this.#engine?.protocol;
	}

	/** While the connection is open, as the library calls it. */
	get cipherSuite(): string | undefined {
		return this.#engine?.cipherSuite;
	}

	/** Copies plaintext into `buffer`; returns the number of bytes: never more than was announced, 0 when there are none. */
	read(buffer: ArrayBuffer | Uint8Array): number;
	/** The next bytes, at most `count`, or undefined when there are none. */
	read(count?: number): ArrayBuffer | undefined;
	read(target?: ArrayBuffer | Uint8Array | number): number | ArrayBuffer | undefined {
		if (typeof target === "object") return this.take(target);
		const count = Math.min(target ?? this.#unread, this.#unread);
		if (count <= 0) return undefined;
		const result = new ArrayBuffer(count);
		return this.take(result) > 0 ? result : undefined;
	}

	private take(buffer: ArrayBuffer | Uint8Array): number {
		if (this.#engine === undefined || this.#unread === 0) return 0;
		const count = this.#engine.read(buffer);
		if (count <= 0) return 0;
		this.#unread -= count;
		if (this.#unread === 0 && !this.#running) this.schedule();
		return count;
	}

	/**
	 * Encrypts and sends a copy of `buffer`; returns how many more bytes can be written.
	 * @throws RangeError for more than that, or before the first onWritable
	 */
	write(buffer: ArrayBuffer | Uint8Array): number {
		const engine = this.#engine;
		if (engine === undefined || this.#state !== "open") throw new RangeError("not connected");
		if (engine.write(buffer) < 0) return this.failSoon(describeFailure(this.#peer, engine.failure()));
		try {
			this.flush(engine);
		} catch (error) {
			return this.failSoon(this.broken(error));
		}
		this.#told = engine.writable;
		return this.#told;
	}

	private failSoon(error: FleetlingError): number {
		this.#failure ??= error;
		this.schedule();
		return 0;
	}

	/** Ends the connection and frees everything. The peer is told if that can be done without waiting. No callback follows. */
	close(): void {
		const engine = this.#engine;
		if (engine !== undefined && this.#ended === undefined) {
			// A peer that has closed reads no more: an answer would cost a segment and a reset (RFC 8446 section 6.1 asks for none).
			if (this.#state === "open" && !this.#deaf) engine.end();
			try {
				// Also the alert that explains a failed handshake to the server. What the transport does not take now is lost.
				this.flush(engine);
			} catch {
				// The transport broke: nobody is there to be told.
			}
		}
		this.release();
	}

	private release(): void {
		this.#state = "closed";
		Timer.clear(this.#deadline);
		Timer.clear(this.#turn);
		this.#deadline = undefined;
		this.#turn = undefined;
		this.#transport?.close();
		this.#transport = undefined;
		for (const owned of [this.#engine, this.#identity, this.#input, this.#output]) owned?.close();
		this.#engine = undefined;
		this.#identity = undefined;
		this.#unread = 0;
	}

	/** Continues from the event loop, where callbacks may be called. */
	private schedule(): void {
		if (this.#turn !== undefined || this.#state === "closed") return;
		this.#turn = Timer.set(() => {
			this.#turn = undefined;
			this.run();
		});
	}

	private late(): void {
		this.#deadline = undefined;
		this.#failure ??= describeTransport(this.#peer, this.#state === "connecting" ? "connect-timeout" : "timeout");
		this.run();
	}

	/** All that happens, happens here: called by the transport and by timers, and no exception leaves it. */
	private run(): void {
		const engine = this.#engine;
		if (this.#running || engine === undefined) return;
		this.#running = true;
		try {
			if (this.#failure !== undefined) throw this.#failure;
			if (this.#state === "connecting" && this.#ended !== undefined) throw this.over("refused");
			this.flush(engine);
			if (this.#state === "handshake") this.shakeHands(engine);
			// First: a server may have spoken and closed already, and "open" is what the caller is to hear before data and end.
			if (this.#state === "open") this.offer(engine);
			if (this.#state === "open") this.deliver(engine);
			// What the library answers to warnings and the like.
			if (this.#state === "open") this.flush(engine);
		} catch (error) {
			this.fail(error instanceof FleetlingError ? error : this.broken(error));
		}
		this.#running = false;
	}

	private fail(error: FleetlingError): void {
		if (this.#state === "closed") return;
		this.close();
		try {
			this.#options.onError?.call(this, error);
		} catch (problem) {
			trace(`tls: onError failed: ${String(problem)}\n`);
		}
	}

	/** The error for an end of the transport; its own error says more when it is one of ours. */
	private over(failure: TransportFailure): FleetlingError {
		const cause = this.#ended?.cause;
		return failure === "refused" && cause instanceof FleetlingError ? cause : describeTransport(this.#peer, failure, cause);
	}

	private broken(error: unknown): FleetlingError {
		return describeTransport(this.#peer, this.#state === "open" ? "truncated" : "closed", error);
	}

	/** Calls the caller; an exception is reported as an error of the connection. */
	private call(callback: ((this: TLSSocket, count: number) => void) | undefined, count: number): void {
		try {
			callback?.call(this, count);
		} catch (error) {
			throw describeTransport(this.#peer, "callback", error);
		}
	}

	/** Hands what waits for the peer to the transport, as much as it takes. Returns whether all of it is gone. */
	private flush(engine: Engine): boolean {
		let pending = engine.pending;
		while (pending > 0 && this.#room > 0 && this.#transport !== undefined) {
			const count = Math.min(pending, this.#room);
			this.#room = this.#transport.write(this.#output.view(count)) ?? 0;
			pending = engine.sent(count);
		}
		return pending === 0;
	}

	/** Reads what the transport has into the engine's buffer, which is empty. Returns whether there was anything. */
	private fill(engine: Engine): boolean {
		if (this.#available === 0 || this.#transport === undefined) return false;
		const count = this.#transport.read(this.#input.view(Math.min(this.#available, this.#input.size)));
		if (typeof count !== "number" || count <= 0) {
			this.#available = 0;
			return false;
		}
		this.#available -= count;
		engine.fill(count);
		return true;
	}

	private shakeHands(engine: Engine): void {
		const start = Time.ticks;
		for (;;) {
			const status = engine.step();
			// What ends a resumed handshake waits for what the caller writes first: one segment instead of two.
			const sent = status === stepMore || status === stepConnected || this.flush(engine);
			switch (status) {
				case stepMore:
					if (Time.delta(start) < patience) break;
					this.flush(engine);
					this.schedule();
					return;
				case stepConnected:
					Timer.clear(this.#deadline);
					this.#deadline = undefined;
					this.#state = "open";
					this.reportSession(engine);
					return;
				case needsOutput:
					if (!sent) return;
					break;
				case needsInput:
					if (this.fill(engine)) break;
					if (this.#ended !== undefined) throw this.over("closed");
					return;
				case closedByPeer:
					throw this.over("closed");
				default:
					throw describeFailure(this.#peer, engine.failure());
			}
		}
	}

	/** Announces plaintext, one record at a time, as long as the caller takes it: a caller that does not read holds the peer back. */
	private deliver(engine: Engine): void {
		while (this.#state === "open" && this.#unread === 0) {
			const count = engine.peek();
			switch (count) {
				case needsInput:
					if (this.fill(engine)) break;
					if (this.#ended !== undefined) throw this.over("truncated");
					return;
				case needsOutput:
					if (this.flush(engine)) break;
					return;
				case ticketArrived:
					this.reportSession(engine);
					break;
				case closedByPeer:
					this.#deaf = true;
					throw this.over("end");
				default:
					if (count < 0) throw describeFailure(this.#peer, engine.failure());
					this.#unread = count;
					this.call(this.#options.onReadable, count);
			}
		}
	}

	/** Announces room for writing. */
	private offer(engine: Engine): void {
		if (this.#told > 0) this.flush(engine);
		const room = engine.writable;
		if (room <= this.#told) return;
		this.#told = room;
		this.call(this.#options.onWritable, room);
	}

	private reportSession(engine: Engine): void {
		const { onSession } = this.#options.secure;
		if (onSession === undefined) return;
		const session = engine.session();
		if (session === undefined) return;
		try {
			onSession(session);
		} catch (error) {
			throw describeTransport(this.#peer, "callback", error);
		}
	}
}
