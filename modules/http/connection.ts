import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { Deadline, type DeadlineOwner } from "./deadline";
import { defaultTimeouts, inputBytes, type Timeouts } from "./limits";
import type { Resolver, ResolverOptions, Socket, SocketOptions } from "./socket";
import { isAddress } from "./url";

/** Where to connect, and with what. */
export interface ConnectionOptions {
	readonly host: string;
	readonly port: number;
	readonly socket: SocketOptions;
	readonly dns: ResolverOptions;
}

/** What a connection tells whoever uses it. None of these may throw. */
export interface ConnectionListener {
	/** `count` bytes wait at the socket, those included that have been announced before and not been read. */
	readable(count: number): void;
	/** More can be written. The first time it means that the connection is open, its handshake done. */
	writable(): void;
	/**
	 * Nothing more will come: with no error when the peer has ended the connection in an orderly way. Bytes that have
	 * arrived before can still be read.
	 */
	ended(error: FleetlingError | undefined): void;
}

export interface Scanner {
	/** Looks at `bytes` from `start` to before `end`; returns the index of the first byte that it has not taken. */
	feed(bytes: Uint8Array, start: number, end: number): number;
}

/** A socket whose connection is its target. */
interface Owned extends Socket {
	readonly target: Connection;
}

/**
 * One connection: name resolution, socket, and how many bytes can be read and written at the moment. It knows nothing
 * of HTTP.
 *
 * Sockets differ in how they announce: some repeat an announcement until everything has been read, the device's says
 * it once for each arrival, and refuses to fill a buffer larger than what it announced. So the count is kept here, and
 * no more is ever asked for.
 */
export class Connection implements DeadlineOwner {
	/** The socket says as its `target` whose it is, so that these are made once and not for each connection. */
	static readonly #callbacks = frozen({
		onReadable(this: Owned, count: number): void {
			const { target } = this;
			target.#available = count;
			target.#listener?.readable(count);
		},
		onWritable(this: Owned, count: number): void {
			this.target.onWritable(count);
		},
		onError(this: Owned, error?: unknown): void {
			this.target.onError(error);
		},
	});

	// Needed for every arrival, hence first: XS looks private fields up in the order in which they are declared.
	#available = 0;
	#listener: ConnectionListener | undefined;
	#socket: Socket | undefined;

	/** Header lines and chunk sizes are read through this window; the bytes of a body that come with them stay in it. */
	readonly #input: Uint8Array;
	#start = 0;
	#end = 0;

	/** Whether the peer or the network has ended the connection. */
	ended = false;
	#resolver: Resolver | undefined;
	#open = false;
	#writable = 0;
	readonly #options: ConnectionOptions;
	readonly #peer: string;
	readonly #deadline: Deadline;
	#timeouts = defaultTimeouts;

	constructor(options: ConnectionOptions, listener: ConnectionListener) {
		// Not where they are declared: all other fields would lie on the machine's short stack meanwhile.
		this.#input = new Uint8Array(inputBytes);
		this.#deadline = new Deadline(this);
		this.#options = options;
		this.#listener = listener;
		this.#peer = `${options.host}:${options.port}`;
	}

	/** From now on, `listener` is told. */
	listen(listener: ConnectionListener): void {
		if (!this.ended) this.#listener = listener;
	}

	/** Begins to connect. Fails through `ended`, also when it fails at once. */
	open(timeouts: Timeouts): void {
		const { host } = this.#options;
		this.#timeouts = timeouts;
		if (isAddress(host)) {
			this.connect(host);
			return;
		}
		this.#deadline.start(timeouts.resolve);
		try {
			const { io, ...extra } = this.#options.dns;
			const Constructor = io as unknown as new (options: object) => Resolver;
			const resolver = new Constructor(extra);
			this.#resolver = resolver;
			resolver.resolve({
				host,
				onResolved: (_host, address) => {
					if (this.#resolver === resolver) this.connect(address);
				},
				onError: () => {
					if (this.#resolver === resolver) this.fail(unresolved(host));
				},
			});
		} catch (error) {
			this.fail(unresolved(host, error));
		}
	}

	/** Neither the name server nor the server has answered. */
	expired(): void {
		const { resolve, connect } = this.#timeouts;
		this.fail(
			this.#resolver === undefined
				? new FleetlingError(
						"net.timeout",
						`no connection to ${this.#peer} within ${connect} ms; check the address, the port and the network`,
					)
				: new FleetlingError(
						"net.dns",
						`no name server has answered for ${this.#options.host} within ${resolve} ms; check the network`,
					),
		);
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
		return count === 0 ? 0 : this.receive(count === buffer.byteLength ? buffer : view(buffer, offset, count), count);
	}

	/**
	 * Offers what has arrived to `parser`.
	 *
	 * @returns false when there is nothing to offer
	 */
	scan(parser: Scanner): boolean {
		if (this.#start === this.#end) {
			const count = Math.min(this.#available, inputBytes);
			if (count === 0) return false;
			this.#start = 0;
			this.#end = this.receive(count === inputBytes ? this.#input : this.#input.subarray(0, count), count);
			if (this.#end === 0) return false;
		}
		this.#start = parser.feed(this.#input, this.#start, this.#end);
		return true;
	}

	/** Sends a copy of `bytes`, of which there must not be more than `writable`. */
	write(bytes: ArrayBuffer | Uint8Array): void {
		if (this.#socket === undefined || this.ended) return;
		this.#writable = 0;
		try {
			this.#writable = this.#socket.write(bytes) ?? 0;
		} catch (error) {
			throw this.broken(error);
		}
	}

	/** Closes the connection; no event follows. Idempotent. */
	close(): void {
		this.#listener = undefined;
		this.ended = true;
		this.#available = 0;
		this.#writable = 0;
		this.#start = 0;
		this.#end = 0;
		this.#deadline.stop();
		this.closeResolver();
		const socket = this.#socket;
		this.#socket = undefined;
		try {
			socket?.close();
		} catch {
			// A socket that cannot even be closed is as gone as it can be.
		}
	}

	private receive(buffer: ArrayBuffer | Uint8Array, wanted: number): number {
		let count: number;
		try {
			count = this.#socket?.read(buffer) ?? 0;
		} catch (error) {
			this.#available = 0;
			throw this.broken(error);
		}
		// A socket that announced more than it has is taken at its last word, lest the caller ask it for ever.
		this.#available = count > 0 ? this.#available - Math.min(count, wanted) : 0;
		return count;
	}

	private connect(address: string): void {
		this.closeResolver();
		this.#deadline.start(this.#timeouts.connect);
		try {
			const { io, over, ...extra } = this.#options.socket;
			const Constructor = io as unknown as new (options: object) => Socket;
			this.#socket = new Constructor({
				...extra,
				...(over === undefined ? {} : { io: over }),
				address,
				port: this.#options.port,
				nodelay: true,
				target: this,
				...Connection.#callbacks,
			});
			// A callback may have closed this connection while the socket was being constructed.
			if (this.#listener === undefined) this.close();
		} catch (error) {
			this.fail(
				FleetlingError.from(
					error,
					"net.refused",
					`no connection to ${this.#peer} could be begun; check the address and the network`,
				),
			);
		}
	}

	private onWritable(count: number): void {
		this.#writable = count;
		if (!this.#open) {
			this.#open = true;
			this.#deadline.stop();
		}
		this.#listener?.writable();
	}

	private onError(error: unknown): void {
		if (this.#open) {
			this.fail(isOrderlyEnd(error) ? undefined : this.broken(error));
			return;
		}
		this.fail(
			FleetlingError.from(
				error,
				"net.refused",
				`no connection to ${this.#peer}; check that the server runs and that the address and port are right`,
			),
		);
	}

	private fail(error: FleetlingError | undefined): void {
		if (this.ended) return;
		this.ended = true;
		this.#writable = 0;
		this.#deadline.stop();
		this.closeResolver();
		this.#listener?.ended(error);
	}

	private broken(cause: unknown): FleetlingError {
		return FleetlingError.from(cause, "net.reset", `the connection to ${this.#peer} broke; try again later`);
	}

	private closeResolver(): void {
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

/** A part of a buffer. */
export function view(buffer: ArrayBuffer | Uint8Array, offset: number, length: number): Uint8Array {
	return buffer instanceof Uint8Array ? buffer.subarray(offset, offset + length) : new Uint8Array(buffer, offset, length);
}

function unresolved(host: string, cause?: unknown): FleetlingError {
	return new FleetlingError("net.dns", `the name ${host} could not be resolved; check the name and the name servers`, { cause });
}
