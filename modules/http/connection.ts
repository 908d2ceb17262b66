import { FleetlingError } from "fleetling/error/error";
import { Deadline } from "./deadline";
import { inputBytes, type Timeouts } from "./limits";
import type { Resolver, ResolverOptions, Socket, SocketInit, SocketOptions } from "./socket";
import { isAddress } from "./url";

/** Where to connect, and with what. */
export interface ConnectionOptions {
	readonly host: string;
	readonly port: number;
	readonly socket: SocketOptions;
	readonly dns: ResolverOptions;
}

/** What a connection tells its owner. None of them may throw. */
export interface ConnectionEvents {
	/** Connected, handshake done. */
	opened(): void;
	/** More bytes are about to be announced: whoever reads from the socket itself has to say now what it took. */
	announcing(): void;
	readable(): void;
	writable(): void;
	/**
	 * Nothing more will come: with no error when the peer has ended the connection in an orderly way. Bytes that have
	 * arrived before can still be read.
	 */
	ended(error: FleetlingError | undefined): void;
}

/**
 * One connection: name resolution, socket, and how many bytes can be read and written at the moment. It knows nothing
 * of HTTP.
 *
 * Sockets differ in how they announce: some repeat an announcement until everything has been read, the device's says
 * it once for each arrival, and refuses to fill a buffer larger than what it announced. So the count is kept here, and
 * no more is ever asked for.
 */
export class Connection {
	/** Whether the peer or the network has ended the connection. */
	ended = false;
	/** Number of bytes that have come in. */
	received = 0;

	#events: ConnectionEvents | undefined;
	#resolver: Resolver | undefined;
	#socket: Socket | undefined;
	#open = false;
	#available = 0;
	#writable = 0;
	readonly #options: ConnectionOptions;
	readonly #peer: string;
	readonly #deadline = new Deadline();

	/** Header lines and chunk sizes are read through this window; the bytes of a body that come with them stay in it. */
	readonly #input = new Uint8Array(inputBytes);
	#start = 0;
	#end = 0;

	constructor(options: ConnectionOptions, events: ConnectionEvents) {
		this.#options = options;
		this.#events = events;
		this.#peer = `${options.host}:${options.port}`;
	}

	/** Begins to connect. Fails through `ended`, also when it fails at once. */
	open(timeouts: Timeouts): void {
		const { host } = this.#options;
		if (isAddress(host)) {
			this.#connect(host, timeouts);
			return;
		}
		this.#deadline.start(timeouts.resolve, () =>
			this.#fail(
				new FleetlingError("net.dns", `no name server has answered for ${host} within ${timeouts.resolve} ms; check the network`),
			),
		);
		try {
			const { io, ...extra } = this.#options.dns;
			const Constructor = io as unknown as new (options: object) => Resolver;
			const resolver = new Constructor(extra);
			this.#resolver = resolver;
			resolver.resolve({
				host,
				onResolved: (_host, address) => {
					if (this.#resolver === resolver) this.#connect(address, timeouts);
				},
				onError: () => {
					if (this.#resolver === resolver) this.#fail(unresolved(host));
				},
			});
		} catch (error) {
			this.#fail(unresolved(host, error));
		}
	}

	/** Bytes that can be read without waiting. */
	get pending(): number {
		return this.#end - this.#start + this.#available;
	}

	/** Bytes of `pending` that can be read from the socket itself. */
	get direct(): number {
		return this.#start === this.#end ? this.#available : 0;
	}

	/** Whoever has read `count` of the `direct` bytes reports it here. */
	took(count: number): void {
		this.#available -= count;
		this.received += count;
	}

	/** For reading `direct` bytes; undefined before the connection is open. */
	get socket(): Socket | undefined {
		return this.#socket;
	}

	/** Bytes that can be written without waiting. */
	get writable(): number {
		return this.#writable;
	}

	/**
	 * Copies at most `length` bytes into `buffer` from `offset`, as far as they have arrived; when they fill the whole
	 * buffer, the socket writes into it directly and nothing is allocated.
	 */
	read(buffer: ArrayBuffer | Uint8Array, offset: number, length: number): number {
		const held = this.#end - this.#start;
		if (held > 0) {
			const count = Math.min(held, length);
			view(buffer, offset, count).set(this.#input.subarray(this.#start, this.#start + count));
			this.#start += count;
			return count;
		}
		const count = Math.min(this.#available, length);
		return count === 0 ? 0 : this.#receive(count === buffer.byteLength ? buffer : view(buffer, offset, count), count);
	}

	/**
	 * Offers what has arrived to `take`, which returns the index of the first byte it has not taken.
	 *
	 * @returns false when there is nothing to offer
	 */
	scan(take: (bytes: Uint8Array, start: number, end: number) => number): boolean {
		if (this.#start === this.#end) {
			const count = Math.min(this.#available, inputBytes);
			if (count === 0) return false;
			this.#start = 0;
			this.#end = this.#receive(count === inputBytes ? this.#input : this.#input.subarray(0, count), count);
			if (this.#end === 0) return false;
		}
		this.#start = take(this.#input, this.#start, this.#end);
		return true;
	}

	/** Sends a copy of `bytes`, of which there must not be more than `writable`. */
	write(bytes: ArrayBuffer | Uint8Array): void {
		if (this.#socket === undefined || this.ended) return;
		this.#writable = 0;
		try {
			this.#writable = this.#socket.write(bytes) ?? 0;
		} catch (error) {
			throw this.#broken(error);
		}
	}

	/** Closes the connection; no event follows. Idempotent. */
	close(): void {
		this.#events = undefined;
		this.ended = true;
		this.#available = 0;
		this.#writable = 0;
		this.#start = 0;
		this.#end = 0;
		this.#deadline.stop();
		this.#closeResolver();
		const socket = this.#socket;
		this.#socket = undefined;
		try {
			socket?.close();
		} catch {
			// A socket that cannot even be closed is as gone as it can be.
		}
	}

	#receive(buffer: ArrayBuffer | Uint8Array, wanted: number): number {
		let count: number;
		try {
			count = this.#socket?.read(buffer) ?? 0;
		} catch (error) {
			this.#available = 0;
			throw this.#broken(error);
		}
		// A socket that announced more than it has is taken at its last word, lest the caller ask it for ever.
		this.#available = count > 0 ? this.#available - Math.min(count, wanted) : 0;
		this.received += count;
		return count;
	}

	#connect(address: string, timeouts: Timeouts): void {
		this.#closeResolver();
		this.#deadline.start(timeouts.connect, () =>
			this.#fail(
				new FleetlingError(
					"net.timeout",
					`no connection to ${this.#peer} (${address}) within ${timeouts.connect} ms; check the address, the port and the network`,
				),
			),
		);
		try {
			const { io, over, ...extra } = this.#options.socket;
			const Constructor = io as unknown as new (options: SocketInit) => Socket;
			this.#socket = new Constructor({
				...extra,
				...(over === undefined ? {} : { io: over }),
				address,
				port: this.#options.port,
				nodelay: true,
				onReadable: (count) => this.#onReadable(count),
				onWritable: (count) => this.#onWritable(count),
				onError: (error) => this.#onError(error),
			});
			// A callback may have closed this connection while the socket was being constructed.
			if (this.#events === undefined) this.close();
		} catch (error) {
			this.#fail(
				FleetlingError.from(
					error,
					"net.refused",
					`no connection to ${this.#peer} could be begun; check the address and the network`,
				),
			);
		}
	}

	#onReadable(count: number): void {
		this.#events?.announcing();
		this.#available = count;
		this.#events?.readable();
	}

	#onWritable(count: number): void {
		const events = this.#events;
		if (events === undefined) return;
		this.#writable = count;
		if (this.#open) {
			events.writable();
			return;
		}
		this.#open = true;
		this.#deadline.stop();
		events.opened();
	}

	#onError(error: unknown): void {
		if (this.#open) {
			this.#fail(isOrderlyEnd(error) ? undefined : this.#broken(error));
			return;
		}
		this.#fail(
			FleetlingError.from(
				error,
				"net.refused",
				`no connection to ${this.#peer}; check that the server runs and that the address and port are right`,
			),
		);
	}

	#fail(error: FleetlingError | undefined): void {
		if (this.ended) return;
		this.ended = true;
		this.#writable = 0;
		this.#deadline.stop();
		this.#closeResolver();
		this.#events?.ended(error);
	}

	#broken(cause: unknown): FleetlingError {
		return FleetlingError.from(cause, "net.reset", `the connection to ${this.#peer} broke; try again later`);
	}

	#closeResolver(): void {
		const resolver = this.#resolver;
		this.#resolver = undefined;
		try {
			resolver?.close();
		} catch {
			// As above: nothing is left to be done about it.
		}
	}
}

/**
 * Whether a socket that reports its end means that the peer has closed it. ECMA-419 has no word for that: the device's
 * TCP reports nothing at all, also after a reset; the host's says what follows; TLSSocket has a code for it.
 */
function isOrderlyEnd(error: unknown): boolean {
	if (error instanceof FleetlingError) return error.code === "net.closed";
	return error === undefined || (error instanceof Error && error.message === "closed by peer");
}

function view(buffer: ArrayBuffer | Uint8Array, offset: number, length: number): Uint8Array {
	return buffer instanceof Uint8Array ? buffer.subarray(offset, offset + length) : new Uint8Array(buffer, offset, length);
}

function unresolved(host: string, cause?: unknown): FleetlingError {
	return new FleetlingError("net.dns", `the name ${host} could not be resolved; check the name and the name servers`, { cause });
}
