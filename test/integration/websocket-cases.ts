/**
 * Cases of the Autobahn test suite by their numbers, as far as they concern a client: what the server sends, how it cuts
 * it, and what a client has to do. Written from the suite's public description; payloads are our own.
 */
import { type FrameParts, frame, type Message } from "./websocket-raw";

/** How the bytes leave the server: together, frame by frame, or octet by octet; a number cuts into so many octets. */
export type Chop = "once" | "frames" | "octets" | number;

/** What a client does in the end. */
export type Ending =
	/** It answers the Close frame that the server sends when it has got what is expected. */
	| { readonly kind: "clean" }
	/** It gives up by itself, with one of these codes in its Close frame. */
	| { readonly kind: "fails"; readonly codes: readonly number[] }
	/** It answers the Close frame that is part of what is sent, with this code. */
	| { readonly kind: "answers"; readonly code: number };

export interface Case {
	readonly id: string;
	readonly title: string;
	readonly send: readonly FrameParts[];
	readonly chop: Chop;
	/** Messages that come back, whole and in order. */
	readonly echo: readonly Message[];
	readonly pongs: readonly string[];
	readonly ending: Ending;
	/** So many times in a row, each time when the echo of the one before has come. */
	readonly times?: number;
}

export const text = (content: string | Buffer, fin = true): FrameParts => ({
	opcode: 1,
	payload: Buffer.isBuffer(content) ? content : Buffer.from(content),
	fin,
});
export const binary = (payload: Buffer, fin = true): FrameParts => ({ opcode: 2, payload, fin });
export const more = (content: string | Buffer, fin = true): FrameParts => ({ ...text(content, fin), opcode: 0 });
export const ping = (content: string | Buffer = ""): FrameParts => ({ ...text(content), opcode: 9 });
export const pong = (content: string | Buffer = ""): FrameParts => ({ ...text(content), opcode: 10 });
export const close = (code?: number, reason: string | Buffer = ""): FrameParts => {
	const head = Buffer.alloc(code === undefined ? 0 : 2);
	if (code !== undefined) head.writeUInt16BE(code);
	return { opcode: 8, payload: Buffer.concat([head, Buffer.isBuffer(reason) ? reason : Buffer.from(reason)]) };
};

export const asText = (content: string | Buffer): Message => ({
	binary: false,
	payload: Buffer.isBuffer(content) ? content : Buffer.from(content),
});
export const asBinary = (payload: Buffer): Message => ({ binary: true, payload });

export const clean: Ending = { kind: "clean" };
/** A rule is broken. */
export const protocol: Ending = { kind: "fails", codes: [1002] };
/** Text is not UTF-8. */
export const badText: Ending = { kind: "fails", codes: [1007] };
export const answers = (code: number): Ending => ({ kind: "answers", code });

/** A case; what is not told is: in one go, nothing comes back, and a clean end. */
export const define = (id: string, title: string, send: readonly FrameParts[], rest: Partial<Case> = {}): Case => ({
	id,
	title,
	send,
	chop: "once",
	echo: [],
	pongs: [],
	ending: clean,
	...rest,
});

/** One message in fragments of so many bytes. */
export function fragments(message: Message, size: number): FrameParts[] {
	const { payload } = message;
	const parts: FrameParts[] = [];
	for (let at = 0; at === 0 || at < payload.length; at += size) {
		const opcode = at > 0 ? 0 : message.binary ? 2 : 1;
		parts.push({ opcode, fin: at + size >= payload.length, payload: payload.subarray(at, at + size) });
	}
	return parts;
}

/** The bytes of a case, in the pieces in which they are to be written. */
export function pieces({ send, chop }: Pick<Case, "send" | "chop">): readonly Buffer[] {
	const frames = send.map(frame);
	if (chop === "frames") return frames;
	const all = Buffer.concat(frames);
	if (chop === "once") return [all];
	const size = chop === "octets" ? 1 : chop;
	return Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.subarray(index * size, (index + 1) * size));
}
