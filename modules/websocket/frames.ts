/** Headers of the frames that come in (RFC 6455 section 5.2). */
import { frozen } from "fleetling/frozen/frozen";
import { closeCodes } from "./closing";
import { violation, WebSocketError } from "./failure";

export const opcodes = frozen({ continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const);
export type Opcode = (typeof opcodes)[keyof typeof opcodes];

const known: readonly number[] = frozen(Object.values(opcodes));
/** Opcodes from here on are of control frames. */
const firstControl = 8;
const longestControl = 125;
/** Values of the second byte that say how many bytes the length has, and the smallest length that needs so many. */
const extended: Readonly<Record<number, { readonly bytes: number; readonly least: number }>> = frozen({
	126: { bytes: 2, least: 126 },
	127: { bytes: 8, least: 65_536 },
});

export interface FrameLimits {
	readonly frameBytes: number;
	readonly messageBytes: number;
}

type State = "first" | "second" | "length" | "payload";

/**
 * Reads the headers of frames, wherever they are cut, and keeps account of the message that fragments belong to.
 *
 * It does no input of its own, and payloads never pass through it: when `inPayload`, the next `remaining` bytes of the
 * connection are payload, which the owner moves where they belong and reports through `advance`; then `next`.
 */
export class FrameParser {
	/** Bytes of the payload that are still to come. */
	remaining = 0;
	/** Of the frame whose payload comes next. */
	opcode: Opcode = opcodes.continuation;
	/** Whether it is the last frame of its message. */
	fin = true;
	/** Whether the message that is under way is binary. Meaningful in the payload of a data frame. */
	binary = false;

	#state: State = "first";
	/** Whether a message has begun and not ended. */
	#open = false;
	/** Bytes of the message, the frame under way included. */
	#message = 0;
	/** Bytes of an extended length that are still to come. */
	#missing = 0;
	#least = 0;
	readonly #limits: FrameLimits;
	readonly #peer: string;

	/** @param peer what to call the server in errors */
	constructor(limits: FrameLimits, peer: string) {
		this.#limits = limits;
		this.#peer = peer;
	}

	/** Whether a header is complete, and its payload or its end comes next. */
	get inPayload(): boolean {
		return this.#state === "payload";
	}

	get isControl(): boolean {
		return this.opcode >= firstControl;
	}

	/**
	 * Takes a header from `bytes`, from `start` to before `end`, and stops where the payload begins.
	 *
	 * @returns the index of the first byte that was not taken
	 * @throws WebSocketError as soon as a byte breaks a rule or a limit; the connection is of no use then
	 */
	feed(bytes: Uint8Array, start: number, end: number): number {
		while (start < end && this.#state !== "payload") {
			const byte = bytes[start++] ?? 0;
			switch (this.#state) {
				case "first":
					this.first(byte);
					break;
				case "second":
					this.second(byte);
					break;
				default:
					this.length(byte);
			}
		}
		return start;
	}

	/** Reports that `count` bytes of the payload have been moved. */
	advance(count: number): void {
		this.remaining -= count;
	}

	/** Reports that the frame has been dealt with. */
	next(): void {
		this.#state = "first";
		if (this.isControl || !this.fin) return;
		this.#open = false;
		this.#message = 0;
	}

	private first(byte: number): void {
		if ((byte & 0x70) !== 0) throw violation(this.#peer, "a frame with a reserved bit set");
		const opcode = byte & 0x0f;
		if (!known.includes(opcode)) throw violation(this.#peer, `a frame with the reserved opcode ${opcode}`);
		this.fin = (byte & 0x80) !== 0;
		this.opcode = opcode as Opcode;
		if (this.isControl) {
			if (!this.fin) throw violation(this.#peer, "a control frame in fragments");
		} else if (opcode === opcodes.continuation) {
			if (!this.#open) throw violation(this.#peer, "the continuation of no message");
		} else {
			if (this.#open) throw violation(this.#peer, "a message within another");
			this.binary = opcode === opcodes.binary;
			this.#open = true;
		}
		this.#state = "second";
	}

	private second(byte: number): void {
		if ((byte & 0x80) !== 0) throw violation(this.#peer, "a masked frame");
		if (this.isControl && byte > longestControl) throw violation(this.#peer, "a control frame of more than 125 bytes");
		const form = extended[byte];
		if (form === undefined) {
			this.begin(byte);
			return;
		}
		this.remaining = 0;
		this.#missing = form.bytes;
		this.#least = form.least;
		this.#state = "length";
	}

	/** Most significant byte first. Numbers above 2^53 lose their last digits, but are beyond any limit all the same. */
	private length(byte: number): void {
		if (this.#missing === 8 && byte >= 0x80) throw violation(this.#peer, "a frame with a negative length");
		this.remaining = this.remaining * 256 + byte;
		if (--this.#missing > 0) return;
		if (this.remaining < this.#least) throw violation(this.#peer, "a length in more bytes than it needs");
		this.begin(this.remaining);
	}

	private begin(length: number): void {
		if (!this.isControl) {
			this.#message += length;
			const { frameBytes, messageBytes } = this.#limits;
			if (length > frameBytes) throw this.tooLarge("frame", frameBytes);
			if (this.#message > messageBytes) throw this.tooLarge("message", messageBytes);
		}
		this.remaining = length;
		this.#state = "payload";
	}

	private tooLarge(what: "frame" | "message", limit: number): WebSocketError {
		return new WebSocketError(
			"websocket.too-large",
			closeCodes.tooLarge,
			`${what} of more than ${limit} bytes`,
			`${this.#peer} sent a ${what} of more than ${limit} bytes; raise limits.${what}Bytes if the server is right`,
		);
	}
}
