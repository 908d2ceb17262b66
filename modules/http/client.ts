import { FleetlingError } from "fleetling/error/error";
import { Connection } from "./connection";
import { Deadline } from "./deadline";
import { defaultLimits, defaultTimeouts, type Limits, type Timeouts } from "./limits";
import type { TransactionOwner } from "./owner";
import { ResponseParser } from "./parser";
import type { ResolverOptions, SocketOptions } from "./socket";
import { Transaction } from "./transaction";
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

	readonly #options: HTTPClientOptions;
	readonly #timeouts: Timeouts;
	readonly #limits: Limits;
	readonly #parser: ResponseParser;
	readonly #owner: TransactionOwner;
	readonly #idle = new Deadline();
	readonly #queue: Transaction[] = [];
	#active: Transaction | undefined;
	#connection: Connection | undefined;
	/** Whether the active request has got its connection. */
	#attached = false;
	#scheduled = false;
	#closed = false;

	constructor(options: HTTPClientOptions) {
		const { host, port, scheme = port === 443 ? "https" : "http" } = options;
		this.#options = options;
		this.base = { scheme, host, port };
		this.origin = originOf(this.base);
		this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
		this.#limits = { ...defaultLimits, ...options.limits };
		const authority = authorityOf(this.base);
		this.#parser = new ResponseParser(this.#limits, authority);
		this.#owner = {
			authority,
			finished: (transaction, reusable) => this.#finished(transaction, reusable),
			repeat: () => this.#connect(),
			report: (error) => this.#report(error),
		};
	}

	/** Whether a request is on its way or waits. */
	get busy(): boolean {
		return this.#active !== undefined || this.#queue.length > 0;
	}

	/** Whether there is a connection, in use or kept. */
	get connected(): boolean {
		return this.#connection !== undefined;
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
		if (this.#closed) throw this.#cancelled();
		if (this.#queue.length >= this.#limits.queue) {
			throw new FleetlingError(
				"http.busy",
				`${this.#queue.length} requests wait for ${this.origin} already; wait for one to end`,
			);
		}
		const transaction = new Transaction(this.#owner, options, { ...this.#timeouts, ...options.timeouts });
		this.#queue.push(transaction);
		this.#schedule();
		return transaction;
	}

	/** Ends all requests with http.cancelled and closes the connection. Idempotent. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		const open = this.#active === undefined ? this.#queue.splice(0) : [this.#active, ...this.#queue.splice(0)];
		this.#drop();
		for (const transaction of open) transaction.fail(this.#cancelled(), true);
	}

	/** Closes a connection that no request uses, for the memory that it holds. The client stays usable. */
	release(): void {
		if (this.#active === undefined) this.#drop();
	}

	/** Not within `request`: its caller has not got the request yet that the callbacks are about. */
	#schedule(): void {
		if (this.#scheduled || this.#closed) return;
		this.#scheduled = true;
		Promise.resolve().then(() => {
			this.#scheduled = false;
			this.#next();
		});
	}

	#next(): void {
		if (this.#active !== undefined || this.#closed) return;
		const transaction = this.#queue.shift();
		if (transaction === undefined) return;
		this.#active = transaction;
		this.#idle.stop();
		const connection = this.#connection;
		if (connection === undefined || connection.ended || connection.pending > 0) {
			this.#connect();
			return;
		}
		this.#attached = true;
		transaction.attach(connection, this.#parser, true);
	}

	#connect(): void {
		const transaction = this.#active;
		this.#drop();
		if (transaction === undefined || this.#closed) return;
		this.#attached = false;
		const { host, port, socket, dns } = this.#options;
		const connection = new Connection(
			{ host, port, socket, dns },
			{
				opened: () => {
					this.#attached = true;
					this.#active?.attach(connection, this.#parser, false);
				},
				announcing: () => this.#active?.announcing(),
				readable: () => this.#readable(),
				writable: () => this.#active?.writable(),
				ended: (error) => this.#ended(error),
			},
		);
		this.#connection = connection;
		connection.open(transaction.timeouts);
	}

	#readable(): void {
		if (this.#active !== undefined && this.#attached) this.#active.readable();
		else this.#surplus();
	}

	#ended(error: FleetlingError | undefined): void {
		const transaction = this.#active;
		if (transaction === undefined) this.#drop();
		else if (this.#attached) transaction.ended(error);
		else
			this.#refused(
				transaction,
				error ?? new FleetlingError("net.closed", `${this.origin} closed the connection before it was open; try again later`),
			);
	}

	#refused(transaction: Transaction, error: FleetlingError): void {
		try {
			this.#options.onRefused?.call(this, error);
		} catch (thrown) {
			this.#report(FleetlingError.from(thrown, "http.callback", `onRefused of the client for ${this.origin} failed`));
		}
		transaction.fail(error);
	}

	#finished(transaction: Transaction, reusable: boolean): void {
		if (transaction !== this.#active) {
			const index = this.#queue.indexOf(transaction);
			if (index >= 0) this.#queue.splice(index, 1);
			return;
		}
		this.#active = undefined;
		const attached = this.#attached;
		this.#attached = false;
		if (attached && transaction.complete && (this.#connection?.pending ?? 0) > 0) this.#surplus();
		else if (reusable) this.#keep(transaction.timeouts.keepAlive);
		else this.#drop();
		if (this.#queue.length > 0) this.#schedule();
	}

	/** The server's own announcement counts, less a second for what is on the way when it closes. */
	#keep(milliseconds: number): void {
		const time = Math.min(milliseconds, (this.#parser.keepAlive ?? Number.POSITIVE_INFINITY) - 1000);
		if (time > 0) this.#idle.start(time, () => this.#drop());
		else this.#drop();
	}

	/** Bytes that belong to no response would be taken for the next one's: their connection is not used again. */
	#surplus(): void {
		this.#drop();
		this.#report(
			new FleetlingError(
				"http.surplus",
				`${this.origin} sent more than its response; the connection has been closed, check the Content-Length that the server sends`,
			),
		);
	}

	#drop(): void {
		const connection = this.#connection;
		if (connection === undefined) return;
		this.#connection = undefined;
		this.#idle.stop();
		connection.close();
		if (this.#closed) return;
		try {
			this.#options.onClose?.call(this);
		} catch (error) {
			this.#report(FleetlingError.from(error, "http.callback", `onClose of the client for ${this.origin} failed`));
		}
	}

	#report(error: FleetlingError): void {
		try {
			this.#options.onError?.call(this, error);
		} catch {
			// Whoever is told about errors has failed itself: there is nobody left to tell.
		}
	}

	#cancelled(): FleetlingError {
		return new FleetlingError("http.cancelled", `the client for ${this.origin} has been closed`);
	}
}
