import type { FleetlingError } from "fleetling/error/error";
import type { Timeouts } from "./limits";
import type { HeaderList } from "./redirect";

export type { HeaderList };

/** Headers of a response by their names in lower case. */
export type HeaderMap = ReadonlyMap<string, string>;

export interface RequestOptions {
	/** Default "GET". */
	readonly method?: string;
	/** Path and query, beginning with "/". */
	readonly path: string;
	/**
	 * Sent in this order after Host. Host, Content-Length, Transfer-Encoding and Connection belong to the client and
	 * are refused here.
	 */
	readonly headers?: HeaderList;
	/** Sent with its Content-Length; text as UTF-8. Must not change before the request is done. */
	readonly body?: string | ArrayBuffer | Uint8Array;
	/** For a body that is written bit by bit: its length. Goes with `onWritable`. */
	readonly bodyLength?: number;
	/** Called when `count` more bytes of the body can be given to `request.write`, until all are. */
	readonly onWritable?: (this: HTTPRequest, count: number) => void;
	/**
	 * Called when a kept connection turned out to be closed, and the body has to be written again from its first byte.
	 * Without it a request whose body has begun is not repeated.
	 */
	readonly onRestart?: (this: HTTPRequest) => void;
	/** Whether the request may be repeated when a kept connection breaks. Default: as the method is idempotent (RFC 9110 section 9.2.2). */
	readonly repeatable?: boolean;
	/** The response fields to keep, in lower case; all of them when absent. */
	readonly wanted?: readonly string[];
	readonly timeouts?: Partial<Timeouts>;
	/** Called once, when the header section of the final response is complete. */
	readonly onHeaders?: (this: HTTPRequest, status: number, headers: HeaderMap) => void;
	/**
	 * Called when bytes of the body have arrived; at least `count` can be read at once. Who reads until `read` returns 0
	 * misses nothing; unread bytes hold the peer back, and are not announced again until more arrive.
	 */
	readonly onReadable?: (this: HTTPRequest, count: number) => void;
	/** Called once at the end: without an error when the response is complete and has been read to its last byte. */
	readonly onDone?: (this: HTTPRequest, error?: FleetlingError) => void;
}

/** A request on its way, as `HTTPClient.request` returns it. */
export interface HTTPRequest {
	/** Whether the response is complete and all of its body has been read. */
	readonly complete: boolean;
	/** Length of the body by Content-Length; undefined before the headers and when the server does not say. */
	readonly contentLength: number | undefined;
	/**
	 * Copies bytes of the body into `buffer`, straight from the socket, as far as they have arrived.
	 *
	 * @returns number of bytes; 0 when there are none at the moment or no more at all (see `complete`)
	 */
	read(buffer: ArrayBuffer | Uint8Array): number;
	/**
	 * Sends a part of the body, at most as much as `onWritable` or the last `write` allowed.
	 *
	 * @returns how many more bytes can be written now
	 */
	write(bytes: ArrayBuffer | Uint8Array): number;
	/** Cancels the request. No callback follows. Idempotent. */
	close(): void;
}
