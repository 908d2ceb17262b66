/**
 * A TCP proxy between a device and a server. It counts connections, bytes and TLS handshakes, and it disturbs what passes:
 * cut, stall, slow, corrupt, duplicate, drop, at a byte or where a predicate says.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type Disturbance, type DisturbanceHandle, Disturbances } from "./disturbances";
import { type Direction, type Handshake, HandshakeObserver } from "./handshakes";
import { Pipe } from "./pipe";
import { reset as resetSocket } from "./reset";

/** Where a proxy listens and what it leads to. */
export interface ProxyOptions {
	readonly target: { readonly host?: string; readonly port: number };
	/** 0 or absent: a free one. */
	readonly port?: number;
	readonly host?: string;
	/**
	 * Awaited when the first side of a connection has ended, before the other is told: the last moment at which the kernel
	 * still has its counters.
	 */
	readonly beforeEnd?: (connection: ProxyConnection, first: Direction) => Promise<void>;
}

/** One connection through the proxy. */
export interface ProxyConnection {
	/** From 1 in order of arrival. */
	readonly id: number;
	/** Milliseconds since 1970. */
	readonly opened: number;
	/** Undefined while it is open. */
	readonly closed: number | undefined;
	/** Payload bytes passed on. */
	readonly toServer: number;
	readonly toClient: number;
	/** Pieces in which they were passed on. */
	readonly pieces: number;
	/** Undefined on a connection without TLS. */
	readonly handshake: Handshake | undefined;
	/** Ports of the client's socket and of the proxy's socket towards the server. */
	readonly clientPort: number;
	readonly serverPort: number | undefined;
}

/** Sums over connections. */
export interface ProxyTotals {
	readonly connections: number;
	readonly open: number;
	readonly toServer: number;
	readonly toClient: number;
	/** Completed TLS handshakes by kind, and those that were begun only. */
	readonly handshakes: { readonly full: number; readonly resumed: number; readonly incomplete: number };
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The proxy. */
export class TcpProxy {
	readonly #options: ProxyOptions;
	readonly #server: Server;
	readonly #disturbances = new Disturbances();
	readonly #connections: Link[] = [];
	#port = 0;
	#lastId = 0;

	private constructor(options: ProxyOptions) {
		this.#options = options;
		this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accepted(client));
	}

	/** Starts a proxy. */
	static async start(options: ProxyOptions): Promise<TcpProxy> {
		const proxy = new TcpProxy(options);
		await proxy.up();
		return proxy;
	}

	get port(): number {
		return this.#port;
	}

	get connections(): readonly ProxyConnection[] {
		return this.#connections.map((link) => link.summary);
	}

	get totals(): ProxyTotals {
		const { connections } = this;
		const sum = (pick: (connection: ProxyConnection) => number): number =>
			connections.reduce((total, one) => total + pick(one), 0);
		const kinds = connections.flatMap(({ handshake }) =>
			handshake ? [handshake.completed ? handshake.kind : "incomplete"] : [],
		);
		const count = (kind: string): number => kinds.filter((other) => other === kind).length;
		return {
			connections: connections.length,
			open: sum(({ closed }) => Number(closed === undefined)),
			toServer: sum(({ toServer }) => toServer),
			toClient: sum(({ toClient }) => toClient),
			handshakes: { full: count("full"), resumed: count("resumed"), incomplete: count("incomplete") },
		};
	}

	/** Sets a disturbance; the first that fits a place strikes. */
	disturb(disturbance: Disturbance): DisturbanceHandle {
		return this.#disturbances.add(disturbance);
	}

	/** Takes all disturbances away and lets stalled connections go on. */
	calm(): void {
		this.#disturbances.clear();
		this.release();
	}

	/** Lets stalled connections go on. */
	release(): void {
		for (const link of this.#connections) link.release();
	}

	/** Ends all open connections. */
	cut(reset = false): void {
		for (const link of this.#connections) link.cut(reset);
	}

	/** Forgets closed connections, so that counting starts anew. */
	forget(): void {
		this.#connections.splice(
			0,
			this.#connections.length,
			...this.#connections.filter((link) => link.summary.closed === undefined),
		);
	}

	/** Refuses new connections and ends the open ones. */
	async down(): Promise<void> {
		const closed = new Promise<void>((resolve) => {
			if (this.#server.listening) this.#server.close(() => resolve());
			else resolve();
		});
		this.cut();
		await closed;
	}

	/** Listens again on the same port. */
	async up(): Promise<void> {
		const { port = 0, host = "127.0.0.1" } = this.#options;
		await new Promise<void>((resolve, reject) => {
			this.#server.once("error", reject);
			this.#server.listen(this.#port || port, host, () => {
				this.#server.off("error", reject);
				resolve();
			});
		});
		this.#port = (this.#server.address() as AddressInfo).port;
	}

	/** Ends everything. */
	stop(): Promise<void> {
		return this.down();
	}

	#accepted(client: Socket): void {
		const { host = "127.0.0.1", port } = this.#options.target;
		const server = connect({ host, port, allowHalfOpen: true, noDelay: true });
		this.#lastId += 1;
		const link = new Link(this.#lastId, client, server, this.#disturbances, this.#options.beforeEnd);
		this.#connections.push(link);
	}
}

/** Two sockets and the two pipes between them. */
class Link {
	readonly #client: Socket;
	readonly #server: Socket;
	readonly #observer = new HandshakeObserver();
	readonly #summary: Writable<Omit<ProxyConnection, "handshake">>;
	#waiting: (() => void)[] = [];
	/** Both sides are being ended by force. */
	#cutting = false;

	constructor(id: number, client: Socket, server: Socket, disturbances: Disturbances, beforeEnd: ProxyOptions["beforeEnd"]) {
		this.#client = client;
		this.#server = server;
		const { remotePort = 0 } = client;
		this.#summary = {
			id,
			opened: Date.now(),
			closed: undefined,
			toServer: 0,
			toClient: 0,
			pieces: 0,
			clientPort: remotePort,
			serverPort: undefined,
		};
		server.once("connect", () => {
			this.#summary.serverPort = server.localPort;
		});
		// An error of either side ends the other in the same way; without a listener it would end the process.
		client.on("error", () => this.cut(true));
		server.on("error", () => this.cut(true));
		client.once("close", () => this.#closed());
		server.once("close", () => this.#closed());
		let ending: Promise<void> | undefined;
		const pipe = (direction: Direction) => ({
			connection: id,
			direction,
			disturbances,
			passed: (bytes: Buffer) => this.#passed(direction, bytes),
			// Whichever side ends first: the other's end waits, too.
			ending: () => {
				ending ??= Promise.resolve(beforeEnd?.(this.summary, direction));
				return ending;
			},
			cut: (reset: boolean) => this.cut(reset),
			released: () => this.#released(),
		});
		void new Pipe(client, server, pipe("toServer")).run();
		void new Pipe(server, client, pipe("toClient")).run();
	}

	get summary(): ProxyConnection {
		return { ...this.#summary, handshake: this.#observer.handshake };
	}

	cut(reset: boolean): void {
		if (!this.#cutting) {
			this.#cutting = true;
			for (const socket of [this.#client, this.#server]) {
				if (reset && !socket.connecting) resetSocket(socket);
				else socket.destroy();
			}
		}
		this.release();
	}

	release(): void {
		for (const resolve of this.#waiting.splice(0)) resolve();
	}

	#released(): Promise<void> {
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	#passed(direction: Direction, bytes: Buffer): void {
		this.#summary[direction] += bytes.length;
		this.#summary.pieces += 1;
		this.#observer.feed(direction, bytes);
	}

	/** One side being gone for good, the other has nothing to wait for. */
	#closed(): void {
		if (!this.#cutting) {
			this.#client.destroySoon();
			this.#server.destroySoon();
		}
		if (this.#client.closed && this.#server.closed) this.#summary.closed ??= Date.now();
		this.release();
	}
}
