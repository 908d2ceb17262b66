import { FleetlingError } from "fleetling/error/error";
import type { HTTPClient, HTTPClientOptions } from "./client";
import { Connection, type ConnectionListener } from "./connection";
import { Deadline, type DeadlineOwner } from "./deadline";
import { defaultLimits, defaultTimeouts, type Limits, type Timeouts } from "./limits";
import type { TransactionOwner } from "./owner";
import { ResponseParser } from "./parser";
import { Transaction } from "./transaction";
import type { HTTPRequest, RequestOptions } from "./types";

/**
 * The inside of a client: its one connection, the request that uses it, and those that wait.
 *
 * It listens to the connection itself while that is being opened and while no request uses it.
 */
export class Dispatcher implements TransactionOwner, ConnectionListener, DeadlineOwner {
	readonly authority: string;
	#active: Transaction | undefined;
	#connection: Connection | undefined;
	#scheduled = false;
	#closed = false;
	readonly #queue: Transaction[] = [];
	readonly #client: HTTPClient;
	readonly #options: HTTPClientOptions;
	readonly #timeouts: Timeouts;
	readonly #limits: Limits;
	readonly #parser: ResponseParser;
	readonly #idle: Deadline;

	/** @param authority value of the Host field */
	constructor(client: HTTPClient, options: HTTPClientOptions, authority: string) {
		this.#client = client;
		this.#options = options;
		this.authority = authority;
		this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
		this.#limits = { ...defaultLimits, ...options.limits };
		// Not where they are declared: all other fields would lie on the machine's short stack meanwhile.
		this.#parser = new ResponseParser(this.#limits, authority);
		this.#idle = new Deadline(this);
	}

	get busy(): boolean {
		return this.#active !== undefined || this.#queue.length > 0;
	}

	get connected(): boolean {
		return this.#connection !== undefined;
	}

	request(options: RequestOptions): HTTPRequest {
		if (this.#closed) throw this.cancelled();
		if (this.#queue.length >= this.#limits.queue) {
			throw new FleetlingError(
				"http.busy",
				`${this.#queue.length} requests wait for ${this.authority} already; wait for one to end`,
			);
		}
		const transaction = new Transaction(this, options, { ...this.#timeouts, ...options.timeouts });
		this.#queue.push(transaction);
		this.schedule();
		return transaction;
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.drop();
		this.#active?.fail(this.cancelled(), true);
		for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next.fail(this.cancelled(), true);
	}

	release(): void {
		if (this.#active === undefined) this.drop();
	}

	// Transactions

	finished(transaction: Transaction, reusable: boolean): void {
		if (transaction !== this.#active) {
			const index = this.#queue.indexOf(transaction);
			if (index >= 0) this.#queue.splice(index, 1);
			return;
		}
		this.#active = undefined;
		if (transaction.complete && (this.#connection?.pending ?? 0) > 0) this.surplus();
		else if (reusable) this.keep(transaction.timeouts.keepAlive);
		else this.drop();
		if (this.#queue.length > 0) this.schedule();
	}

	repeat(): void {
		this.connect();
	}

	report(error: FleetlingError): void {
		try {
			this.#options.onError?.call(this.#client, error);
		} catch {
			// Whoever is told about errors has failed itself: there is nobody left to tell.
		}
	}

	// The connection, while no transaction listens to it

	readable(): void {
		this.surplus();
	}

	writable(): void {
		if (this.#connection !== undefined) this.#active?.attach(this.#connection, this.#parser, false);
	}

	ended(error: FleetlingError | undefined): void {
		const transaction = this.#active;
		if (transaction === undefined) {
			this.drop();
			return;
		}
		error ??= new FleetlingError("net.closed", `${this.authority} closed the connection before it was open; try again later`);
		try {
			this.#options.onRefused?.call(this.#client, error);
		} catch (thrown) {
			this.report(FleetlingError.from(thrown, "http.callback", `onRefused of the client for ${this.authority} failed`));
		}
		transaction.fail(error);
	}

	/** The kept connection has not been used for long enough. */
	expired(): void {
		this.drop();
	}

	/** Not within `request`: its caller has not got the request yet that the callbacks are about. */
	private schedule(): void {
		if (this.#scheduled || this.#closed) return;
		this.#scheduled = true;
		Promise.resolve().then(() => {
			this.#scheduled = false;
			this.next();
		});
	}

	private next(): void {
		if (this.#active !== undefined || this.#closed) return;
		const transaction = this.#queue.shift();
		if (transaction === undefined) return;
		this.#active = transaction;
		this.#idle.stop();
		const connection = this.#connection;
		if (connection === undefined || connection.ended || connection.pending > 0) this.connect();
		else transaction.attach(connection, this.#parser, true);
	}

	private connect(): void {
		const transaction = this.#active;
		this.drop();
		if (transaction === undefined || this.#closed) return;
		const connection = new Connection(this.#options, this);
		this.#connection = connection;
		connection.open(transaction.timeouts);
	}

	/** The server's own announcement counts, less a second for what is on the way when it closes. */
	private keep(milliseconds: number): void {
		this.#connection?.listen(this);
		const time = Math.min(milliseconds, (this.#parser.keepAlive ?? Number.POSITIVE_INFINITY) - 1000);
		if (time > 0) this.#idle.start(time);
		else this.drop();
	}

	/** Bytes that belong to no response would be taken for the next one's: their connection is not used again. */
	private surplus(): void {
		this.drop();
		this.report(
			new FleetlingError(
				"http.surplus",
				`${this.authority} sent more than its response; the connection has been closed, check the Content-Length that the server sends`,
			),
		);
	}

	private drop(): void {
		const connection = this.#connection;
		if (connection === undefined) return;
		this.#connection = undefined;
		this.#idle.stop();
		connection.close();
		if (this.#closed) return;
		try {
			this.#options.onClose?.call(this.#client);
		} catch (error) {
			this.report(FleetlingError.from(error, "http.callback", `onClose of the client for ${this.authority} failed`));
		}
	}

	private cancelled(): FleetlingError {
		return new FleetlingError("http.cancelled", `the client for ${this.authority} has been closed`);
	}
}
