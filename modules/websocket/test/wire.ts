/**
 * A socket and a resolver that do what the test says, and are as strict as the device's: reading more than was announced
 * or writing more than was allowed throws, an arrival is announced once, and the end is announced after all has been read.
 */
import type { FleetlingError } from "fleetling/error/error";
import type { ResolverOptions, SocketOptions } from "fleetling/http/socket";
import { acceptFor } from "fleetling/websocket/handshake";
import { type Closed, WebSocketClient, type WebSocketOptions } from "fleetling/websocket/websocket";
import Timer from "timer";
import { ascii, join, textOf } from "./octets";
import { ClientFrames } from "./peer";

interface Callbacks {
	readonly address: string;
	readonly port: number;
	onReadable(count: number): void;
	onWritable(count: number): void;
	onError(error?: unknown): void;
	readonly [extra: string]: unknown;
}

export class WireSocket {
	readonly options: Callbacks;
	readonly target: unknown;
	/** Length of each write. */
	readonly writes: number[] = [];
	readonly frames = new ClientFrames();
	/** The client's request, once it is complete. */
	request: string | undefined;
	closed = false;
	/** Makes the next read or write throw. */
	broken = false;
	/** The rule for clients that the client has broken first. */
	fault: unknown;
	#incoming: Uint8Array = new Uint8Array(0);
	#room = 0;
	#head = "";
	#end: { readonly error: unknown } | undefined;

	constructor(options: Callbacks) {
		this.options = options;
		this.target = options.target;
	}

	get unread(): number {
		return this.#incoming.length;
	}

	read(buffer: ArrayBuffer | Uint8Array): number {
		if (this.closed) throw new Error("read after close");
		if (this.broken) throw new Error("connection reset");
		const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
		if (bytes.length === 0 || bytes.length > this.#incoming.length) throw new Error("read of more than was announced");
		bytes.set(this.#incoming.subarray(0, bytes.length));
		this.#incoming = this.#incoming.subarray(bytes.length);
		if (this.#incoming.length === 0 && this.#end !== undefined) Timer.set(() => this.#announceEnd());
		return bytes.length;
	}

	write(buffer: ArrayBuffer | Uint8Array): number {
		if (this.closed) throw new Error("write after close");
		if (this.broken) throw new Error("connection reset");
		const bytes = (buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer)).slice();
		if (bytes.length === 0 || bytes.length > this.#room) throw new Error("write of more than was allowed");
		this.#room -= bytes.length;
		this.writes.push(bytes.length);
		if (this.request !== undefined) this.#take(bytes);
		else {
			this.#head += textOf(bytes);
			const end = this.#head.indexOf("\r\n\r\n");
			if (end >= 0) {
				this.request = this.#head.slice(0, end + 4);
				this.#take(ascii(this.#head.slice(end + 4)));
			}
		}
		return this.#room;
	}

	close(): void {
		this.closed = true;
	}

	/** The connection is there, or takes more: `count` bytes can be written. */
	takes(count = 65_536): void {
		if (this.closed) return;
		this.#room = count;
		this.options.onWritable.call(this, count);
	}

	arrive(...parts: readonly Uint8Array[]): void {
		if (this.closed) return;
		this.#incoming = join(this.#incoming, ...parts);
		this.options.onReadable.call(this, this.#incoming.length);
	}

	/** The peer ends the connection. */
	end(error?: unknown): void {
		this.#end = { error };
		if (this.#incoming.length === 0) this.#announceEnd();
	}

	/** Answers the opening handshake; `more` are header lines. */
	accept(...more: readonly string[]): void {
		this.arrive(ascii(this.acceptance(...more)));
	}

	acceptance(...more: readonly string[]): string {
		const key = /\r\nSec-WebSocket-Key: ([^\r]*)\r\n/.exec(this.request ?? "")?.[1];
		if (key === undefined) throw new Error("no request has been sent");
		const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
		return [...head, `Sec-WebSocket-Accept: ${acceptFor(key)}`, ...more, "", ""].join("\r\n");
	}

	#take(bytes: Uint8Array): void {
		try {
			this.frames.feed(bytes);
		} catch (error) {
			this.fault ??= error;
			throw error;
		}
	}

	#announceEnd(): void {
		if (!this.closed) this.options.onError.call(this, this.#end?.error);
	}
}

export class Wire {
	readonly sockets: WireSocket[] = [];
	/** Names that the resolver was asked for. */
	readonly names: string[] = [];

	get last(): WireSocket {
		const socket = this.sockets[this.sockets.length - 1];
		if (socket === undefined) throw new Error("no connection was made");
		return socket;
	}

	socket(): SocketOptions {
		const { sockets } = this;
		return {
			io: class extends WireSocket {
				constructor(options: Callbacks) {
					super(options);
					sockets.push(this);
				}
			} as unknown as SocketOptions["io"],
		};
	}

	/** Resolves nothing by itself. */
	dns(): ResolverOptions {
		const { names } = this;
		return {
			io: class {
				resolve({ host }: { readonly host: string }): void {
					names.push(host);
				}
				close(): void {}
			},
		};
	}
}

/** Lets everything that waits in promises and timers of 0 ms run. */
export function turn(milliseconds = 0): Promise<void> {
	return new Promise((resolve) => Timer.set(() => resolve(), milliseconds));
}

export const options = (wire: Wire): Pick<WebSocketOptions, "host" | "port" | "path" | "socket" | "dns"> => ({
	host: "192.0.2.1",
	port: 80,
	path: "/socket",
	socket: wire.socket(),
	dns: wire.dns(),
});

/** What happened to one WebSocket, in order. */
export class Recorded {
	readonly events: string[] = [];
	/** Bytes of all messages, and where each ended. */
	readonly messages: string[] = [];
	closed: Closed | undefined;
	error: FleetlingError | undefined;
	readonly client: WebSocketClient;
	readonly wire: Wire;
	#message = "";

	constructor(own: Partial<WebSocketOptions> = {}, wire = new Wire()) {
		const record = this;
		this.wire = wire;
		this.client = new WebSocketClient({
			...options(wire),
			onOpen: (protocol) => this.events.push(protocol === undefined ? "open" : `open ${protocol}`),
			onReadable(count, { more, binary }) {
				record.take(this, count, more, binary);
			},
			onControl: (kind, payload) => this.events.push(`${kind} ${textOf(new Uint8Array(payload))}`.trim()),
			onClose: (closed) => {
				this.closed = closed;
				this.events.push(`close ${closed.code}${closed.remote ? " remote" : ""} ${closed.reason}`.trim());
			},
			onError: (error) => {
				this.error = error;
				this.events.push(error.code);
			},
			...own,
		});
	}

	/** Reads all that was announced, in one go. */
	take(client: WebSocketClient, count: number, more: boolean, isBinary: boolean): void {
		const buffer = new Uint8Array(count);
		const got = count === 0 ? 0 : client.read(buffer);
		this.#message += textOf(buffer.subarray(0, got));
		if (more || got < count) return;
		this.messages.push(this.#message);
		this.events.push(`${isBinary ? "binary" : "text"} ${this.#message.length}`);
		this.#message = "";
	}

	get socket(): WireSocket {
		return this.wire.last;
	}

	/** Goes through the opening handshake. */
	async open(...more: readonly string[]): Promise<this> {
		await turn();
		this.socket.takes();
		this.socket.accept(...more);
		return this;
	}

	get ended(): boolean {
		return this.closed !== undefined || this.error !== undefined;
	}
}
