import { FleetlingError } from "fleetling/error/error";
import Time from "time";
import { deadlines, limits } from "../../../common/deadlines";
import type { Stream, StreamListener } from "../../../common/stream";
import { beginFrame, type Head, protocols } from "./frame";
import { MessagePackWriter } from "./msgpack-writer";
import type { Outlet, Source } from "./outlet";
import type { Holding } from "./sessions";

export interface ForwardOptions {
	readonly outlet: Outlet;
	readonly session: string;
	/** Its number, which the manager gave it. */
	readonly id: string;
	readonly open: (listener: StreamListener) => Stream;
	/** Milliseconds after which it ends when nothing passes; `deadlines.forwardIdle` when absent. */
	readonly idle?: number | undefined;
	/** It is over; with an error when it did not come about or was broken. */
	readonly over: (error?: FleetlingError) => void;
}

/**
 * One forwarded connection. Each side has one message on its way at most: the next one goes when the one before has been
 * acknowledged, which is when the other end has taken all of it. So neither end can be flooded by the other.
 */
export class Forward implements Source, Holding, StreamListener {
	readonly session: string;
	readonly #options: ForwardOptions;
	#stream: Stream | undefined;
	#opened = false;
	#told = false;
	/** What the manager has not acknowledged. */
	#awaits = false;
	/** What the other end has not taken yet; undefined when everything has been acknowledged. */
	#waiting: Uint8Array | undefined;
	/** The manager's side has ended: what waits is still written. */
	#stopping = false;
	/** How the other end has ended, if it has. */
	#end: { readonly error: FleetlingError | undefined } | undefined;
	#used = Time.ticks;
	#over = false;

	constructor(options: ForwardOptions) {
		this.session = options.session;
		this.#options = options;
		options.outlet.add(this);
	}

	/** @throws FleetlingError management.not-forwarded */
	begin(): void {
		this.#stream = this.#options.open(this);
		if (this.#over) this.#stream.close();
	}

	/** Bytes that wait for the other end. */
	get held(): number {
		return this.#waiting?.length ?? 0;
	}

	/** The manager sends bytes. */
	forward(bytes: Uint8Array): void {
		this.#used = Time.ticks;
		if (this.#stopping) return;
		if (this.#waiting !== undefined)
			throw new FleetlingError("server.bad-answer", "bytes came before those before them had been acknowledged");
		this.#waiting = bytes;
		this.#options.outlet.wake();
	}

	/** The manager has taken what was sent. */
	acknowledged(): void {
		this.#used = Time.ticks;
		this.#awaits = false;
		this.#options.outlet.wake();
	}

	/** The manager's side has ended. */
	stop(): void {
		this.#stopping = true;
		this.#say("stop");
		if (this.#waiting === undefined || this.#end !== undefined) this.#finish();
	}

	turn(): boolean {
		if (this.#over) return false;
		if (this.#opened && !this.#told) {
			this.#told = true;
			this.#say("new");
		}
		try {
			this.#write();
			if (!this.#stopping) this.#read();
			else if (this.#end !== undefined) this.#finish();
		} catch (error) {
			this.#finish(FleetlingError.from(error, "net.reset", "the connection broke"));
		}
		return false;
	}

	/** The other end. What is to be done about it is done when it is this connection's turn. */
	readable(): void {
		this.#used = Time.ticks;
		this.#options.outlet.wake();
	}

	writable(): void {
		this.#opened = true;
		this.#options.outlet.wake();
	}

	ended(error: FleetlingError | undefined): void {
		this.#end = { error };
		this.#options.outlet.wake();
	}

	look(): void {
		const { idle = deadlines.forwardIdle } = this.#options;
		if (Time.delta(this.#used) < idle) return;
		this.#say("stop");
		this.#finish();
	}

	lost(): void {
		this.#finish();
	}

	#write(): void {
		const stream = this.#stream;
		while (stream !== undefined && this.#waiting !== undefined && this.#opened) {
			const part = this.#waiting.subarray(0, stream.writable);
			if (part.length < this.#waiting.length && part.length === 0) return;
			if (part.length > 0) stream.write(part);
			this.#waiting = this.#waiting.subarray(part.length);
			if (this.#waiting.length > 0) continue;
			this.#waiting = undefined;
			if (this.#stopping) this.#finish();
			else this.#say("ack");
		}
	}

	#read(): void {
		const stream = this.#stream;
		if (stream === undefined || this.#awaits || this.#over) return;
		const length = Math.min(stream.pending, limits.forwardBytes);
		if (length > 0) {
			const writer = new MessagePackWriter(new Uint8Array(length + headBytes));
			const body = beginFrame(writer, this.#head("forward"), length);
			const count = stream.read(body, 0, length);
			if (count < length) return;
			this.#awaits = this.#options.outlet.sendBytes(writer.result);
		} else if (this.#end !== undefined) {
			const { error } = this.#end;
			if (error === undefined || this.#told) this.#say("stop");
			this.#finish(error);
		}
	}

	#head(type: string): Head {
		const { session, id } = this.#options;
		return { protocol: protocols.forward, type, session, properties: { connection_id: id } };
	}

	#say(type: string): void {
		this.#options.outlet.send(this.#head(type));
	}

	#finish(error?: FleetlingError): void {
		if (this.#over) return;
		this.#over = true;
		const { outlet, over } = this.#options;
		outlet.remove(this);
		this.#stream?.close();
		this.#waiting = undefined;
		over(error);
	}
}

/** Room for the head of a message beside what is in it. */
const headBytes = 224;
