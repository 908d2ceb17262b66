/**
 * What a client has to make of a stream of frames: RFC 6455 once more, written from the end of the stream instead of its
 * beginning. All bytes are there, so this needs no states.
 */
import { textOf } from "./octets";

export interface Expected {
	/** Complete messages, "text:…" or "binary:…". */
	readonly messages: readonly string[];
	/** Payloads of pings, in order. */
	readonly pings: readonly string[];
	/** "close 1000", "websocket.protocol" and the like. */
	readonly end: string;
}

export interface ModelLimits {
	readonly frameBytes: number;
	readonly messageBytes: number;
}

/** Index of the first byte with which `bytes` cannot be UTF-8 any more, their length when there is none. */
function firstInvalid(bytes: Uint8Array): { readonly at: number; readonly complete: boolean } {
	let at = 0;
	while (at < bytes.length) {
		const lead = bytes[at] ?? 0;
		const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
		if (length === 0) return { at, complete: false };
		for (let i = 1; i < length; i++) {
			const byte = bytes[at + i];
			if (byte === undefined) return { at: bytes.length, complete: false };
			const value = ((lead & (0xff >> (length + 1))) << 6) | (byte & 0x3f);
			// After two bytes it is known whether the character is too long a form, a surrogate or beyond Unicode.
			const bad =
				i === 1 &&
				length > 2 &&
				(length === 3 ? value < 0x20 || (value >= 0x360 && value < 0x380) : value < 0x10 || value >= 0x110);
			if ((byte & 0xc0) !== 0x80 || bad) return { at: at + i, complete: false };
		}
		at += length;
	}
	return { at, complete: true };
}

const validCode = (code: number): boolean =>
	(code >= 3000 && code < 5000) || (code >= 1000 && code < 1015 && code !== 1004 && code !== 1005 && code !== 1006);

export function expect(stream: Uint8Array, limits: ModelLimits): Expected {
	const messages: string[] = [];
	const pings: string[] = [];
	const finish = (end: string): Expected => ({ messages, pings, end });
	let at = 0;
	let open: { readonly binary: boolean; readonly parts: number[] } | undefined;
	for (;;) {
		const [first, second] = [stream[at], stream[at + 1]];
		if (first === undefined) return finish("websocket.lost");
		if (textOf(stream.subarray(at, at + 7)) === "HTTP/1.") return finish("http");
		const opcode = first & 15;
		const fin = first >= 128;
		const control = opcode >= 8;
		if ((first & 0x70) !== 0 || (opcode > 2 && opcode < 8) || opcode > 10) return finish("websocket.protocol");
		if (control ? !fin : (opcode === 0) !== (open !== undefined)) return finish("websocket.protocol");
		if (second === undefined) return finish("websocket.lost");
		if (second >= 128 || (control && second > 125)) return finish("websocket.protocol");
		const size = second === 126 ? 2 : second === 127 ? 8 : 0;
		let length = size === 0 ? second : 0;
		for (let i = 0; i < size; i++) {
			const byte = stream[at + 2 + i];
			if (byte === undefined) return finish("websocket.lost");
			if (i === 0 && size === 8 && byte >= 128) return finish("websocket.protocol");
			length = length * 256 + byte;
		}
		if (size > 0 && length < (size === 2 ? 126 : 65_536)) return finish("websocket.protocol");
		if (!control && (length > limits.frameBytes || length + (open?.parts.length ?? 0) > limits.messageBytes))
			return finish("websocket.too-large");
		at += 2 + size;
		const payload = stream.subarray(at, at + length);
		at += length;
		if (control) {
			if (payload.length < length) return finish("websocket.lost");
			if (opcode === 9) pings.push(textOf(payload));
			if (opcode !== 8) continue;
			if (length === 0) return finish("close 1005");
			const code = (payload[0] ?? 0) * 256 + (payload[1] ?? 0);
			if (length === 1 || !validCode(code)) return finish("websocket.protocol");
			return finish(firstInvalid(payload.subarray(2)).complete ? `close ${code}` : "websocket.bad-text");
		}
		open ??= { binary: opcode === 2, parts: [] };
		for (const byte of payload) open.parts.push(byte);
		const bytes = Uint8Array.from(open.parts);
		const check = open.binary ? { at: bytes.length, complete: true } : firstInvalid(bytes);
		if (check.at < bytes.length) return finish("websocket.bad-text");
		if (payload.length < length) return finish("websocket.lost");
		if (!fin) continue;
		if (!check.complete) return finish("websocket.bad-text");
		messages.push(`${open.binary ? "binary" : "text"}:${textOf(bytes)}`);
		open = undefined;
	}
}
