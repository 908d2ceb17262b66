/**
 * Deadlines and limits of the HTTP client, each with the reason for its value. A client and a single request can
 * replace any of them.
 */
import { frozen } from "fleetling/frozen/frozen";

/** Deadlines in milliseconds. */
export interface Timeouts {
	/** Longest wait for the address of a host name. */
	readonly resolve: number;
	/** Longest wait for a connection, TLS handshake included. */
	readonly connect: number;
	/** Longest time in which the network takes no byte of a request that is being sent. */
	readonly send: number;
	/** Longest time from the last byte of the request to the last byte of the response's header section. */
	readonly headers: number;
	/** Longest silence of the peer inside a body. The clock stands while unread bytes wait for the caller. */
	readonly idle: number;
	/** Time for which an unused connection is kept open; 0 closes it after every response. */
	readonly keepAlive: number;
	/** Longest time for a request from the call to its last byte, time in the queue included; 0 for no limit. */
	readonly total: number;
}

export const defaultTimeouts: Timeouts = frozen({
	// A UDP resolver repeats a lost query a few times, some seconds apart.
	resolve: 10_000,
	// A full RSA handshake takes a slow chip up to 10 s, and lossy Wi-Fi repeats its packets.
	connect: 30_000,
	// TCP repeats a lost segment after 1, 3 and 7 s: a path that took nothing for 20 s has gone.
	send: 20_000,
	// Management servers answer within a second; one that has just been started may need 20.
	headers: 30_000,
	// As for `send`, with room for a storage back end that wakes up.
	idle: 30_000,
	// An open TLS session costs a device 20 to 40 KB: long enough for the calls of one poll, no longer.
	keepAlive: 15_000,
	total: 0,
});

/** Bounds on what a peer can make a client hold in memory. */
export interface Limits {
	/** Bytes of one header section, status line and line ends included. Also holds for the trailers. */
	readonly headerBytes: number;
	/** Bytes of one line. */
	readonly lineBytes: number;
	/** Number of fields in one header section. */
	readonly headerCount: number;
	/** Number of interim (1xx) responses before the final one. */
	readonly interim: number;
	/** Number of requests that may wait for the connection. */
	readonly queue: number;
}

export const defaultLimits: Limits = frozen({
	// What common servers send at most; a management server sends about 300 bytes.
	headerBytes: 8192,
	// A presigned link in a Location field is the longest line that is met in practice, about 2 KB.
	lineBytes: 4096,
	headerCount: 64,
	interim: 8,
	queue: 8,
});

/** Size of the window that headers and chunk sizes are read through: what a management server answers with fits. */
export const inputBytes = 512;

/** Body bytes that `exchange` holds at most when the caller sets no limit. */
export const defaultBodyLimit = 16_384;

/** Block size of `download` when the caller sets none: one flash sector. */
export const defaultBlockBytes = 4096;

/** Redirects that are followed at most when the caller sets no limit. */
export const defaultRedirects = 5;

/**
 * A body of a redirect or of an unwanted response up to this size is read and dropped, since that is cheaper than a
 * new connection; a longer one is cut off with its connection.
 */
export const drainBytes = 2048;

/**
 * Head and body go out in one write up to this size: one packet and one TLS record instead of two. Larger bodies are
 * written from where they are, without a copy.
 */
export const joinBytes = 4096;
