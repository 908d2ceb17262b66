import { FleetlingError } from "fleetling/error/error";
import { HTTPClient } from "./client";
import type { Limits, Timeouts } from "./limits";
import { SessionMemory } from "./sessions";
import type { ResolverOptions, SocketOptions } from "./socket";
import { originOf, type ParsedURL } from "./url";

/** Socket options for https: `secure` holds what is the same for all servers, such as the trust store. */
export interface SecureSocketOptions extends SocketOptions {
	readonly secure: object;
}

export interface HTTPPoolOptions {
	/** Sockets for http links, which are refused when absent. */
	readonly http?: SocketOptions;
	/** Sockets for https links, which are refused when absent. `serverName`, `session` and `onSession` are added to `secure`. */
	readonly https?: SecureSocketOptions;
	readonly dns: ResolverOptions;
	readonly timeouts?: Partial<Timeouts>;
	readonly limits?: Partial<Limits>;
	/** Number of connections at one time, default 2: each TLS session costs a device 20 to 40 KB. */
	readonly connections?: number;
	/** Default: one that remembers two origins. */
	readonly sessions?: SessionMemory;
	/** See HTTPClientOptions. */
	readonly onError?: (error: FleetlingError) => void;
}

/**
 * One client for each origin, made when it is needed; a connection that nobody uses gives way to one that is needed.
 * TLS sessions are remembered across connections.
 */
export class HTTPPool {
	/** A pool has no origin of its own: links have to be absolute. */
	readonly base: undefined;

	readonly #options: HTTPPoolOptions;
	readonly #connections: number;
	readonly #sessions: SessionMemory;
	/** The least recently used first. */
	readonly #clients = new Map<string, HTTPClient>();
	#closed = false;

	constructor(options: HTTPPoolOptions) {
		this.#options = options;
		this.#connections = options.connections ?? 2;
		this.#sessions = options.sessions ?? new SessionMemory();
	}

	/**
	 * The client for the origin of `url`. It belongs to the pool and must not be closed or kept.
	 *
	 * @throws FleetlingError http.busy when all connections are in use, http.unsupported when the scheme has no sockets
	 */
	clientFor(url: ParsedURL): HTTPClient {
		if (this.#closed) throw new FleetlingError("http.cancelled", "the connection pool has been closed");
		const origin = originOf(url);
		let client = this.#clients.get(origin);
		if (client === undefined) {
			this.makeRoom(origin);
			client = this.create(url, origin);
		} else this.#clients.delete(origin);
		this.#clients.set(origin, client);
		return client;
	}

	/** Closes the connections that no request uses. */
	release(): void {
		for (const client of this.#clients.values()) client.release();
	}

	/** Ends all requests with http.cancelled and closes all connections. Idempotent. */
	close(): void {
		this.#closed = true;
		const clients = [...this.#clients.values()];
		this.#clients.clear();
		for (const client of clients) client.close();
	}

	private makeRoom(origin: string): void {
		for (const [key, client] of this.#clients) {
			if (this.#clients.size < this.#connections) return;
			if (client.busy) continue;
			this.#clients.delete(key);
			client.close();
		}
		if (this.#clients.size < this.#connections) return;
		throw new FleetlingError(
			"http.busy",
			`all ${this.#connections} connections are in use, none is left for ${origin}; wait for one to end`,
		);
	}

	private create(url: ParsedURL, origin: string): HTTPClient {
		const { dns, timeouts = {}, limits = {} } = this.#options;
		const { scheme, host, port } = url;
		const secure = scheme === "https";
		return new HTTPClient({
			host,
			port,
			scheme,
			dns,
			timeouts,
			limits,
			socket: secure ? this.secureSocket(host, origin) : this.plainSocket(origin),
			onRefused: () => {
				if (secure) this.#sessions.forget(origin);
			},
			onError: (error) => this.#options.onError?.(error),
		});
	}

	private plainSocket(origin: string): SocketOptions {
		const { http } = this.#options;
		if (http === undefined)
			throw new FleetlingError("http.unsupported", `${origin} is not encrypted, which is not allowed here; use an https link`);
		return http;
	}

	private secureSocket(host: string, origin: string): SocketOptions {
		const { https } = this.#options;
		if (https === undefined)
			throw new FleetlingError("http.unsupported", `${origin} needs TLS, which has not been set up; configure a trust store`);
		return { ...https, secure: this.#sessions.secure(origin, { ...https.secure, serverName: host }) };
	}
}
