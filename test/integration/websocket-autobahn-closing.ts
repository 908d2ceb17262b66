/** Autobahn's sections 7 and 9: closing handshakes, and large and many messages (smaller and fewer than there). */
import {
	answers,
	asBinary,
	asText,
	badText,
	type Case,
	close,
	define,
	fragments,
	more,
	ping,
	protocol,
	text,
} from "./websocket-cases";
import type { Message } from "./websocket-raw";

const hello = "Hello World!";
const answered = { ending: answers(1000) } as const;
const large = Buffer.alloc(262_144, "BAsd7&jh23").toString();

const closing: readonly Case[] = [
	define("7.1.1", "a message, then a close", [text(hello), close(1000)], { echo: [asText(hello)], ...answered }),
	define("7.1.2", "two closes", [close(1000), close(1000)], answered),
	define("7.1.3", "a ping after the close", [close(1000), ping()], answered),
	define("7.1.4", "a text after the close", [close(1000), text(hello)], answered),
	define("7.1.5", "a close between two fragments", [text("fragment1", false), close(1000), more("fragment2")], answered),
	define("7.1.6", "256 KiB, a text, a close, a ping", [text(large), text(hello), close(1000), ping()], {
		echo: [asText(large), asText(hello)],
		...answered,
	}),
	define("7.3.1", "a close without payload", [close()], { ending: answers(1005) }),
	define("7.3.2", "a close of one byte", [close(undefined, "a")], { ending: protocol }),
	define("7.3.3", "a close with a code", [close(1000)], answered),
	define("7.3.4", "a close with code and reason", [close(1000, hello)], answered),
	define("7.3.5", "a close with a reason of 123 bytes", [close(1000, "*".repeat(123))], answered),
	define("7.3.6", "a close with a reason of 124 bytes", [close(1000, "*".repeat(124))], { ending: protocol }),
	define(
		"7.5.1",
		"a close whose reason is no UTF-8",
		[close(1000, Buffer.from("cebae1bdb9cf83cebcceb5eda080656469746564", "hex"))],
		{
			ending: badText,
		},
	),
	...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((code, index) =>
		define(`7.7.${index + 1}`, `a close with code ${code}`, [close(code)], { ending: answers(code) }),
	),
	...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map((code, index) =>
		define(`7.9.${index + 1}`, `a close with code ${code}`, [close(code)], { ending: protocol }),
	),
	// For these the suite only reports what a client does.
	define("7.13.1", "a close with code 5000", [close(5000)], { ending: protocol }),
	define("7.13.2", "a close with code 65535", [close(65_535)], { ending: protocol }),
];

/** The suite goes up to 16 MiB: a sixteenth of that is what a device may be asked for, and the rules are the same. */
const scale = 16;
const kibibyte = 1024;
const kinds: readonly (readonly [add: number, name: string, make: (length: number) => Message])[] = [
	[0, "text", (length) => asText("*".repeat(length))],
	[1, "binary", (length) => asBinary(Buffer.alloc(length, 0xfe))],
];

const limits: readonly Case[] = kinds.flatMap(([add, name, make]) => [
	...[64, 256, 1024, 4096, 8192, 16_384].map((kibibytes, index) => {
		const message = make((kibibytes * kibibyte) / scale);
		return define(
			`9.${1 + add}.${index + 1}`,
			`${name} of ${kibibytes} KiB / ${scale}`,
			fragments(message, message.payload.length),
			{
				echo: [message],
			},
		);
	}),
	...[64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304].map((size, index) => {
		const message = make((4096 * kibibyte) / scale);
		return define(
			`9.${3 + add}.${index + 1}`,
			`${name} of 4 MiB / ${scale} in fragments of ${size} / ${scale}`,
			fragments(message, size / scale),
			{
				echo: [message],
			},
		);
	}),
	...[64, 128, 256, 512, 1024, 2048].map((chop, index) => {
		const message = make((1024 * kibibyte) / scale);
		return define(
			`9.${5 + add}.${index + 1}`,
			`${name} of 1 MiB / ${scale}, cut into pieces of ${chop}`,
			fragments(message, message.payload.length),
			{
				chop,
				echo: [message],
			},
		);
	}),
	...[0, 16, 64, 256, 1024, 4096].map((length, index) => {
		const message = make(length);
		return define(
			`9.${7 + add}.${index + 1}`,
			`${1000 / scale} times ${name} of ${length} bytes`,
			fragments(message, Math.max(length, 1)),
			{
				echo: [message],
				times: Math.floor(1000 / scale),
			},
		);
	}),
]);

export const closingCases: readonly Case[] = [...closing, ...limits];
