import { assert } from "chai";
import { WebSocketError } from "fleetling/websocket/failure";
import { FrameParser } from "fleetling/websocket/frames";
import { describe, it } from "test/harness";
import { hex, join, pattern } from "./octets";
import { binary, close, continuation, frame, ping, text } from "./peer";

const limits = { frameBytes: 100_000, messageBytes: 150_000 };

interface Header {
	readonly opcode: number;
	readonly fin: boolean;
	readonly length: number;
	readonly binary?: boolean;
}

type Outcome = { readonly headers: readonly Header[] } | { readonly code: string; readonly closeCode: number };

/** Feeds `bytes`, cut at `cuts`, as a connection does. */
function parse(bytes: Uint8Array, cuts: readonly number[] = []): Outcome {
	const parser = new FrameParser(limits, "server.test");
	const headers: Header[] = [];
	const piece = (start: number, end: number): void => {
		while (start < end) {
			if (!parser.inPayload) {
				start = parser.feed(bytes, start, end);
				if (!parser.inPayload) return;
				const { opcode, fin, remaining, isControl } = parser;
				headers.push({ opcode, fin, length: remaining, ...(isControl ? {} : { binary: parser.binary }) });
			}
			const count = Math.min(parser.remaining, end - start);
			parser.advance(count);
			start += count;
			if (parser.remaining === 0) parser.next();
		}
	};
	try {
		const edges = [0, ...cuts, bytes.length];
		for (let i = 1; i < edges.length; i++) piece(edges[i - 1] ?? 0, edges[i] ?? 0);
	} catch (error) {
		if (!(error instanceof WebSocketError)) throw error;
		return { code: error.code, closeCode: error.closeCode };
	}
	return { headers };
}

const accepted = (...headers: readonly Header[]): Outcome => ({ headers });
const protocol: Outcome = { code: "websocket.protocol", closeCode: 1002 };
const tooLarge: Outcome = { code: "websocket.too-large", closeCode: 1009 };
const textOf = (length: number, fin = true): Header => ({ opcode: 1, fin, length, binary: false });

const cases: readonly (readonly [name: string, bytes: Uint8Array, outcome: Outcome])[] = [
	["an empty text", hex("8100"), accepted(textOf(0))],
	["RFC 6455 section 5.7: a text", hex("8105 48656c6c6f"), accepted(textOf(5))],
	[
		"RFC 6455 section 5.7: a text in two fragments",
		hex("0103 48656c 8002 6c6f"),
		accepted(textOf(3, false), { opcode: 0, fin: true, length: 2, binary: false }),
	],
	["RFC 6455 section 5.7: a ping", hex("8905 48656c6c6f"), accepted({ opcode: 9, fin: true, length: 5 })],
	["RFC 6455 section 5.7: 256 bytes", binary(pattern(256)), accepted({ opcode: 2, fin: true, length: 256, binary: true })],
	["RFC 6455 section 5.7: 64 KiB", binary(pattern(65_536)), accepted({ opcode: 2, fin: true, length: 65_536, binary: true })],
	["125 bytes", binary(pattern(125)), accepted({ opcode: 2, fin: true, length: 125, binary: true })],
	["126 bytes", binary(pattern(126)), accepted({ opcode: 2, fin: true, length: 126, binary: true })],
	["65,535 bytes", binary(pattern(65_535)), accepted({ opcode: 2, fin: true, length: 65_535, binary: true })],
	["100,000 bytes, the limit", binary(pattern(100_000)), accepted({ opcode: 2, fin: true, length: 100_000, binary: true })],
	[
		"control frames within a message",
		join(text("a", false), ping("x"), continuation("b", false), ping(), continuation("c")),
		accepted(
			textOf(1, false),
			{ opcode: 9, fin: true, length: 1 },
			{ opcode: 0, fin: false, length: 1, binary: false },
			{ opcode: 9, fin: true, length: 0 },
			{ opcode: 0, fin: true, length: 1, binary: false },
		),
	],
	[
		"the kind of a message is that of its first frame",
		join(binary(pattern(1), false), continuation("b"), text("c"), binary(pattern(2))),
		accepted({ opcode: 2, fin: false, length: 1, binary: true }, { opcode: 0, fin: true, length: 1, binary: true }, textOf(1), {
			opcode: 2,
			fin: true,
			length: 2,
			binary: true,
		}),
	],
	["a close frame", close(1000, "bye"), accepted({ opcode: 8, fin: true, length: 5 })],
	["a control frame of 125 bytes", frame({ opcode: 9, payload: pattern(125) }), accepted({ opcode: 9, fin: true, length: 125 })],
	...[1, 2, 3, 4, 5, 6, 7].map((reserved) => [`reserved bits ${reserved}`, frame({ opcode: 1, reserved }), protocol] as const),
	...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`opcode ${opcode}`, frame({ opcode }), protocol] as const),
	["a masked frame", frame({ opcode: 1, payload: pattern(3), mask: [1, 2, 3, 4] }), protocol],
	["a masked frame without a payload", frame({ opcode: 1, mask: [0, 0, 0, 0] }), protocol],
	["a continuation of nothing", continuation("a"), protocol],
	["a continuation of nothing, not the last", continuation("a", false), protocol],
	["a continuation after the last", join(text("a", false), continuation("b"), continuation("c")), protocol],
	["a text within a text", join(text("a", false), text("b")), protocol],
	["a binary message within a text", join(text("a", false), binary(pattern(1))), protocol],
	["a ping in fragments", frame({ opcode: 9, fin: false }), protocol],
	["a pong in fragments", frame({ opcode: 10, fin: false }), protocol],
	["a close in fragments", frame({ opcode: 8, fin: false }), protocol],
	["a ping of 126 bytes", frame({ opcode: 9, payload: pattern(126) }), protocol],
	["a ping whose length has eight bytes", frame({ opcode: 9, payload: pattern(5), form: 8 }), protocol],
	["125 as a length of two bytes", frame({ opcode: 2, payload: pattern(125), form: 2 }), protocol],
	["0 as a length of two bytes", frame({ opcode: 2, form: 2 }), protocol],
	["65,535 as a length of eight bytes", frame({ opcode: 2, payload: pattern(65_535), form: 8 }), protocol],
	["a negative length", hex("827f 8000000000000001"), protocol],
	["one byte too many for a frame", frame({ opcode: 2, length: 100_001 }), tooLarge],
	["the largest length there is", hex("827f 7fffffffffffffff"), tooLarge],
	["a length of 2^53 + 1", hex("827f 0020000000000001"), tooLarge],
	[
		"a message that is too long in its second frame",
		join(binary(pattern(90_000), false), frame({ opcode: 0, length: 60_001 })),
		tooLarge,
	],
	[
		"a message that fills its limit, and another",
		join(binary(pattern(90_000), false), continuation(pattern(60_000)), binary(pattern(100_000))),
		accepted(
			{ opcode: 2, fin: false, length: 90_000, binary: true },
			{ opcode: 0, fin: true, length: 60_000, binary: true },
			{ opcode: 2, fin: true, length: 100_000, binary: true },
		),
	],
];

describe("websocket/frames", () => {
	for (const [name, bytes, outcome] of cases) {
		it(name, () => {
			assert.deepEqual(parse(bytes), outcome);
			const cuts = bytes.length < 400 ? bytes.length : 20;
			for (let cut = 0; cut <= cuts; cut++) assert.deepEqual(parse(bytes, [cut]), outcome, `cut at ${cut}`);
			if (bytes.length < 400) assert.deepEqual(parse(bytes, [...bytes.keys()]), outcome, "byte by byte");
		});
	}
	it("finds a fault at the first byte that shows it", () => {
		const faults: readonly (readonly [string, number])[] = [
			["48", 1],
			["83", 1],
			["80", 1],
			["09", 1],
			["8180", 2],
			["897e", 2],
			["827f80", 3],
			["827e007d", 4],
			["827f000000000000ffff", 10],
			["827f00000000000186a1", 10],
		];
		for (const [bytes, at] of faults) {
			const parser = new FrameParser(limits, "server.test");
			const all = hex(bytes);
			assert.equal(parser.feed(all, 0, at - 1), at - 1, bytes);
			assert.throws(() => parser.feed(all, at - 1, at), WebSocketError, undefined, bytes);
		}
	});
	it("takes nothing beyond the header", () => {
		const parser = new FrameParser(limits, "server.test");
		const bytes = text("payload");
		assert.equal(parser.feed(bytes, 0, bytes.length), 2);
		assert.equal(parser.feed(bytes, 2, bytes.length), 2);
	});
	it("names the peer and what it did, but nothing of its bytes", () => {
		const parser = new FrameParser(limits, "server.test:81");
		assert.throws(() => parser.feed(hex("c1"), 0, 1), /server\.test:81 sent a frame with a reserved bit set/);
	});
});
