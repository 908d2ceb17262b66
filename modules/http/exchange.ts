import { FleetlingError } from "fleetling/error/error";
import TextDecoder from "text/decoder";
import { type BodySource, sendFrom } from "./body";
import type { HTTPClient } from "./client";
import { parseHTTPDate, parseRetryAfter } from "./dates";
import { defaultBlockBytes, defaultBodyLimit, defaultRedirects, type Timeouts } from "./limits";
import { type BlockResult, type Cancel, type Pumped, pump, type ResponseHead, type Sink } from "./pump";
import { type HeaderList, isRedirect, redirect } from "./redirect";
import { originOf, type ParsedURL, parseURL, resolveURL } from "./url";

/** An HTTPClient, for its own origin, or an HTTPPool, for all. */
export interface ClientSource {
	/** The origin that links without one belong to. */
	readonly base: Omit<ParsedURL, "path"> | undefined;
	clientFor(url: ParsedURL): HTTPClient;
}

/** What `exchange` and `download` ask for. */
export interface FetchOptions {
	/** An absolute link; with an HTTPClient also a path that begins with "/". */
	readonly url: string;
	/** Default "GET". */
	readonly method?: string;
	readonly headers?: HeaderList;
	readonly body?: string | ArrayBuffer | Uint8Array;
	/** In place of `body`: one that is not held in memory. */
	readonly source?: BodySource;
	/** The response fields to keep, in lower case; all of them when absent. */
	readonly wanted?: readonly string[];
	readonly timeouts?: Partial<Timeouts>;
	/** Redirects that are followed, default 5; 0 gives the redirecting response itself. */
	readonly redirects?: number;
	/** Fields that are never sent to another origin; see defaultSensitive. */
	readonly sensitive?: readonly string[];
	/** The body is for the origin of `url` alone: a redirect that would repeat it to another is refused. */
	readonly confined?: boolean;
	/** See RequestOptions. */
	readonly repeatable?: boolean;
	/** Ends it with the reason of the cancellation. */
	readonly cancel?: Cancel;
}

export interface FetchedHead extends ResponseHead {
	/** Where the response came from, after redirects. */
	readonly url: ParsedURL;
}

/** The outcome of `exchange`. Any status is a response, not an error. */
export interface HTTPResponse extends FetchedHead {
	readonly body: Uint8Array;
	/** Whether the body of an error response was longer than the limit, and has been cut. */
	readonly truncated: boolean;
	/** Milliseconds since 1970 by the server's Date field. */
	readonly date: number | undefined;
	/** Milliseconds to wait by the server's Retry-After field. */
	readonly retryAfter: number | undefined;
	/** The body as UTF-8. What is not valid becomes U+FFFD; nothing is assumed about it, least of all that it is JSON. */
	text(): string;
}

export interface ExchangeOptions extends FetchOptions {
	/** Bytes of body that are held at most, default 16 KiB. */
	readonly limit?: number;
}

export interface DownloadOptions extends FetchOptions {
	/** Memory for one block, default 4096 bytes of its own. */
	readonly buffer?: Uint8Array;
	/** Decides by the headers whether the body is wanted; without it, the body of a 2xx response is. Throwing ends the download. */
	readonly onHead?: (head: FetchedHead) => boolean;
	/**
	 * Takes the next bytes of the body: all of `buffer`, less only at the end. They are valid until it returns or its promise
	 * is kept; until then nothing more is read. False ends the download without an error.
	 */
	readonly onBlock: (bytes: Uint8Array) => BlockResult;
}

/** The outcome of `download`. Any status is an outcome, not an error. */
export interface Downloaded extends FetchedHead, Pumped {}

/**
 * Sends a request and collects the response, following redirects.
 *
 * @returns broken with a FleetlingError when there is no response, or when a successful one exceeds `limit`
 * (http.body-too-large). An error response that does is cut: its status matters more than its text.
 */
export async function exchange(source: ClientSource, options: ExchangeOptions): Promise<HTTPResponse> {
	const { limit = defaultBodyLimit } = options;
	let collector: Collector | undefined;
	const wanted = options.wanted === undefined ? undefined : [...options.wanted, "date", "retry-after"];
	const { status, headers, contentLength, url } = await follow(
		source,
		wanted === undefined ? options : { ...options, wanted },
		(found) => {
			collector = new Collector(found, limit);
			return collector.buffer.length > 0 ? collector : undefined;
		},
	);
	const body = collector?.bytes ?? new Uint8Array(0);
	const date = parseHTTPDate(headers.get("date") ?? "");
	return {
		status,
		headers,
		contentLength,
		url,
		body,
		truncated: collector?.truncated ?? false,
		date,
		retryAfter: parseRetryAfter(headers.get("retry-after") ?? "", date),
		text: () => new TextDecoder().decode(body),
	};
}

/**
 * Sends a request and streams the body of the response in blocks, following redirects. Memory use does not depend on the
 * length of the body.
 */
export async function download(source: ClientSource, options: DownloadOptions): Promise<Downloaded> {
	const { onBlock, onHead = (head) => head.status >= 200 && head.status <= 299 } = options;
	const buffer = options.buffer ?? new Uint8Array(defaultBlockBytes);
	if (buffer.length === 0) throw new FleetlingError("http.bad-request", "the buffer of a download has no room for a single byte");
	return follow(source, options, (head) => (onHead(head) ? { buffer, block: onBlock } : undefined));
}

async function follow(
	source: ClientSource,
	options: FetchOptions,
	accept: (head: FetchedHead) => Sink | undefined,
): Promise<Downloaded> {
	// A request goes through many hands until it is on its way, and the stack of a device is short: it starts from an empty one.
	await undefined;
	const { body, source: stream, redirects = defaultRedirects, sensitive, confined, timeouts = {}, repeatable, cancel } = options;
	const wanted = options.wanted === undefined ? undefined : [...options.wanted, "location"];
	let url = source.base === undefined ? parseURL(options.url) : resolveURL({ ...source.base, path: "/" }, options.url);
	let request = {
		method: options.method ?? "GET",
		headers: options.headers ?? [],
		body: body !== undefined || stream !== undefined,
	};
	for (let hop = 0; ; hop++) {
		let head: FetchedHead | undefined;
		let location: string | undefined;
		const pumped = await pump(
			source.clientFor(url),
			{
				method: request.method,
				path: url.path,
				headers: request.headers,
				timeouts,
				...(request.body && (stream !== undefined ? sendFrom(stream) : body !== undefined && { body })),
				...(wanted !== undefined && { wanted }),
				...(repeatable !== undefined && { repeatable }),
				...(cancel !== undefined && { cancel }),
			},
			(found) => {
				head = { ...found, url };
				location = redirects > 0 && isRedirect(found.status) ? found.headers.get("location") : undefined;
				return location === undefined ? accept(head) : undefined;
			},
		);
		if (head === undefined)
			throw new FleetlingError("net.closed", `${originOf(url)} ended the connection without an answer; try again later`);
		if (location === undefined) return { ...head, ...pumped };
		if (hop >= redirects) {
			throw new FleetlingError(
				"http.redirect-limit",
				`${originOf(url)} redirects for the ${hop + 1}th time; correct the link or the server`,
			);
		}
		const next = redirect(url, request, head.status, location, sensitive);
		const keeps = next.body && request.body;
		if (keeps && confined && originOf(next.url) !== originOf(url)) {
			throw new FleetlingError(
				"http.redirect-refused",
				`${originOf(url)} redirects to ${originOf(next.url)} what is for itself alone; correct the address or the server`,
			);
		}
		url = next.url;
		request = { method: next.method, headers: next.headers, body: keeps };
	}
}

/** First memory for a body of unknown length. */
const firstCollected = 512;

/** Collects a body. Its length, where known, is allocated at once, and the socket writes into it directly. */
class Collector implements Sink {
	readonly buffer: Uint8Array;
	truncated = false;
	#store: Uint8Array | undefined;
	#length = 0;
	readonly #limit: number;
	/** Whether the body may be cut. */
	readonly #lenient: boolean;

	constructor(head: ResponseHead, limit: number) {
		const { contentLength } = head;
		this.#limit = limit;
		this.#lenient = head.status >= 400;
		if (contentLength !== undefined && contentLength > limit && !this.#lenient) throw this.tooLarge();
		this.truncated = contentLength !== undefined && contentLength > limit;
		this.buffer = new Uint8Array(contentLength === undefined ? firstCollected : Math.min(contentLength, limit));
		if (contentLength === undefined) this.#store = new Uint8Array(0);
	}

	get bytes(): Uint8Array {
		return (this.#store ?? this.buffer).subarray(0, this.#length);
	}

	block(bytes: Uint8Array): boolean {
		if (this.#store === undefined) {
			this.#length = bytes.length;
			return !this.truncated;
		}
		if (this.#length + bytes.length > this.#limit) {
			if (!this.#lenient) throw this.tooLarge();
			this.truncated = true;
			this.append(bytes.subarray(0, this.#limit - this.#length));
			return false;
		}
		this.append(bytes);
		return true;
	}

	private append(bytes: Uint8Array): void {
		const needed = this.#length + bytes.length;
		let store = this.#store ?? new Uint8Array(0);
		if (store.length < needed) {
			const larger = new Uint8Array(Math.min(this.#limit, Math.max(needed, store.length * 2)));
			larger.set(store.subarray(0, this.#length));
			this.#store = store = larger;
		}
		store.set(bytes, this.#length);
		this.#length = needed;
	}

	private tooLarge(): FleetlingError {
		return new FleetlingError(
			"http.body-too-large",
			`the response has more than the ${this.#limit} bytes of body that are expected; check that the link is right`,
		);
	}
}
