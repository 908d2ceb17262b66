/** Autobahn's sections 1 to 5 and 10: framing, pings and pongs, reserved bits, opcodes, fragmentation. */
import {
	asBinary,
	asText,
	binary,
	type Case,
	type Chop,
	clean,
	define,
	fragments,
	more,
	ping,
	pong,
	protocol,
	text,
} from "./websocket-cases";
import type { FrameParts } from "./websocket-raw";

const hello = "Hello, world!";
const bytesOf = (length: number): Buffer => Buffer.alloc(length, 0xfe);
const stars = (length: number): string => "*".repeat(length);

const lengths: readonly (readonly [length: number, chop: Chop])[] = [
	[0, "once"],
	[125, "once"],
	[126, "once"],
	[127, "once"],
	[128, "once"],
	[65_535, "once"],
	[65_536, "once"],
	[65_536, 997],
];

const framing: readonly Case[] = lengths.flatMap(([length, chop], index) => [
	define(`1.1.${index + 1}`, `text of ${length} bytes, ${chop}`, [text(stars(length))], { chop, echo: [asText(stars(length))] }),
	define(`1.2.${index + 1}`, `binary of ${length} bytes, ${chop}`, [binary(bytesOf(length))], {
		chop,
		echo: [asBinary(bytesOf(length))],
	}),
]);

const numbered = Array.from({ length: 10 }, (_, index) => `payload-${index}`);
const oddBytes = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);

const pings: readonly Case[] = [
	define("2.1", "a ping without payload", [ping()], { pongs: [""] }),
	define("2.2", "a ping with text", [ping(hello)], { pongs: [hello] }),
	define("2.3", "a ping with bytes that are no text", [ping(oddBytes)], { pongs: [oddBytes.toString("latin1")] }),
	define("2.4", "a ping of 125 bytes", [ping(bytesOf(125))], { pongs: [bytesOf(125).toString("latin1")] }),
	define("2.5", "a ping of 126 bytes", [ping(bytesOf(126))], { ending: protocol }),
	define("2.6", "a ping of 125 bytes, octet by octet", [ping(bytesOf(125))], {
		chop: "octets",
		pongs: [bytesOf(125).toString("latin1")],
	}),
	define("2.7", "a pong that nobody asked for", [pong()]),
	define("2.8", "a pong that nobody asked for, with payload", [pong("unsolicited")]),
	define("2.9", "a pong that nobody asked for, and a ping", [pong("unsolicited"), ping("ping")], { pongs: ["ping"] }),
	define(
		"2.10",
		"ten pings",
		numbered.map((payload) => ping(payload)),
		{ pongs: numbered },
	),
	define(
		"2.11",
		"ten pings, octet by octet",
		numbered.map((payload) => ping(payload)),
		{ chop: "octets", pongs: numbered },
	),
];

const reserved: readonly Case[] = [
	define("3.1", "a text with reserved bit 1", [{ ...text(hello), reserved: 1 }], { ending: protocol }),
	define("3.2", "a good text, one with reserved bit 2, a ping", [text(hello), { ...text(hello), reserved: 2 }, ping()], {
		echo: [asText(hello)],
		ending: protocol,
	}),
	define("3.3", "the same with reserved bits 3, frame by frame", [text(hello), { ...text(hello), reserved: 3 }, ping()], {
		chop: "frames",
		echo: [asText(hello)],
		ending: protocol,
	}),
	define("3.4", "the same with reserved bits 4, octet by octet", [text(hello), { ...text(hello), reserved: 4 }, ping()], {
		chop: "octets",
		echo: [asText(hello)],
		ending: protocol,
	}),
	define("3.5", "a binary message with reserved bits 5", [{ ...binary(bytesOf(8)), reserved: 5 }], { ending: protocol }),
	define("3.6", "a ping with reserved bits 6", [{ ...ping(hello), reserved: 6 }], { ending: protocol }),
	define("3.7", "a close with reserved bits 7", [{ opcode: 8, reserved: 7 }], { ending: protocol }),
];

/** The same five cases for data and for control opcodes. */
const opcodes: readonly Case[] = [
	{ section: "4.1", first: 3 },
	{ section: "4.2", first: 11 },
].flatMap(({ section, first }) => [
	define(`${section}.1`, `opcode ${first}`, [{ opcode: first }], { ending: protocol }),
	define(`${section}.2`, `opcode ${first + 1} with payload`, [{ ...text("reserved"), opcode: first + 1 }], { ending: protocol }),
	define(`${section}.3`, `a text, opcode ${first + 2}, a ping`, [text(hello), { opcode: first + 2 }, ping()], {
		echo: [asText(hello)],
		ending: protocol,
	}),
	define(
		`${section}.4`,
		`a text, opcode ${first + 3} with payload, a ping`,
		[text(hello), { ...text("reserved"), opcode: first + 3 }, ping()],
		{ echo: [asText(hello)], ending: protocol },
	),
	define(
		`${section}.5`,
		`a text, opcode ${first + 4} with payload, a ping, octet by octet`,
		[text(hello), { ...text("reserved"), opcode: first + 4 }, ping()],
		{ chop: "octets", echo: [asText(hello)], ending: protocol },
	),
]);

const chops: readonly Chop[] = ["once", "frames", "octets"];
const two: readonly FrameParts[] = [text("fragment1", false), more("fragment2")];
const whole = asText("fragment1fragment2");
const many = (from: number, to: number): FrameParts[] =>
	Array.from({ length: to - from + 1 }, (_, index) => {
		const number = from + index;
		return number === 1 ? text("fragment1", false) : more(`fragment${number}`, number === 5);
	});

const fragmentation: readonly Case[] = [
	define("5.1", "a ping in two fragments", [{ ...ping("fragment1"), fin: false }, more("fragment2")], { ending: protocol }),
	define("5.2", "a pong in two fragments", [{ ...pong("fragment1"), fin: false }, more("fragment2")], { ending: protocol }),
	...chops.map((chop, index) => define(`5.${3 + index}`, `a text in two fragments, ${chop}`, two, { chop, echo: [whole] })),
	...chops.map((chop, index) =>
		define(
			`5.${6 + index}`,
			`a ping between two fragments, ${chop}`,
			[text("fragment1", false), ping("ping"), more("fragment2")],
			{
				chop,
				pongs: ["ping"],
				echo: [whole],
			},
		),
	),
	...chops.map((chop, index) =>
		define(`5.${9 + index}`, `a continuation (last) of nothing, then a text, ${chop}`, [more("nothing"), text(hello)], {
			chop,
			ending: protocol,
		}),
	),
	...chops.map((chop, index) =>
		define(
			`5.${12 + index}`,
			`a continuation (not last) of nothing, then a text, ${chop}`,
			[more("nothing", false), text(hello)],
			{
				chop,
				ending: protocol,
			},
		),
	),
	define("5.15", "a text in two fragments, a continuation of nothing, a text", [...two, more("nothing", false), text(hello)], {
		echo: [whole],
		ending: protocol,
	}),
	define(
		"5.16",
		"a continuation (not last) of nothing before a text in two fragments, twice",
		[more("nothing", false), ...two, more("nothing", false), ...two],
		{ ending: protocol },
	),
	define(
		"5.17",
		"a continuation (last) of nothing before a text in two fragments, twice",
		[more("nothing"), ...two, more("nothing"), ...two],
		{
			ending: protocol,
		},
	),
	define("5.18", "a text in two fragments that both say text", [text("fragment1", false), text("fragment2")], {
		ending: protocol,
	}),
	define(
		"5.19",
		"a text in five fragments with pings after the second and the fourth",
		[...many(1, 2), ping("pongme 1!"), ...many(3, 4), ping("pongme 2!"), ...many(5, 5)],
		{ echo: [asText("fragment1fragment2fragment3fragment4fragment5")], pongs: ["pongme 1!", "pongme 2!"], ending: clean },
	),
	define("5.20", "the same frame by frame", [...many(1, 2), ping("pongme 1!"), ...many(3, 4), ping("pongme 2!"), ...many(5, 5)], {
		chop: "frames",
		echo: [asText("fragment1fragment2fragment3fragment4fragment5")],
		pongs: ["pongme 1!", "pongme 2!"],
	}),
];

const automatic = asText(stars(65_536));

export const framingCases: readonly Case[] = [
	...framing,
	...pings,
	...reserved,
	...opcodes,
	...fragmentation,
	define("10.1.1", "a text of 65,536 bytes in fragments of 1,300", fragments(automatic, 1300), { echo: [automatic] }),
];
