import { FleetlingError } from "fleetling/error/error";
import type { Connection } from "./connection";
import { Deadline } from "./deadline";
import { checkRequest } from "./head";
import { drainBytes, type Timeouts } from "./limits";
import { Outgoing } from "./outgoing";
import type { TransactionOwner } from "./owner";
import type { ResponseParser } from "./parser";
import type { Socket } from "./socket";
import type { HTTPRequest, RequestOptions } from "./types";

/**
 * - queued: waits for its turn or for the connection
 * - sending: the request goes out
 * - answering: all of it has gone out, the headers of the response have not come
 * - body: the headers have come
 * - done: over, no callback follows
 */
type State = "queued" | "sending" | "answering" | "body" | "done";

/** RFC 9110 section 9.2.2: sending them twice does what sending them once does. */
const idempotent = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"];

/** One request and its response, from the queue to the last byte. */
export class Transaction implements HTTPRequest {
	/**
	 * A body is read in long runs of bytes that come straight from the socket: so many more of them in this run, and so many
	 * taken from it that connection and parser have not been told of. XS looks private fields up in the order in which they
	 * are declared, and these four are needed for every block.
	 */
	#run = 0;
	#taken = 0;
	#socket: Socket | undefined;
	#state: State = "queued";
	#connection: Connection | undefined;
	#parser: ResponseParser | undefined;
	#complete = false;

	readonly timeouts: Timeouts;
	contentLength: number | undefined;

	#outgoing: Outgoing | undefined;
	#bodyBegun = false;
	#sent = false;

	#reused = false;
	#dispatching = false;
	#again = false;
	#deferred = false;
	#ended: { readonly error: FleetlingError | undefined } | undefined;
	#failure: FleetlingError | undefined;

	readonly #owner: TransactionOwner;
	readonly #options: RequestOptions;
	readonly #method: string;
	readonly #phase = new Deadline();
	readonly #total = new Deadline();
	readonly #take: (bytes: Uint8Array, start: number, end: number) => number;

	/** @throws FleetlingError http.bad-request */
	constructor(owner: TransactionOwner, options: RequestOptions, timeouts: Timeouts) {
		checkRequest(options);
		this.#owner = owner;
		this.#options = options;
		this.#method = options.method ?? "GET";
		this.timeouts = timeouts;
		this.#take = (bytes, start, end) => this.#parser?.feed(bytes, start, end) ?? end;
		this.#total.start(timeouts.total, () => this.fail(this.#late("the whole request", timeouts.total)));
	}

	get complete(): boolean {
		return this.#complete || (this.#state === "body" && this.#parser?.phase === "done");
	}

	/** The connection is there: sends the request. `reused` says whether it has carried another one before. */
	attach(connection: Connection, parser: ResponseParser, reused: boolean): void {
		this.#connection = connection;
		this.#socket = connection.socket;
		this.#parser = parser;
		this.#reused = reused;
		this.#state = "sending";
		parser.begin(this.#method, this.#options.wanted);
		this.#phase.start(this.timeouts.send, () => this.#sendExpired());
		try {
			const { path, headers = [], body, bodyLength } = this.#options;
			const { authority } = this.#owner;
			const keepAlive = this.timeouts.keepAlive > 0;
			this.#outgoing = new Outgoing({ method: this.#method, path, authority, headers, keepAlive }, body, bodyLength);
			this.#sent = false;
			if (this.#bodyBegun) {
				this.#bodyBegun = false;
				this.#options.onRestart?.call(this);
			}
			this.#send();
		} catch (error) {
			this.#caught(error);
		}
	}

	/** The connection takes more bytes. */
	writable(): void {
		if (this.#state !== "sending") return;
		try {
			this.#send();
		} catch (error) {
			this.#caught(error);
		}
	}

	/** More bytes are about to be announced. */
	announcing(): void {
		this.#endRun();
	}

	/** Bytes have arrived. */
	readable(): void {
		if (this.#state === "body") this.#phase.touch();
		this.#process();
	}

	/** The connection has ended; what has arrived before is still to be read. */
	ended(error: FleetlingError | undefined): void {
		this.#endRun();
		this.#ended = { error };
		this.#process();
	}

	read(buffer: ArrayBuffer | Uint8Array): number {
		const size = buffer.byteLength;
		if (size >= this.#run) return this.#readOn(buffer, size);
		const count = this.#socket?.read(buffer) ?? 0;
		this.#taken += count;
		this.#run -= count;
		return count > 0 ? count : this.#readOn(buffer, size);
	}

	/** Reads across the ends of runs: what came with the headers, chunk framing, the last bytes. */
	#readOn(buffer: ArrayBuffer | Uint8Array, size: number): number {
		const connection = this.#connection;
		const parser = this.#parser;
		if (this.#state !== "body" || connection === undefined || parser === undefined || this.#failure !== undefined) return 0;
		this.#endRun();
		let filled = 0;
		try {
			while (filled < size) {
				const readable = parser.readable;
				if (readable === 0) {
					if (parser.phase !== "framing" || !connection.scan(this.#take)) break;
					continue;
				}
				const left = size - filled;
				const count = connection.read(buffer, filled, readable < left ? readable : left);
				if (count === 0) break;
				parser.advance(count);
				filled += count;
			}
			if (parser.readable > 0 && connection.pending > 0) {
				this.#run = Math.min(parser.readable, connection.direct);
				return filled;
			}
			this.#frame();
		} catch (error) {
			this.#failure = this.#blame(error);
		}
		// The peer's silence counts from here: until now it was held back.
		this.#phase.touch();
		if (this.#failure !== undefined || parser.phase === "done" || (this.#ended !== undefined && connection.pending === 0))
			this.#defer();
		return filled;
	}

	/** Tells connection and parser what has been taken. */
	#endRun(): void {
		this.#run = 0;
		if (this.#taken === 0) return;
		this.#parser?.advance(this.#taken);
		this.#connection?.took(this.#taken);
		this.#taken = 0;
	}

	write(bytes: ArrayBuffer | Uint8Array): number {
		const connection = this.#connection;
		const outgoing = this.#outgoing;
		if (this.#state !== "sending" || connection === undefined || outgoing === undefined) return 0;
		const room = outgoing.room(connection);
		const count = bytes.byteLength;
		if (count > room) {
			throw new FleetlingError("http.bad-request", `${count} bytes were written to the body of a request that takes ${room} now`);
		}
		if (count === 0) return room;
		this.#bodyBegun = true;
		outgoing.write(connection, bytes);
		this.#phase.touch();
		if (outgoing.complete) this.#allSent();
		return this.#state === "sending" ? outgoing.room(connection) : 0;
	}

	close(): void {
		if (this.#state === "done") return;
		this.#end();
		this.#owner.finished(this, false);
	}

	/** Ends the request with an error, or sends it once more where that is safe and `final` does not forbid it. */
	fail(error: FleetlingError, final = false): void {
		if (this.#state === "done") return;
		if (!final && this.#mayRepeat(error)) {
			this.#phase.stop();
			this.#state = "queued";
			this.#ended = this.#failure = undefined;
			this.#connection = this.#parser = this.#socket = undefined;
			this.#owner.repeat(this);
			return;
		}
		this.#end();
		this.#owner.finished(this, false);
		this.#tell(error);
	}

	/**
	 * A kept connection may be closed by the server at the very moment it is used again. Then the request goes out once
	 * more, on a new connection, when nothing at all has come back, or when repeating it does no harm (RFC 9112 section 9.3.1).
	 */
	#mayRepeat(error: FleetlingError): boolean {
		const parser = this.#parser;
		if (!this.#reused || parser === undefined || (this.#state !== "sending" && this.#state !== "answering")) return false;
		if (this.#ended === undefined && error.code !== "net.reset") return false;
		if (this.#bodyBegun && this.#options.onRestart === undefined) return false;
		return !parser.begun || (this.#options.repeatable ?? idempotent.includes(this.#method));
	}

	#send(): void {
		const connection = this.#connection;
		const outgoing = this.#outgoing;
		if (connection === undefined || outgoing === undefined) return;
		if (outgoing.flush(connection)) this.#phase.touch();
		if (outgoing.complete) this.#allSent();
		else if (this.#state === "sending" && outgoing.room(connection) > 0) {
			this.#options.onWritable?.call(this, outgoing.room(connection));
		}
	}

	#allSent(): void {
		// Writing may have brought the news that the connection has ended, and with it the end of the request.
		if (this.#state !== "sending") return;
		this.#sent = true;
		this.#state = "answering";
		const { headers } = this.timeouts;
		this.#phase.start(headers, () => this.fail(this.#late("the headers of the response", headers)));
	}

	/** Takes what has arrived as far as it goes, and tells the caller. Everything the network does to a request passes here. */
	#process(): void {
		if (this.#dispatching) {
			this.#again = true;
			return;
		}
		this.#dispatching = true;
		try {
			do {
				this.#again = false;
				this.#advance();
			} while (this.#again);
		} catch (error) {
			this.#failure ??= this.#blame(error);
		}
		this.#dispatching = false;
		this.#settle();
	}

	#advance(): void {
		const connection = this.#connection;
		const parser = this.#parser;
		if (connection === undefined || parser === undefined) return;
		if (this.#state === "sending" || this.#state === "answering") {
			while (parser.phase === "head" && connection.scan(this.#take));
			if (parser.phase === "head") return;
			this.#headComplete(parser);
		}
		if (this.#state !== "body") return;
		this.#frame();
		const count = Math.min(parser.readable, connection.pending);
		if (count === 0) return;
		if (this.#options.onReadable !== undefined) this.#options.onReadable.call(this, count);
		else this.#drop();
	}

	#headComplete(parser: ResponseParser): void {
		this.#state = "body";
		this.#outgoing = undefined;
		this.contentLength = parser.contentLength;
		this.#phase.start(this.timeouts.idle, () => this.#idleExpired());
		this.#options.onHeaders?.call(this, parser.status, parser.headers);
	}

	/** Takes chunk framing, so that what is left is body, or nothing. */
	#frame(): void {
		while (this.#parser?.phase === "framing" && this.#connection?.scan(this.#take));
	}

	/** Nobody wants the body. */
	#drop(): void {
		const scratch = new Uint8Array(drainBytes);
		while (this.read(scratch) > 0);
	}

	#settle(): void {
		const connection = this.#connection;
		const parser = this.#parser;
		if (
			this.#dispatching ||
			this.#state === "queued" ||
			this.#state === "done" ||
			connection === undefined ||
			parser === undefined
		)
			return;
		if (this.#failure !== undefined) {
			this.fail(this.#failure);
			return;
		}
		if (parser.phase !== "done" && this.#ended !== undefined && connection.pending === 0) {
			try {
				if (this.#ended.error !== undefined) throw this.#ended.error;
				parser.end();
			} catch (error) {
				this.fail(this.#blame(error));
				return;
			}
		}
		if (this.#state !== "body" || parser.phase !== "done") return;
		this.#complete = true;
		const reusable = parser.persistent && this.#sent && !connection.ended && this.timeouts.keepAlive > 0;
		this.#end();
		this.#owner.finished(this, reusable);
		this.#tell(undefined);
	}

	/** Settles later: `read` has not returned to its caller yet, who has not seen the last bytes. */
	#defer(): void {
		if (this.#dispatching || this.#deferred) return;
		this.#deferred = true;
		Promise.resolve().then(() => {
			this.#deferred = false;
			this.#settle();
		});
	}

	#end(): void {
		this.#state = "done";
		this.#run = 0;
		this.#phase.stop();
		this.#total.stop();
		this.#outgoing = undefined;
		this.#connection = this.#parser = this.#socket = undefined;
	}

	#tell(error: FleetlingError | undefined): void {
		try {
			this.#options.onDone?.call(this, error);
		} catch (thrown) {
			this.#owner.report(this.#blame(thrown));
		}
	}

	#caught(error: unknown): void {
		this.fail(this.#blame(error));
	}

	#blame(error: unknown): FleetlingError {
		return FleetlingError.from(
			error,
			"http.callback",
			`a callback of a request to ${this.#owner.authority} failed; correct the callback`,
		);
	}

	#sendExpired(): void {
		// A body that the caller has not written yet is not the network's fault.
		if (this.#connection !== undefined && (this.#outgoing?.room(this.#connection) ?? 0) > 0) {
			this.#phase.start(this.timeouts.send, () => this.#sendExpired());
			return;
		}
		this.fail(this.#late("a byte of the request to be taken", this.timeouts.send));
	}

	#idleExpired(): void {
		this.#endRun();
		// Bytes that the caller has not read hold the peer back: its silence means nothing then.
		if ((this.#connection?.pending ?? 0) > 0) {
			this.#phase.start(this.timeouts.idle, () => this.#idleExpired());
			return;
		}
		this.fail(this.#late(`more of the body, ${this.#parser?.received ?? 0} bytes of which have come,`, this.timeouts.idle));
	}

	#late(what: string, milliseconds: number): FleetlingError {
		return new FleetlingError(
			"net.timeout",
			`waited ${milliseconds} ms for ${what} at ${this.#owner.authority}; check the network and the server, or try again later`,
		);
	}
}
