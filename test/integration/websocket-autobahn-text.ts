/** Autobahn's section 6: UTF-8. */
import { asText, badText, type Case, define, more, text } from "./websocket-cases";

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(" ", ""), "hex");
const greek = hex("ceba e1bdb9 cf83 cebc ceb5");
const greeting = Buffer.from("Hello-µ@ßöäüàá-UTF-8!!");
/** A surrogate, which UTF-8 does not have. */
const surrogate = Buffer.concat([greek, hex("eda080"), Buffer.from("edited")]);
const beyond = hex("f4908080");

const octets = (bytes: Buffer) =>
	[...bytes].map((byte, index) => {
		const last = index === bytes.length - 1;
		return index === 0 ? text(Buffer.of(byte), last) : more(Buffer.of(byte), last);
	});
const echoed = (bytes: Buffer | string) => ({ echo: [asText(bytes)] });
const refused = { ending: badText } as const;

const basics: readonly Case[] = [
	define("6.1.1", "a text of no bytes", [text("")], echoed("")),
	define("6.1.2", "a text in three fragments of no bytes", [text("", false), more("", false), more("")], echoed("")),
	define(
		"6.1.3",
		"a text in three fragments, of which the middle one has bytes",
		[text("", false), more("middle frame payload", false), more("")],
		echoed("middle frame payload"),
	),
	define("6.2.1", "good text", [text(greeting)], echoed(greeting)),
	define(
		"6.2.2",
		"good text in two fragments, cut between characters",
		[text(greeting.subarray(0, 12), false), more(greeting.subarray(12))],
		echoed(greeting),
	),
	define("6.2.3", "good text in fragments of one byte", octets(greeting), echoed(greeting)),
	define("6.2.4", "Greek in fragments of one byte", octets(greek), echoed(greek)),
	define("6.3.1", "a surrogate in the text", [text(surrogate)], refused),
	define("6.3.2", "a surrogate in the text, in fragments of one byte", octets(surrogate), refused),
	define("6.4.1", "good, bad, good fragments", [text(greek, false), more(beyond, false), more("edited")], {
		chop: "frames",
		...refused,
	}),
	define(
		"6.4.2",
		"the bad character cut where it is still possible",
		[text(Buffer.concat([greek, beyond.subarray(0, 1)]), false), more(beyond.subarray(1), false), more("edited")],
		{ chop: "frames", ...refused },
	),
	define("6.4.3", "one frame with a bad character, in pieces", [text(Buffer.concat([greek, beyond, Buffer.from("edited")]))], {
		chop: 15,
		...refused,
	}),
	define(
		"6.4.4",
		"one frame with a bad character, octet by octet",
		[text(Buffer.concat([greek, beyond, Buffer.from("edited")]))],
		{ chop: "octets", ...refused },
	),
];

/** Groups of byte sequences; the whole group is good or bad, or each says for itself. */
const sequences: readonly (readonly [
	section: string,
	title: string,
	good: boolean | readonly boolean[],
	bytes: readonly string[],
])[] = [
	["6.5", "characters of all lengths", true, ["ceba e1bdb9 cf83 cebc ceb5", "24", "c2a2", "e282ac", "f0a4ada2"]],
	// Of Greek all beginnings: good where a character ends.
	[
		"6.6",
		"beginnings of a text",
		[false, true, false, false, true, false, true, false, true, false, true],
		Array.from({ length: 11 }, (_, index) => greek.subarray(0, index + 1).toString("hex")),
	],
	["6.7", "the first character of each length", true, ["00", "c280", "e0a080", "f0908080"]],
	["6.8", "the first of five and six bytes", false, ["f888808080", "fc8480808080"]],
	["6.9", "the last character of each length", true, ["7f", "dfbf", "efbfbf", "f48fbfbf"]],
	["6.10", "the last of four, five and six bytes", false, ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"]],
	["6.11", "other boundaries", [true, true, true, true, false], ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"]],
	[
		"6.12",
		"continuations of nothing",
		false,
		[
			"80",
			"bf",
			"80bf",
			"80bf80",
			"80bf80bf",
			"80bf80bf80",
			"80bf80bf80bf",
			Buffer.from(Array.from({ length: 64 }, (_, i) => 0x80 + i)).toString("hex"),
		],
	],
	[
		"6.13",
		"beginnings without continuations",
		false,
		[
			[0xc0, 32],
			[0xe0, 16],
			[0xf0, 8],
			[0xf8, 4],
			[0xfc, 2],
		].map(([first = 0, count = 0]) =>
			Buffer.from(Array.from({ length: count }, (_, i) => [first + i, 0x20]).flat()).toString("hex"),
		),
	],
	[
		"6.14",
		"sequences without their last byte",
		false,
		["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"],
	],
	["6.15", "all of those in a row", false, ["c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf"]],
	["6.16", "bytes that cannot be", false, ["fe", "ff", "fefeffff"]],
	["6.17", "too long forms of a slash", false, ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"]],
	["6.18", "the last too long forms", false, ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"]],
	["6.19", "too long forms of NUL", false, ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"]],
	["6.20", "surrogates", false, ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"]],
	[
		"6.21",
		"pairs of surrogates",
		false,
		[
			"eda080edb080",
			"eda080edbfbf",
			"edadbfedb080",
			"edadbfedbfbf",
			"edae80edb080",
			"edae80edbfbf",
			"edafbfedb080",
			"edafbfedbfbf",
		],
	],
	[
		"6.22",
		"characters that are none but may be sent",
		true,
		[
			"efbfbe",
			"efbfbf",
			...[
				"f09f",
				"f0af",
				"f0bf",
				"f18f",
				"f19f",
				"f1af",
				"f1bf",
				"f28f",
				"f29f",
				"f2af",
				"f2bf",
				"f38f",
				"f39f",
				"f3af",
				"f3bf",
				"f48f",
			].flatMap((lead) => [`${lead}bfbe`, `${lead}bfbf`]),
		],
	],
	["6.23", "specials", true, ["efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"]],
];

export const textCases: readonly Case[] = [
	...basics,
	...sequences.flatMap(([section, title, good, list]) =>
		list.map((digits, index) => {
			const bytes = hex(digits);
			const isGood = typeof good === "boolean" ? good : good[index] === true;
			return define(
				`${section}.${index + 1}`,
				`${title}: ${digits.slice(0, 24)}`,
				[text(bytes)],
				isGood ? echoed(bytes) : refused,
			);
		}),
	),
];
