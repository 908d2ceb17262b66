/** The C part of this module. The numbers are those of tls-engine.h and tls-trust.h. */

/** Native memory that both C and JavaScript see. XS takes it where it takes an ArrayBuffer: `new Uint8Array(buffer, 0, count)`. */
export class Buffer {
	/** 0: what the peer sends; 1: what is sent to the peer. */
	constructor(direction: 0 | 1);
	/** Bytes. */
	readonly size: number;
	/** Views of it throw from now on. */
	close(): void;
}

/** 0 good, 1 no memory, 2 nothing is a certificate, 3 a certificate of the chain is unusable, 4 key unusable, 5 key of another certificate. */
export type Parsed = 0 | 1 | 2 | 3 | 4 | 5;

export class Trust {
	constructor();
	parse(pem: string): Parsed;
	/** Certificates in use. */
	readonly count: number;
	/** Certificates that the library cannot use. */
	readonly skipped: number;
	close(): void;
}

export class Identity {
	constructor();
	parse(certificate: string, key: string | ArrayBuffer | Uint8Array): Parsed;
	close(): void;
}

/** 0 needs input, -1 output must be sent first, -2 closed by the peer, -3 failed, -4 a session ticket has arrived. Bytes are positive. */
export type Status = number;

export type FailureReason =
	| "untrusted"
	| "wrong-name"
	| "expired"
	| "not-yet-valid"
	| "bad-usage"
	| "weak"
	| "handshake"
	| "refused"
	| "alert"
	| "forged"
	| "garbage"
	| "protocol"
	| "memory";

export interface NativeFailure {
	readonly reason: FailureReason;
	/** The library's number, negative. */
	readonly code: number;
	/** The alert that the peer sent (RFC 8446 section 6). */
	readonly alert?: number;
	/** The certificate that verification stumbled over. Seconds since 1970. */
	readonly subject?: string;
	readonly issuer?: string;
	readonly notBefore?: number;
	readonly notAfter?: number;
	/** How the peer's answer began, when it was not TLS. */
	readonly excerpt?: string;
}

export interface EngineOptions {
	readonly trust: Trust;
	readonly identity?: Identity | undefined;
	readonly input: Buffer;
	readonly output: Buffer;
	/** Exactly one of `name` and `address`. */
	readonly name?: string | undefined;
	readonly address?: Uint8Array | undefined;
	/** Seconds since 1970. */
	readonly now: number;
	readonly session?: ArrayBuffer | Uint8Array | undefined;
	readonly fragment?: number | undefined;
}

/** One connection; see tls-engine.h. */
export class Engine {
	constructor(options: EngineOptions);
	close(): void;
	/** `count` bytes at the start of the input buffer are new. */
	fill(count: number): void;
	/** Bytes at the start of the output buffer. */
	readonly pending: number;
	/** Takes bytes out of the output buffer; returns how many are left. */
	sent(count: number): number;
	/** One step of the handshake: 1 call again, 2 done, or a status. */
	step(): Status;
	/** Bytes of plaintext that can be read now, or a status. */
	peek(): Status;
	read(buffer: ArrayBuffer | Uint8Array): Status;
	/** Bytes that can be written now. */
	readonly writable: number;
	write(buffer: ArrayBuffer | Uint8Array): Status;
	/** Tells the peer that this is the end. */
	end(): void;
	session(): ArrayBuffer | undefined;
	failure(): NativeFailure;
	readonly resumed: boolean;
	readonly protocol: string | undefined;
	readonly cipherSuite: string | undefined;
}
