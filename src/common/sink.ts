/**
 * How a long body gets from a server to whoever wants it: in blocks through one reused buffer, without a promise or a
 * closure for each; and how it goes on where an earlier transfer of it was interrupted.
 */

/** What the server is about to send. */
export interface SinkHead {
	/** Where in the whole the bytes that follow begin; 0 when absent. */
	readonly start?: number;
	/** Where in the whole they end, when that is known not to be its end. */
	readonly end?: number;
	/** Bytes of the whole, where the sender tells it. */
	readonly length?: number;
	/** What the whole can be recognised by later, where the sender gives something that is strong enough. */
	readonly validator?: string;
}

/** A part of the whole. */
export interface Portion {
	readonly start: number;
	/** Exclusive; the end of the whole when absent. */
	readonly end?: number;
	/** The part is only of use if the whole is still the one with this validator. */
	readonly validator?: string;
}

/** Takes a long body. Whatever its methods throw ends the transfer and is what the transfer fails with. */
export interface Sink {
	/** Memory that the transfer fills and hands to `block`, again and again. */
	readonly buffer: Uint8Array;
	/** What is still wanted, asked before each transfer; the whole when absent. A server may send the whole all the same. */
	readonly missing?: Portion | undefined;
	/** Milliseconds that a transfer may take, asked before each; as long as it takes when absent. */
	readonly patience?: number;
	/** Before the first byte. */
	begin(head: SinkHead): void;
	/** The next bytes: all of `buffer`, less only at the end of the body. They are valid until it returns. */
	block(bytes: Uint8Array): void;
}
