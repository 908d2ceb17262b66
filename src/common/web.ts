import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import {
	type BodySource,
	download,
	exchange,
	type FetchedHead,
	HTTPPool,
	parseContentRange,
	parseHTTPDate,
	parseRetryAfter,
	rangeFrom,
	SessionMemory,
	type Timeouts,
} from "fleetling/http/http";
import { TLSSocket, TrustStore } from "fleetling/tls/tls";
import { MessageSocket } from "fleetling/websocket/websocket";
import { originOf, parseURL } from "./address";
import type { Cancellation } from "./cancellation";
import { type Conversation, conversationCallbacks, type Listener } from "./conversation";
import { deadlines, limits } from "./deadlines";
import type { Network } from "./device";
import type { TaggedLog } from "./log";
import { Seats } from "./seats";
import type { Portion, Sink, SinkHead } from "./sink";
import { Visit } from "./visit";

/** Request headers, in the order in which they are sent. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface WebRequest {
	readonly method?: "GET" | "POST" | "PUT" | "PATCH";
	/** Absolute http or https address. */
	readonly url: string;
	readonly headers?: HeaderList;
	readonly body?: Uint8Array;
	/** In place of `body`, for `exchange`: one that is not held in memory. */
	readonly source?: BodySource;
	/** For `exchange`, milliseconds that it may take, `deadlines.exchange` when absent. */
	readonly patience?: number;
	/** For `exchange`: false refuses it with http.busy when no connection is free; otherwise it waits for one. */
	readonly waits?: boolean;
}

/** A WebSocket to open. */
export interface ConversationRequest extends Pick<WebRequest, "url" | "headers"> {
	/** Subprotocols that are offered, the best first. */
	readonly protocols?: readonly string[];
	/** Longest message that is taken, in bytes; `limits.conversationMessage` when absent. */
	readonly messageBytes?: number;
}

export type { BodySource };

/** Status and headers of what a server answered. Any status is an answer, not an error. */
export interface AnswerHead {
	readonly status: number;
	/** By their names in lower case; content-type, retry-after and date at least, etag for a body that was sent from a source. */
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
	 * Streams the body of a successful answer (200, or 206 where the sink asks for a part) into `sink`, and nothing of any
	 * other. Rejects when it breaks off. Whether the answer was a success is for the caller to look at: `delivered`.
	 */
	download(request: WebRequest, sink: Sink, cancellation: Cancellation): Promise<AnswerHead>;
	/**
	 * Opens a WebSocket at an http or https address. It belongs to the caller, and `close` does not end it.
	 *
	 * @throws FleetlingError when it cannot be tried at all; everything that happens later is told to `listener`
	 */
	converse(request: ConversationRequest, listener: Listener): Conversation;
	/**
	 * The same for a conversation that takes a connection from the requests: those wait until it has ended.
	 *
	 * @throws FleetlingError also http.busy, when requests or other visits have all connections
	 */
	visit(request: Pick<WebRequest, "url" | "headers">, listener: Listener): Conversation;
	/** Closes all connections. The next request opens new ones. Idempotent. */
	close(): void;
}

export interface HTTPWebOptions {
	readonly network: Pick<Network, "tcp" | "dns">;
	/** Certificates of the authorities for https, PEM; https is refused without. */
	readonly authorities?: string | undefined;
	readonly log: TaggedLog;
	/** Connections at one time, default `limits.connections`. */
	readonly connections?: number;
	/** Those of them that are kept free for conversations that stay; none when absent. */
	readonly reserved?: number;
	/** In place of those of `deadlines`. */
	readonly timeouts?: Partial<Timeouts>;
}

/** The one place in src that knows the HTTP and TLS modules. */
export class HTTPWeb implements Web {
	readonly #options: Omit<HTTPWebOptions, "authorities">;
	/** Outlives connections and pools: resuming a session saves most of a handshake. */
	readonly #sessions = new SessionMemory(limits.tlsSessions);
	/** Parsed once: that costs more than all else that a resumed connection does. */
	readonly #trust: TrustStore | undefined;
	readonly #seats: Seats;
	#pool: HTTPPool | undefined;

	/** @throws FleetlingError tls.bad-authority */
	constructor({ authorities, ...options }: HTTPWebOptions) {
		// Without the certificates, which are parsed now: their text is the largest in memory.
		this.#options = options;
		this.#seats = new Seats(seatsOf(options));
		if (authorities !== undefined) this.#trust = new TrustStore(authorities);
	}

	// No asynchronous functions: each one that waits costs a device 1 KB.

	exchange(request: WebRequest, cancellation: Cancellation): Promise<Answer> {
		return this.#seated(cancellation, () => this.#exchange(request, cancellation), request.waits);
	}

	download(request: WebRequest, sink: Sink, cancellation: Cancellation): Promise<AnswerHead> {
		return this.#seated(cancellation, () => this.#download(request, sink, cancellation));
	}

	#seated<T>(cancellation: Cancellation, work: () => Promise<T>, waits = true): Promise<T> {
		const begin = (): Promise<T> => new Promise<T>((resolve) => resolve(work())).finally(() => this.#seats.give());
		if (this.#seats.take()) return begin();
		return waits ? this.#seats.wait(cancellation).then(begin) : Promise.reject(noSeat());
	}

	#exchange(request: WebRequest, cancellation: Cancellation): Promise<Answer> {
		const { source, patience = deadlines.exchange } = request;
		return exchange(this.#open(), {
			...request,
			wanted: source === undefined ? wanted : wantedOfUpload,
			limit: limits.exchangeBody,
			timeouts: { total: patience },
			// Messages hold who the device is, and a tenant's token; a file goes where the server has its storage.
			confined: source === undefined,
			// Servers close idle connections without a word; all that is asked here can be asked twice.
			repeatable: true,
			cancel: cancellation,
		});
	}

	#download(request: WebRequest, sink: Sink, cancellation: Cancellation): Promise<AnswerHead> {
		const { missing, patience = 0 } = sink;
		return download(this.#open(), {
			...request,
			headers: missing === undefined ? (request.headers ?? []) : [...(request.headers ?? []), ...rangeHeaders(missing)],
			wanted: wantedOfPackage,
			timeouts: { total: patience },
			buffer: sink.buffer,
			onHead: (found) => begin(sink, missing, found),
			onBlock: (bytes) => sink.block(bytes),
			cancel: cancellation,
		});
	}

	converse({ url, headers = [], protocols, messageBytes }: ConversationRequest, listener: Listener): Conversation {
		const { network } = this.#options;
		const { tcp } = network;
		const target = parseURL(url);
		const { host, port, path } = target;
		const trust = this.#trust;
		const secure = target.scheme === "https";
		if (secure && trust === undefined) throw new FleetlingError("http.unsupported", `${url} needs certificates to trust`);
		return new MessageSocket({
			...{ host, port, path, headers, ...conversationCallbacks },
			scheme: secure ? "wss" : "ws",
			socket: secure ? { io: TLSSocket, over: tcp.io, secure: this.#secure(originOf(target), host) } : { io: tcp.io },
			dns: { ...network.dns },
			timeouts: conversationTimeouts,
			limits: messageBytes === undefined ? conversationLimits : { ...conversationLimits, messageBytes },
			...(protocols && { protocols }),
			queueBytes: limits.conversationQueue,
			target: listener,
		});
	}

	visit(request: Pick<WebRequest, "url" | "headers">, listener: Listener): Conversation {
		if (!this.#seats.take()) throw noSeat();
		// The connections that were kept for the next request.
		this.#pool?.release();
		return new Visit(listener, () => this.#seats.give()).begin((visit) => this.converse(request, visit));
	}

	close(): void {
		this.#pool?.close();
		this.#pool = undefined;
	}

	#secure(origin: string, serverName: string): object {
		const { handshake: handshakeTimeout } = deadlines;
		return this.#sessions.secure(origin, { trust: this.#trust, handshakeTimeout, serverName });
	}

	#open(): HTTPPool {
		this.#pool ??= this.#create();
		return this.#pool;
	}

	#create(): HTTPPool {
		const { network, log } = this.#options;
		const trust = this.#trust;
		const { resolve, connect, send, answer, stall, keepAlive } = deadlines;
		const timeouts: Timeouts = {
			resolve,
			connect,
			send,
			headers: answer,
			idle: stall,
			keepAlive,
			total: 0,
			...this.#options.timeouts,
		};
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
			connections: seatsOf(this.#options),
			sessions: this.#sessions,
			onError: (error) => log.failure(error, "debug"),
		});
	}
}

const noSeat = (): FleetlingError =>
	new FleetlingError("http.busy", "the connections are needed for an update or another session; try again later");

const seatsOf = ({ connections = limits.connections, reserved = 0 }: HTTPWebOptions): number => connections - reserved;

// Made once and not for each WebSocket.
const conversationTimeouts = frozen({
	resolve: deadlines.resolve,
	connect: deadlines.connect,
	handshake: deadlines.answer,
	send: deadlines.send,
	close: deadlines.goodbye,
});
const conversationLimits = frozen({ messageBytes: limits.conversationMessage, fragmentBytes: limits.conversationFragment });

const wanted = frozen(["content-type", "date", "retry-after"]);
const wantedOfUpload = frozen([...wanted, "etag"]);
const wantedOfPackage = frozen([...wanted, "content-range", "etag", "last-modified"]);

/** Milliseconds that a server asks to wait (Retry-After), where it does. */
export function retryAfterOf({ headers }: AnswerHead): number | undefined {
	return parseRetryAfter(headers.get("retry-after") ?? "", parseHTTPDate(headers.get("date") ?? ""));
}

/** Whether the sink of a download got what it asked for. */
export function delivered({ status }: AnswerHead): boolean {
	return status === 200 || status === 206;
}

/** If-Range makes the server send the whole when it is another one by now (RFC 9110 section 13.1.5). */
export function rangeHeaders({ start, end, validator }: Portion): HeaderList {
	const range = ["Range", rangeFrom(start, end === undefined ? undefined : end - 1)] as const;
	return validator === undefined ? [range] : [range, ["If-Range", validator]];
}

function begin(sink: Sink, missing: Portion | undefined, head: FetchedHead): boolean {
	if (!delivered(head)) return false;
	sink.begin(head.status === 200 ? headOfWhole(head) : headOfPart(head, missing));
	return true;
}

function headOfWhole({ contentLength: length, headers }: FetchedHead): SinkHead {
	const validator = validatorOf(headers);
	return { ...(length !== undefined && { length }), ...(validator !== undefined && { validator }) };
}

/**
 * What a 206 brings. It has to be the part that was asked for: bytes put into the wrong place make an image that is only
 * found to be damaged when all of it has been fetched.
 */
export function headOfPart(
	{ headers, contentLength }: Pick<FetchedHead, "headers" | "contentLength">,
	missing: Portion | undefined,
): SinkHead {
	const text = headers.get("content-range") ?? "";
	const { start, end: last, total: length } = parseContentRange(text) ?? {};
	const end = last === undefined ? undefined : last + 1;
	// A server may send less than was asked for, but not something else.
	const bad =
		start === undefined ||
		end === undefined ||
		start !== missing?.start ||
		end > (missing.end ?? end) ||
		(contentLength !== undefined && contentLength !== end - start);
	if (bad)
		throw new FleetlingError(
			"update.bad-range",
			`the server answered a request for the bytes from ${missing?.start ?? 0} on with "${text.slice(0, 60)}"; starting again`,
		);
	const validator = validatorOf(headers);
	return {
		start,
		...(end !== length && { end }),
		...(length !== undefined && { length }),
		...(validator !== undefined && { validator }),
	};
}

/**
 * What If-Range can use: a strong ETag, or else a date of change that cannot be that of two versions, because the answer
 * is at least a second younger (RFC 9110 section 8.8.2.2).
 */
export function validatorOf(headers: ReadonlyMap<string, string>): string | undefined {
	const etag = headers.get("etag");
	if (etag?.startsWith('"')) return short(etag);
	const changed = headers.get("last-modified") ?? "";
	const then = parseHTTPDate(changed);
	const now = parseHTTPDate(headers.get("date") ?? "");
	return then !== undefined && now !== undefined && now - then >= 1000 ? short(changed) : undefined;
}

function short(validator: string): string | undefined {
	return validator.length <= limits.validator ? validator : undefined;
}
