import { FleetlingError } from "fleetling/error/error";
import { Dispatcher } from "./dispatcher";
import type { Limits, Timeouts } from "./limits";
import type { ResolverOptions, SocketOptions } from "./socket";
import type { HTTPRequest, RequestOptions } from "./types";
import { authorityOf, originOf, type ParsedURL, type Scheme } from "./url";

export interface HTTPClientOptions {
	/** Name or IP address; an IPv6 address without brackets. */
	readonly host: string;
	readonly port: number;
	/** Says which port may be left out of the Host field. Default: https on port 443, http on all others. */
	readonly scheme?: Scheme;
	readonly socket: SocketOptions;
	readonly dns: ResolverOptions;
	readonly timeouts?: Partial<Timeouts>;
	readonly limits?: Partial<Limits>;
	/** A connection could not be opened; called before the request that needed it is told. */
	readonly onRefused?: (this: HTTPClient, error: FleetlingError) => void;
	/** The connection has been closed, by either side. The next request opens another. */
	readonly onClose?: (this: HTTPClient) => void;
	/** Something went wrong that no request can be told: http.surplus, or a callback that threw at its end. */
	readonly onError?: (this: HTTPClient, error: FleetlingError) => void;
}

/**
 * A client for one origin, with one connection at a time, which is opened when needed and kept for a while after a
 * response. Requests wait for each other; nothing is pipelined.
 *
 * Callbacks are never called from within `request`, and an exception that leaves one of them ends its request, not the
 * machine.
 */
export class HTTPClient {
	/** scheme://host:port */
	readonly origin: string;
	readonly base: Omit<ParsedURL, "path">;
	readonly #dispatcher: Dispatcher;

	constructor(options: HTTPClientOptions) {
		const { host, port, scheme = port === 443 ? "https" : "http" } = options;
		this.base = { scheme, host, port };
		this.origin = originOf(this.base);
		this.#dispatcher = new Dispatcher(this, options, authorityOf(this.base));
	}

	/** Whether a request is on its way or waits. */
	get busy(): boolean {
		return this.#dispatcher.busy;
	}

	/** Whether there is a connection, in use or kept. */
	get connected(): boolean {
		return this.#dispatcher.connected;
	}

	/** This client, for a link of its own origin: a client alone cannot follow a redirect to another. */
	clientFor(url: ParsedURL): HTTPClient {
		if (originOf(url) === this.origin) return this;
		throw new FleetlingError(
			"http.redirect-refused",
			`${this.origin} leads to ${originOf(url)}, where its client cannot go; use an HTTPPool`,
		);
	}

	/**
	 * Sends a request as soon as those before it are done.
	 *
	 * @throws FleetlingError http.bad-request, http.busy when too many wait, http.cancelled after close
	 */
	request(options: RequestOptions): HTTPRequest {
		return this.#dispatcher.request(options);
	}

	/** Ends all requests with http.cancelled and closes the connection. Idempotent. */
	close(): void {
		this.#dispatcher.close();
	}

	/** Closes a connection that no request uses, for the memory that it holds. The client stays usable. */
	release(): void {
		this.#dispatcher.release();
	}
}
