/**
 * How a long body gets from a server to whoever wants it: in blocks through one reused buffer, without a promise or a
 * closure for each.
 */

export interface SinkHead {
	/** Bytes that follow, where the sender tells it. */
	readonly length?: number;
}

/** Takes a long body. Whatever its methods throw ends the transfer and is what the transfer fails with. */
export interface Sink {
	/** Memory that the transfer fills and hands to `block`, again and again. */
	readonly buffer: Uint8Array;
	/** Before the first byte. */
	begin(head: SinkHead): void;
	/** The next bytes: all of `buffer`, less only at the end of the body. They are valid until it returns. */
	block(bytes: Uint8Array): void;
}
