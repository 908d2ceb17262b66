import { FleetlingError } from "fleetling/error/error";
import { type Connection, type ConnectionListener, view } from "./connection";
import { Deadline, type DeadlineOwner } from "./deadline";
import { checkRequest } from "./head";
import { drainBytes, type Timeouts } from "./limits";
import { Outgoing } from "./outgoing";
import type { TransactionOwner } from "./owner";
import type { ResponseParser } from "./parser";
import type { Socket } from "./socket";
import { idempotent, overall, type State, tooLate, waits } from "./states";
import type { HTTPRequest, RequestOptions } from "./types";

/** One request and its response, from the queue to the last byte. */
export class Transaction implements HTTPRequest, ConnectionListener, DeadlineOwner {
	/**
	 * A body is read in runs of bytes that come straight from the socket: so many more of them in this run, and so many taken
	 * from it that connection and parser have not been told of. The end of a body is never part of a run. XS looks private
	 * fields up in the order in which they are declared, and these are needed for every block.
	 */
	#run = 0;
	#taken = 0;
	#socket: Socket | undefined;
	/** Whether nothing waits after this run. */
	#dry = false;
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

	readonly #onReadable: ((this: HTTPRequest, count: number) => void) | undefined;
	readonly #owner: TransactionOwner;
	readonly #options: RequestOptions;
	readonly #method: string;
	readonly #phase: Deadline;
	readonly #total: Deadline;

	/** @throws FleetlingError http.bad-request */
	constructor(owner: TransactionOwner, options: RequestOptions, timeouts: Timeouts) {
		checkRequest(options);
		// Not where they are declared: all other fields would lie on the machine's short stack meanwhile.
		this.#phase = new Deadline(this);
		this.#total = new Deadline(this);
		this.#owner = owner;
		this.#options = options;
		this.#onReadable = options.onReadable;
		this.#method = options.method ?? "GET";
		this.timeouts = timeouts;
		this.#total.start(timeouts.total);
	}

	get complete(): boolean {
		return this.#complete || (this.#state === "body" && this.#parser?.phase === "done");
	}

	/** The connection is there: sends the request. `reused` says whether it has carried another one before. */
	attach(connection: Connection, parser: ResponseParser, reused: boolean): void {
		connection.listen(this);
		this.#connection = connection;
		this.#socket = connection.socket;
		this.#parser = parser;
		this.#reused = reused;
		this.#state = "sending";
		parser.begin(this.#method, this.#options.wanted);
		this.#phase.start(this.timeouts.send);
		try {
			this.#outgoing = new Outgoing(this.#options, this.#owner.authority, this.timeouts.keepAlive > 0);
			this.#sent = false;
			if (this.#bodyBegun) {
				this.#bodyBegun = false;
				this.#options.onRestart?.call(this);
			}
			this.send();
		} catch (error) {
			this.fail(this.blame(error));
		}
	}

	/** The connection takes more bytes. */
	writable(): void {
		if (this.#state !== "sending") return;
		try {
			this.send();
		} catch (error) {
			this.fail(this.blame(error));
		}
	}

	/** Bytes have arrived. This and `read` are short on purpose: they are most of what a download costs. */
	readable(count: number): void {
		const parser = this.#parser;
		if (parser === undefined) return;
		// The connection has counted anew: what was taken is the parser's business only.
		if (this.#taken > 0) parser.advance(this.#taken);
		this.#run = this.#taken = 0;
		this.#dry = false;
		if (this.#state === "body") {
			this.#phase.touch();
			if (parser.readable > count && this.#connection?.direct === count && !this.#dispatching) {
				this.deliver(count);
				return;
			}
		}
		this.process();
	}

	/** The usual case: more of a body, and not its end. */
	private deliver(count: number): void {
		this.#run = count;
		this.#dry = true;
		this.#dispatching = true;
		try {
			if (this.#onReadable === undefined) this.drop();
			else this.#onReadable(count);
		} catch (error) {
			this.#failure ??= this.blame(error);
		}
		this.#dispatching = false;
		if (this.#again) this.process();
		else if (this.#failure !== undefined || this.#ended !== undefined) this.settle();
	}

	/** The connection has ended; what has arrived before is still to be read. */
	ended(error: FleetlingError | undefined): void {
		this.endRun();
		this.#ended = { error };
		this.process();
	}

	/** Fails the request, unless it is not the network that is waited for. */
	expired(deadline: Deadline): void {
		const wait = deadline === this.#total ? overall : waits[this.#state];
		if (wait === undefined) return;
		if (wait !== overall && this.waitsForCaller()) deadline.start(this.timeouts[wait.limit]);
		else this.fail(tooLate(wait, this.timeouts, this.#owner.authority));
	}

	/**
	 * Whether the caller has to write more of its body, which is not the network's fault, or to read what has come, which
	 * holds the peer back: its silence means nothing then.
	 */
	private waitsForCaller(): boolean {
		const connection = this.#connection;
		if (connection === undefined) return false;
		if (this.#state === "sending") return (this.#outgoing?.room(connection) ?? 0) > 0;
		this.endRun();
		return this.#state === "body" && connection.pending > 0;
	}

	read(buffer: ArrayBuffer | Uint8Array): number {
		const size = buffer.byteLength;
		const run = this.#run;
		if (size === 0 || run === 0 || (size > run && !this.#dry)) return this.readOn(buffer, size);
		const count = this.#socket?.read(size > run ? view(buffer, 0, run) : buffer) ?? 0;
		if (count === 0) return this.readOn(buffer, size);
		this.#taken += count;
		this.#run = run - count;
		// The peer's silence counts from here: until now it was held back.
		if (count === run && !this.#dispatching) this.#phase.touch();
		return count;
	}

	/** Reads across the ends of runs: what came with the headers, chunk framing, the last bytes. */
	private readOn(buffer: ArrayBuffer | Uint8Array, size: number): number {
		if (this.#run === 0 && this.#dry) return 0;
		const connection = this.#connection;
		const parser = this.#parser;
		if (this.#state !== "body" || connection === undefined || parser === undefined || this.#failure !== undefined) return 0;
		this.endRun();
		let filled = 0;
		try {
			while (filled < size) {
				const readable = parser.readable;
				if (readable === 0) {
					if (parser.phase !== "framing" || !connection.scan(parser)) break;
					continue;
				}
				const left = size - filled;
				const count = connection.read(buffer, filled, readable < left ? readable : left);
				if (count === 0) break;
				parser.advance(count);
				filled += count;
			}
			if (parser.readable > 0 && connection.pending > 0) {
				this.#run = Math.min(parser.readable - 1, connection.direct);
				return filled;
			}
			this.frame();
			this.#dry = parser.readable > 0 && connection.pending === 0;
		} catch (error) {
			this.#failure = this.blame(error);
		}
		if (filled > 0) this.#phase.touch();
		if (this.#failure !== undefined || parser.phase === "done" || (this.#ended !== undefined && connection.pending === 0))
			this.defer();
		return filled;
	}

	/** Tells connection and parser what has been taken: before anything else is said about the body. */
	private endRun(): void {
		this.#run = 0;
		this.#dry = false;
		if (this.#taken === 0) return;
		this.#parser?.advance(this.#taken);
		this.#connection?.took(this.#taken);
		this.#taken = 0;
	}

	write(bytes: ArrayBuffer | Uint8Array): number {
		const connection = this.#connection;
		const outgoing = this.#outgoing;
		if (this.#state !== "sending" || connection === undefined || outgoing === undefined) return 0;
		if (bytes.byteLength > 0) this.#bodyBegun = true;
		outgoing.write(connection, bytes);
		this.#phase.touch();
		if (outgoing.complete) this.allSent();
		return this.#state === "sending" ? outgoing.room(connection) : 0;
	}

	close(): void {
		if (this.#state === "done") return;
		this.end();
		this.#owner.finished(this, false);
	}

	/** Ends the request with an error, or sends it once more where that is safe and `final` does not forbid it. */
	fail(error: FleetlingError, final = false): void {
		if (this.#state === "done") return;
		if (!final && this.mayRepeat(error)) {
			this.#phase.stop();
			this.#state = "queued";
			this.#ended = this.#failure = undefined;
			this.#connection = this.#parser = this.#socket = undefined;
			this.#owner.repeat(this);
			return;
		}
		this.end();
		this.#owner.finished(this, false);
		this.tell(error);
	}

	/**
	 * A kept connection may be closed by the server at the very moment it is used again. Then the request goes out once
	 * more, on a new connection, when nothing at all has come back, or when repeating it does no harm (RFC 9112 section 9.3.1).
	 */
	private mayRepeat(error: FleetlingError): boolean {
		const parser = this.#parser;
		if (!this.#reused || parser === undefined || (this.#state !== "sending" && this.#state !== "answering")) return false;
		if (this.#ended === undefined && error.code !== "net.reset") return false;
		if (this.#bodyBegun && this.#options.onRestart === undefined) return false;
		return !parser.begun || (this.#options.repeatable ?? idempotent.includes(this.#method));
	}

	private send(): void {
		const connection = this.#connection;
		const outgoing = this.#outgoing;
		if (connection === undefined || outgoing === undefined) return;
		if (outgoing.flush(connection)) this.#phase.touch();
		if (outgoing.complete) this.allSent();
		else if (this.#state === "sending" && outgoing.room(connection) > 0) {
			this.#options.onWritable?.call(this, outgoing.room(connection));
		}
	}

	private allSent(): void {
		// Writing may have brought the news that the connection has ended, and with it the end of the request.
		if (this.#state !== "sending") return;
		this.#sent = true;
		this.#state = "answering";
		this.#phase.start(this.timeouts.headers);
	}

	/** Takes what has arrived as far as it goes, and tells the caller. Everything the network does to a request passes here. */
	private process(): void {
		if (this.#dispatching) {
			this.#again = true;
			return;
		}
		this.#dispatching = true;
		try {
			do {
				this.#again = false;
				this.advance();
			} while (this.#again);
		} catch (error) {
			this.#failure ??= this.blame(error);
		}
		this.#dispatching = false;
		this.settle();
	}

	private advance(): void {
		const connection = this.#connection;
		const parser = this.#parser;
		if (connection === undefined || parser === undefined) return;
		if (this.#state === "sending" || this.#state === "answering") {
			while (parser.phase === "head" && connection.scan(parser));
			if (parser.phase === "head") return;
			this.headComplete(parser);
		}
		if (this.#state !== "body") return;
		this.frame();
		const count = Math.min(parser.readable, connection.pending);
		if (count === 0) return;
		if (this.#onReadable === undefined) this.drop();
		else this.#onReadable(count);
	}

	private headComplete(parser: ResponseParser): void {
		this.#state = "body";
		this.#outgoing = undefined;
		this.contentLength = parser.contentLength;
		this.#phase.start(this.timeouts.idle);
		this.#options.onHeaders?.call(this, parser.status, parser.headers);
	}

	/** Takes chunk framing, so that what is left is body, or nothing. */
	private frame(): void {
		while (this.#parser?.phase === "framing" && this.#connection?.scan(this.#parser));
	}

	/** Nobody wants the body. */
	private drop(): void {
		const scratch = new Uint8Array(drainBytes);
		while (this.read(scratch) > 0);
	}

	private settle(): void {
		const connection = this.#connection;
		const parser = this.#parser;
		if (this.#dispatching || connection === undefined || parser === undefined) return;
		if (this.#failure !== undefined) {
			this.fail(this.#failure);
			return;
		}
		if (parser.phase !== "done" && this.#ended !== undefined && connection.pending === 0) {
			try {
				if (this.#ended.error !== undefined) throw this.#ended.error;
				parser.end();
			} catch (error) {
				this.fail(this.blame(error));
				return;
			}
		}
		if (this.#state !== "body" || parser.phase !== "done") return;
		this.#complete = true;
		const reusable = parser.persistent && this.#sent && !connection.ended && this.timeouts.keepAlive > 0;
		this.end();
		this.#owner.finished(this, reusable);
		this.tell(undefined);
	}

	/** Settles later: `read` has not returned to its caller yet, who has not seen the last bytes. */
	private defer(): void {
		if (this.#dispatching || this.#deferred) return;
		this.#deferred = true;
		Promise.resolve().then(() => {
			this.#deferred = false;
			this.settle();
		});
	}

	private end(): void {
		this.#state = "done";
		this.#run = 0;
		this.#dry = false;
		this.#phase.stop();
		this.#total.stop();
		this.#outgoing = undefined;
		this.#connection = this.#parser = this.#socket = undefined;
	}

	private tell(error: FleetlingError | undefined): void {
		try {
			this.#options.onDone?.call(this, error);
		} catch (thrown) {
			this.#owner.report(this.blame(thrown));
		}
	}

	private blame(error: unknown): FleetlingError {
		const { authority } = this.#owner;
		return FleetlingError.from(error, "http.callback", `a callback of a request to ${authority} failed; correct the callback`);
	}
}
