/** A transport without a network: it keeps what is sent and says what it is told to say. */
import type { Transport, TransportOptions } from "fleetling/tls/tls";

export class FakeTransport implements Transport {
	/** The one made last. */
	static last: FakeTransport;
	readonly options: TransportOptions;
	readonly sent: number[] = [];
	/** What `write` answers, and never takes more than. */
	room = 8192;
	closed = 0;
	/** Thrown by `write` when set. */
	fault: Error | undefined;
	#pending = new Uint8Array(0);

	constructor(options: TransportOptions) {
		FakeTransport.last = this;
		this.options = options;
	}

	connect(): void {
		this.options.onWritable(this.room);
	}

	/** Bytes from the peer. */
	receive(bytes: Uint8Array): void {
		const joined = new Uint8Array(this.#pending.length + bytes.length);
		joined.set(this.#pending);
		joined.set(bytes, this.#pending.length);
		this.#pending = joined;
		this.options.onReadable(joined.length);
	}

	end(error?: unknown): void {
		this.options.onError(error);
	}

	get unread(): number {
		return this.#pending.length;
	}

	read(buffer: Uint8Array): number {
		if (buffer.length === 0 || buffer.length > this.#pending.length) throw new Error("read more than was announced");
		buffer.set(this.#pending.subarray(0, buffer.length));
		this.#pending = this.#pending.slice(buffer.length);
		return buffer.length;
	}

	write(buffer: Uint8Array): number {
		if (this.fault) throw this.fault;
		if (buffer.length === 0 || buffer.length > this.room) throw new Error("wrote more than was announced");
		this.sent.push(...buffer);
		return this.room;
	}

	close(): void {
		this.closed++;
	}
}
