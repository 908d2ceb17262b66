import type { FleetlingError } from "fleetling/error/error";
import type { HTTPClient } from "./client";
import { drainBytes } from "./limits";
import type { HeaderMap, HTTPRequest, RequestOptions } from "./types";

/** Status line and headers of a response. */
export interface ResponseHead {
	readonly status: number;
	readonly headers: HeaderMap;
	/** Length of the body by Content-Length; undefined when the server does not say. */
	readonly contentLength: number | undefined;
}

/** A request to stop from elsewhere. `add` calls its listener at once when it has been made already. */
export interface Cancel {
	readonly reason: FleetlingError | undefined;
	add(listener: () => void): void;
	remove(listener: () => void): void;
}

/** What a receiver of blocks may answer: false when it has had enough; a promise holds the peer back until it is kept. */
// biome-ignore lint/suspicious/noConfusingVoidType: functions without a result are what most callers write
export type BlockResult = boolean | undefined | void | Promise<boolean | undefined | void>;

/** Where a body goes. */
export interface Sink {
	/** Is filled with the next bytes of the body. */
	readonly buffer: Uint8Array;
	/** Takes the buffer once it is full, and at the end of the body what is in it. The bytes are overwritten afterwards. */
	block(bytes: Uint8Array): BlockResult;
}

/** What became of a body. */
export interface Pumped {
	/** Bytes that the sink has taken. */
	readonly received: number;
	/** Whether the body was wanted, and has come to its end. */
	readonly complete: boolean;
}

/** The options of a request without the callbacks for its response. */
export interface PumpOptions extends Omit<RequestOptions, "onHeaders" | "onReadable" | "onDone"> {
	/** Ends the request with its reason. */
	readonly cancel?: Cancel;
}

/**
 * Runs one request and moves the body of its response into a sink, block by block, without allocating anything for a
 * block. While a block is being dealt with, nothing is read, so that the peer is held back by the network itself.
 *
 * @param accept called with the headers; returns where the body goes, or undefined when it is not wanted
 * @returns kept when the response has ended and the last block has been dealt with; broken with a FleetlingError of the
 * client, or with what `accept` or the sink threw
 */
export function pump(
	client: HTTPClient,
	options: PumpOptions,
	accept: (head: ResponseHead) => Sink | undefined,
): Promise<Pumped> {
	return new Promise((resolve, reject) => {
		new Pump(client, options, accept, resolve, reject);
	});
}

/** Reads a short body to its end, which is cheaper than a new connection; gives up on a long one. */
class Drain implements Sink {
	readonly buffer = new Uint8Array(256);
	#left = drainBytes;

	block(bytes: Uint8Array): boolean {
		this.#left -= bytes.length;
		return this.#left >= 0;
	}
}

class Pump {
	#filled = 0;
	#received = 0;
	#sink: Sink | undefined;
	/** Whether a block is being dealt with. */
	#waiting = false;
	#unwanted = false;
	#stopped = false;
	#done = false;
	#failed = false;
	#error: unknown;
	readonly #cancel: Cancel | undefined;
	readonly #cancelled = () => this.abort(this.#cancel?.reason);
	readonly #request: HTTPRequest;
	readonly #resolve: (pumped: Pumped) => void;
	readonly #reject: (error: unknown) => void;

	constructor(
		client: HTTPClient,
		{ cancel, ...options }: PumpOptions,
		accept: (head: ResponseHead) => Sink | undefined,
		resolve: (pumped: Pumped) => void,
		reject: (error: unknown) => void,
	) {
		this.#resolve = resolve;
		this.#reject = reject;
		this.#request = client.request({
			...options,
			onHeaders: (status, headers) => this.head(accept, status, headers),
			onReadable: () => this.pull(),
			onDone: (error) => this.end(error),
		});
		this.#cancel = cancel;
		cancel?.add(this.#cancelled);
	}

	private head(accept: (head: ResponseHead) => Sink | undefined, status: number, headers: HeaderMap): void {
		const { contentLength } = this.#request;
		try {
			this.#sink = accept({ status, headers, contentLength });
		} catch (error) {
			this.abort(error);
			return;
		}
		if (this.#sink !== undefined || this.#request.complete) return;
		this.#unwanted = true;
		if (contentLength === undefined || contentLength <= drainBytes) this.#sink = new Drain();
		else this.stop();
	}

	private pull(): void {
		const sink = this.#sink;
		if (sink === undefined || this.#waiting || this.#failed) return;
		const request = this.#request;
		const { buffer } = sink;
		const size = buffer.length;
		let filled = this.#filled;
		this.#filled = 0;
		try {
			for (;;) {
				const count = request.read(filled === 0 ? buffer : buffer.subarray(filled));
				if (count === 0) break;
				filled += count;
				if (filled < size) continue;
				filled = 0;
				this.#received += size;
				const result = sink.block(buffer);
				if (result !== undefined && result !== true && !this.wait(result)) return;
			}
		} catch (error) {
			this.abort(error);
			return;
		}
		this.#filled = filled;
		if (this.#done) this.finish();
	}

	/** Deals with the result of a block that is not simply "go on"; returns whether it means that all the same. */
	private wait(result: BlockResult): boolean {
		if (result === undefined || result === true) return true;
		if (result === false) {
			this.stop();
			return false;
		}
		this.#waiting = true;
		result.then(
			(more) => {
				this.#waiting = false;
				if (this.#failed) this.finish();
				else if (more === false) this.stop();
				else this.pull();
			},
			(error: unknown) => {
				this.#waiting = false;
				this.abort(error);
			},
		);
		return false;
	}

	private end(error: FleetlingError | undefined): void {
		this.#done = true;
		// The headers were all that was wanted, and they have come.
		if (error !== undefined && !this.#unwanted) this.fail(error);
		if (!this.#waiting) this.finish();
	}

	/** A download that broke off ends on a whole block; the rest of a complete one is delivered. */
	private finish(): void {
		const sink = this.#sink;
		if (!this.#failed && sink !== undefined && this.#filled > 0) {
			const rest = sink.buffer.subarray(0, this.#filled);
			this.#filled = 0;
			this.#received += rest.length;
			try {
				if (!this.wait(sink.block(rest))) return;
			} catch (error) {
				this.fail(error);
			}
		}
		this.#cancel?.remove(this.#cancelled);
		if (this.#failed) this.#reject(this.#error);
		else if (this.#unwanted) this.#resolve({ received: 0, complete: false });
		else this.#resolve({ received: this.#received, complete: !this.#stopped });
	}

	/** Enough has come. */
	private stop(): void {
		this.#stopped = true;
		this.#sink = undefined;
		this.#filled = 0;
		this.#request.close();
		this.finish();
	}

	/** Ends the request, and the promise as soon as no block is being dealt with: its memory is the caller's again then. */
	private abort(error: unknown): void {
		this.fail(error);
		this.#request.close();
		if (!this.#waiting) this.finish();
	}

	private fail(error: unknown): void {
		if (this.#failed) return;
		this.#failed = true;
		this.#error = error;
	}
}
