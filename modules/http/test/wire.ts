/**
 * A socket and a resolver that do what the test says, and are as strict as the device's: reading more than was announced
 * or writing more than was allowed throws, an arrival is announced once, and the end is announced after all has been read.
 */
import type { FleetlingError } from "fleetling/error/error";
import { HTTPClient, type HTTPClientOptions } from "fleetling/http/client";
import type { ResolverOptions, SocketInit, SocketOptions } from "fleetling/http/socket";
import type { HTTPRequest, RequestOptions } from "fleetling/http/types";
import Timer from "timer";
import { bytesOf, textOf } from "./feeding";

export class WireSocket {
	/** What the client has sent, one entry for each write. */
	readonly writes: string[] = [];
	/** The buffers that the client has had filled. */
	readonly reads: (ArrayBuffer | Uint8Array)[] = [];
	closed = false;
	/** Makes the next write or read throw. */
	broken = false;
	#incoming: number[] = [];
	#writable = 0;
	#end: { readonly error: unknown } | undefined;
	readonly options: SocketInit & Readonly<Record<string, unknown>>;

	readonly target: unknown;

	constructor(options: SocketInit & Readonly<Record<string, unknown>>) {
		this.options = options;
		this.target = options.target;
	}

	/** As its own: the callbacks have this socket as `this`. */
	fail(error?: unknown): void {
		this.options.onError.call(this, error);
	}

	get sent(): string {
		return this.writes.join("");
	}

	read(buffer: ArrayBuffer | Uint8Array): number | undefined {
		if (this.closed) throw new Error("read after close");
		if (this.broken) throw new Error("connection reset");
		if (this.#incoming.length === 0) return undefined;
		if (buffer.byteLength === 0 || buffer.byteLength > this.#incoming.length) throw new Error("invalid");
		this.reads.push(buffer);
		const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
		bytes.set(this.#incoming.splice(0, bytes.length));
		if (this.#incoming.length === 0 && this.#end !== undefined) Timer.set(() => this.#announceEnd());
		return bytes.length;
	}

	write(buffer: ArrayBuffer | Uint8Array): number {
		if (this.closed) throw new Error("write after close");
		if (this.broken) throw new Error("connection reset");
		if (buffer.byteLength > this.#writable) throw new Error("would block");
		this.#writable -= buffer.byteLength;
		this.writes.push(textOf(buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer)));
		return this.#writable;
	}

	close(): void {
		this.closed = true;
	}

	/** The connection is there, or takes more: `count` bytes can be written. */
	takes(count = 8192): void {
		if (this.closed) return;
		this.#writable = count;
		this.options.onWritable.call(this, count);
	}

	arrive(text: string): void {
		if (this.closed) return;
		for (const byte of bytesOf(text)) this.#incoming.push(byte);
		this.options.onReadable.call(this, this.#incoming.length);
	}

	/** The peer ends the connection. */
	end(error?: unknown): void {
		this.#end = { error };
		if (this.#incoming.length === 0) this.#announceEnd();
	}

	get unread(): number {
		return this.#incoming.length;
	}

	#announceEnd(): void {
		if (!this.closed) this.fail(this.#end?.error);
	}
}

export interface Query {
	readonly host: string;
	answer(address: string): void;
	fail(): void;
}

export class Wire {
	readonly sockets: WireSocket[] = [];
	readonly queries: Query[] = [];
	resolversClosed = 0;

	get last(): WireSocket {
		const socket = this.sockets[this.sockets.length - 1];
		if (socket === undefined) throw new Error("no connection was made");
		return socket;
	}

	/** `extra` is for the constructor of the socket. */
	socket(extra: Readonly<Record<string, unknown>> = {}): SocketOptions {
		const { sockets } = this;
		return {
			...extra,
			io: class extends WireSocket {
				constructor(options: SocketInit & Readonly<Record<string, unknown>>) {
					super(options);
					sockets.push(this);
				}
			},
		};
	}

	dns(): ResolverOptions {
		const wire = this;
		return {
			io: class {
				resolve({
					host,
					onResolved,
					onError,
				}: {
					host: string;
					onResolved(host: string, address: string): void;
					onError(host: string): void;
				}): void {
					wire.queries.push({ host, answer: (address) => onResolved(host, address), fail: () => onError(host) });
				}
				close(): void {
					wire.resolversClosed++;
				}
			},
		};
	}

	client(options: Partial<HTTPClientOptions> = {}): HTTPClient {
		return new HTTPClient({ host: "192.0.2.1", port: 80, socket: this.socket(), dns: this.dns(), ...options });
	}
}

/** Lets everything that waits in promises run. */
export function turn(milliseconds = 0): Promise<void> {
	return new Promise((resolve) => Timer.set(() => resolve(), milliseconds));
}

/** What happened to one request, in order. */
export class Recorded {
	readonly events: string[] = [];
	error: FleetlingError | undefined;
	body = "";
	done = false;
	readonly request: HTTPRequest;

	constructor(client: HTTPClient, options: Partial<RequestOptions> = {}, block = 64) {
		const record = this;
		const buffer = new Uint8Array(block);
		this.request = client.request({
			path: "/",
			onHeaders(status) {
				record.events.push(`head ${status}`);
			},
			onReadable() {
				for (let count = this.read(buffer); count > 0; count = this.read(buffer))
					record.body += textOf(buffer.subarray(0, count));
			},
			onDone(error) {
				record.done = true;
				record.error = error;
				record.events.push(error === undefined ? "done" : error.code);
			},
			...options,
		});
	}
}
