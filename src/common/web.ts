import {
	download,
	exchange,
	type FetchedHead,
	HTTPPool,
	parseHTTPDate,
	parseRetryAfter,
	SessionMemory,
	type Timeouts,
} from "fleetling/http/http";
import { TLSSocket, TrustStore } from "fleetling/tls/tls";
import type { Cancellation } from "./cancellation";
import { deadlines, limits } from "./deadlines";
import type { Network } from "./device";
import type { TaggedLog } from "./log";
import type { Sink } from "./sink";

/** Request headers, in the order in which they are sent. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface WebRequest {
	readonly method?: "GET" | "POST" | "PUT" | "PATCH";
	/** Absolute http or https address. */
	readonly url: string;
	readonly headers?: HeaderList;
	readonly body?: Uint8Array;
}

/** Status and headers of what a server answered. Any status is an answer, not an error. */
export interface AnswerHead {
	readonly status: number;
	/** By their names in lower case; content-type, retry-after and date at least. */
	readonly headers: ReadonlyMap<string, string>;
}

export interface Answer extends AnswerHead {
	readonly body: Uint8Array;
}

/** HTTP as the rest of src needs it; a test can hand in a scripted one. */
export interface Web {
	/** A small message and its small answer. Rejects when there is no answer. */
	exchange(request: WebRequest, cancellation: Cancellation): Promise<Answer>;
	/**
	 * Streams the body of a successful answer into `sink`, and nothing of any other. Rejects when it breaks off. Whether the
	 * answer was a success is for the caller to look at.
	 */
	download(request: WebRequest, sink: Sink, cancellation: Cancellation): Promise<AnswerHead>;
	/** Closes all connections. The next request opens new ones. Idempotent. */
	close(): void;
}

export interface HTTPWebOptions {
	readonly network: Pick<Network, "tcp" | "dns">;
	/** Certificates of the authorities for https, PEM; https is refused without. */
	readonly authorities?: string | undefined;
	readonly log: TaggedLog;
}

/** The one place in src that knows the HTTP and TLS modules. */
export class HTTPWeb implements Web {
	readonly #options: HTTPWebOptions;
	/** Outlives connections and pools: resuming a session saves most of a handshake. */
	readonly #sessions = new SessionMemory(limits.tlsSessions);
	/** Parsed once: that costs more than all else that a resumed connection does. */
	readonly #trust: TrustStore | undefined;
	#pool: HTTPPool | undefined;

	/** @throws FleetlingError tls.bad-authority */
	constructor(options: HTTPWebOptions) {
		this.#options = options;
		if (options.authorities !== undefined) this.#trust = new TrustStore(options.authorities);
	}

	// Both hand on the promise they get: one more asynchronous function would cost a device 1 KB.

	exchange(request: WebRequest, cancellation: Cancellation): Promise<Answer> {
		return exchange(this.#open(), {
			...request,
			wanted,
			limit: limits.exchangeBody,
			timeouts: { total: deadlines.exchange },
			// Servers close idle connections without a word; all that is asked here can be asked twice.
			repeatable: true,
			cancel: cancellation,
		});
	}

	download(request: WebRequest, sink: Sink, cancellation: Cancellation): Promise<AnswerHead> {
		return download(this.#open(), {
			...request,
			wanted,
			buffer: sink.buffer,
			onHead: (found) => begin(sink, found),
			onBlock: (bytes) => sink.block(bytes),
			cancel: cancellation,
		});
	}

	close(): void {
		this.#pool?.close();
		this.#pool = undefined;
	}

	#open(): HTTPPool {
		this.#pool ??= this.#create();
		return this.#pool;
	}

	#create(): HTTPPool {
		const { network, log } = this.#options;
		const trust = this.#trust;
		const { resolve, connect, send, answer, stall, keepAlive } = deadlines;
		const timeouts: Timeouts = { resolve, connect, send, headers: answer, idle: stall, keepAlive, total: 0 };
		const https = trust && {
			io: TLSSocket,
			over: network.tcp.io,
			secure: { trust, handshakeTimeout: deadlines.handshake },
		};
		return new HTTPPool({
			http: { io: network.tcp.io },
			...(https && { https }),
			dns: { ...network.dns },
			timeouts,
			connections: limits.connections,
			sessions: this.#sessions,
			onError: (error) => log.failure(error, "debug"),
		});
	}
}

const wanted = ["content-type", "date", "retry-after"];

/** Milliseconds that a server asks to wait (Retry-After), where it does. */
export function retryAfterOf({ headers }: AnswerHead): number | undefined {
	return parseRetryAfter(headers.get("retry-after") ?? "", parseHTTPDate(headers.get("date") ?? ""));
}

function begin(sink: Sink, head: FetchedHead): boolean {
	if (head.status !== 200) return false;
	sink.begin(head.contentLength === undefined ? {} : { length: head.contentLength });
	return true;
}
