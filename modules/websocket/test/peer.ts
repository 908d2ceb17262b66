/** A server's side of WebSocket: frames as it builds them, also wrong ones, and as it takes them apart. */
import { ascii, join } from "./octets";

export interface FrameParts {
	readonly opcode: number;
	readonly payload?: Uint8Array;
	readonly fin?: boolean;
	/** The three reserved bits, 1 to 7. */
	readonly reserved?: number;
	readonly mask?: readonly [number, number, number, number];
	/** Bytes of the length, when it is not the right number of them: 0, 2 or 8. */
	readonly form?: 0 | 2 | 8;
	/** Instead of the real one. */
	readonly length?: number;
}

/** A frame as a server sends it, unless the parts say otherwise. */
export function frame({
	opcode,
	payload = new Uint8Array(0),
	fin = true,
	reserved = 0,
	mask,
	form,
	length = payload.length,
}: FrameParts): Uint8Array {
	const bytes = form ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8);
	const head = [(fin ? 0x80 : 0) | (reserved << 4) | opcode, mask ? 0x80 : 0];
	head[1] = (head[1] ?? 0) | (bytes === 0 ? length : bytes === 2 ? 126 : 127);
	for (let i = bytes - 1; i >= 0; i--) head.push(Math.floor(length / 256 ** i) % 256);
	if (!mask) return join(Uint8Array.from(head), payload);
	return join(
		Uint8Array.from([...head, ...mask]),
		payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0)),
	);
}

export const text = (content: string | Uint8Array, fin = true): Uint8Array =>
	frame({ opcode: 1, payload: typeof content === "string" ? ascii(content) : content, fin });
export const binary = (payload: Uint8Array, fin = true): Uint8Array => frame({ opcode: 2, payload, fin });
export const continuation = (content: string | Uint8Array, fin = true): Uint8Array =>
	frame({ opcode: 0, payload: typeof content === "string" ? ascii(content) : content, fin });
export const ping = (content = ""): Uint8Array => frame({ opcode: 9, payload: ascii(content) });
export const pong = (content = ""): Uint8Array => frame({ opcode: 10, payload: ascii(content) });
export const close = (code?: number, reason = ""): Uint8Array =>
	frame({ opcode: 8, payload: code === undefined ? ascii(reason) : join(Uint8Array.of(code >> 8, code & 255), ascii(reason)) });

export interface ClientFrame {
	readonly opcode: number;
	readonly fin: boolean;
	readonly payload: Uint8Array;
	readonly mask: string;
	/** Bytes of the whole frame. */
	readonly size: number;
}

/** Takes apart what a client has sent, and throws when a rule for clients is broken. */
export class ClientFrames {
	readonly frames: ClientFrame[] = [];
	#rest: Uint8Array = new Uint8Array(0);
	#fragmented = false;

	/** Bytes of a frame that is not complete. */
	get rest(): number {
		return this.#rest.length;
	}

	feed(bytes: Uint8Array): void {
		this.#rest = join(this.#rest, bytes);
		for (let size = this.#one(); size > 0; size = this.#one()) this.#rest = this.#rest.slice(size);
	}

	/** Takes one frame; returns its size, or 0 when it is not complete. */
	#one(): number {
		const bytes = this.#rest;
		const [first, second] = bytes;
		if (first === undefined || second === undefined) return 0;
		if (this.frames.some(({ opcode }) => opcode === 8)) throw new Error("a frame after the Close frame");
		const opcode = first & 15;
		const fin = (first & 0x80) !== 0;
		if ((first & 0x70) !== 0) throw new Error("a reserved bit is set");
		if (![0, 1, 2, 8, 9, 10].includes(opcode)) throw new Error(`opcode ${opcode}`);
		if ((second & 0x80) === 0) throw new Error("a frame without a mask");
		const short = second & 127;
		const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
		if (bytes.length < 2 + extra + 4) return 0;
		let length = extra === 0 ? short : 0;
		for (let i = 0; i < extra; i++) length = length * 256 + (bytes[2 + i] ?? 0);
		if (extra > 0 && length < (extra === 2 ? 126 : 65_536)) throw new Error("a length in more bytes than it needs");
		if (opcode >= 8 && (!fin || length > 125)) throw new Error("a control frame that is fragmented or too long");
		if (opcode < 8 && (opcode === 0) !== this.#fragmented)
			throw new Error("a continuation without a beginning, or the other way round");
		const start = 2 + extra + 4;
		if (bytes.length < start + length) return 0;
		if (opcode < 8) this.#fragmented = !fin;
		const mask = bytes.slice(start - 4, start);
		const payload = bytes.slice(start, start + length).map((byte, index) => byte ^ (mask[index & 3] ?? 0));
		this.frames.push({ opcode, fin, payload, mask: mask.join(" "), size: start + length });
		return start + length;
	}

	/** Complete messages, in order. */
	get messages(): readonly { readonly binary: boolean; readonly payload: Uint8Array }[] {
		const messages: { readonly binary: boolean; readonly payload: Uint8Array }[] = [];
		let parts: Uint8Array[] = [];
		let isBinary = false;
		for (const { opcode, fin, payload } of this.frames) {
			if (opcode >= 8) continue;
			if (opcode !== 0) isBinary = opcode === 2;
			parts.push(payload);
			if (!fin) continue;
			messages.push({ binary: isBinary, payload: join(...parts) });
			parts = [];
		}
		return messages;
	}

	of(opcode: number): readonly ClientFrame[] {
		return this.frames.filter((sent) => sent.opcode === opcode);
	}
}
