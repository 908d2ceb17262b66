/** Tar archives taken apart and put together again, with correct checksums, after something in them was changed. */
import type { Random } from "../../../modules/websocket/test/random";
import { alter, ascii, awkward, type Change, concat, textOf } from "./changes";

const block = 512;

export interface Member {
	readonly name: string;
	readonly type: string;
	readonly content: Uint8Array;
	/** What the header says; the length of the content when absent. */
	readonly size?: number;
}

const field = (bytes: Uint8Array, at: number, length: number): string => {
	const end = bytes.indexOf(0, at);
	return textOf(bytes.subarray(at, end >= 0 && end < at + length ? end : at + length));
};

const padded = (size: number): number => Math.ceil(size / block) * block;

/** Members as far as it makes sense; undefined when it is no archive at all. */
export function readTar(bytes: Uint8Array): Member[] | undefined {
	const members: Member[] = [];
	for (let at = 0; at + block <= bytes.byteLength && bytes[at] !== 0; ) {
		if (textOf(bytes.subarray(at + 257, at + 262)) !== "ustar") break;
		const size = Number.parseInt(field(bytes, at + 124, 12), 8);
		if (!(size >= 0 && at + block + size <= bytes.byteLength)) break;
		const content = bytes.slice(at + block, at + block + size);
		members.push({ name: field(bytes, at, 100), type: String.fromCharCode(bytes[at + 156] ?? 48), content });
		at += block + padded(size);
	}
	return members.length === 0 ? undefined : members;
}

function header({ name, type, content, size = content.byteLength }: Member): Uint8Array {
	const bytes = new Uint8Array(block);
	bytes.set(ascii(name.slice(0, 100)), 0);
	bytes.set(ascii("0000600\x000000000\x000000000\x00"), 100);
	bytes.set(ascii(`${size.toString(8).padStart(11, "0").slice(-11)}\x0000000000000\x00        ${type}`), 124);
	bytes.set(ascii("ustar\x0000"), 257);
	let sum = 0;
	for (let at = 0; at < block; at++) sum += bytes[at] ?? 0;
	bytes.set(ascii(`${sum.toString(8).padStart(6, "0")}\x00 `), 148);
	return bytes;
}

export function writeTar(members: readonly Member[], zeros = 2 * block): Uint8Array {
	const parts = members.flatMap((member) => [
		header(member),
		member.content,
		new Uint8Array(padded(member.content.byteLength) - member.content.byteLength),
	]);
	return concat([...parts, new Uint8Array(zeros)]);
}

const names = [
	...[
		"version",
		"manifest",
		"manifest.sig",
		"manifest-augment",
		"header.tar",
		"header.tar.gz",
		"header.tar.xz",
		"header-augment.tar",
	],
	...["data/0000.tar", "data/0000.tar.gz", "data/0001.tar", "data/0000.tar.zst", "header-info", "headers/0000/type-info"],
	...["headers/0000/meta-data", "headers/0001/type-info", "scripts/ArtifactInstall_Enter_00", "file", "../file", "a/b", ""],
	...["x".repeat(100), "__proto__", "data/10000.tar", "data/00x0.tar"],
];

const record = (text: string): Uint8Array => {
	let length = text.length + 2;
	while (String(length).length + 1 + text.length !== length) length++;
	return ascii(`${length} ${text}`);
};

/** An extended header as it should be, or with something wrong. */
function extended(random: Random): Member {
	const texts = ["path=long-name\n", `path=${"n".repeat(random.pick([1, 254, 255, 256, 900]))}\n`, "size=5\n", "linkpath=x\n"];
	const more = ["mtime=1.5\n", "path=\n", "GNU.sparse.major=1\n", "=x\n", "path\n", "comment=\xc3\xa4\n", "path=\xff\n"];
	const records = Array.from({ length: 1 + random.below(3) }, () => record(random.pick([...texts, ...more])));
	const content = concat(records);
	return { name: "PaxHeaders.0/x", type: "x", content: random.once(4) ? alter(content, random, content) : content };
}

type ChangeOfMembers = (members: Member[], at: number, random: Random) => void;

/** `inner`: how to change what is in a member. */
export function changeMembers(members: Member[], random: Random, inner: (member: Member) => Uint8Array): void {
	const ofContent: ChangeOfMembers = (list, at) => {
		const member = list[at];
		if (member !== undefined) list[at] = { ...member, content: inner(member) };
	};
	const others: readonly ChangeOfMembers[] = [
		(list, at) => list.splice(at, 1),
		(list, at) => list.splice(at, 0, ...list.slice(at, at + 1)),
		(list, at) => list.splice(random.below(list.length), 0, ...list.splice(at, 1)),
		(list, at) => list.splice(at, 0, extended(random)),
		(list, at) =>
			list.splice(at, 0, { name: random.pick(names), type: "0", content: random.bytes(random.pick([0, 1, 511, 512, 700])) }),
		(list, at) => {
			const member = list[at];
			if (member !== undefined) list[at] = { ...member, name: random.pick(names) };
		},
		(list, at) => {
			const member = list[at];
			if (member !== undefined) list[at] = { ...member, type: random.pick(["\0", "0", "1", "5", "x", "g", "L", "7", "\xff"]) };
		},
		(list, at) => {
			const member = list[at];
			const near = (member?.content.byteLength ?? 0) + random.below(5) - 2;
			if (member !== undefined) list[at] = { ...member, size: random.once(2) ? Math.max(0, near) : awkward(random) };
		},
	];
	const change = random.once(2) ? ofContent : random.pick(others);
	change(members, random.below(members.length), random);
}

export const changeTar: Change = (input, random) => {
	const members = readTar(input);
	if (members === undefined) return input;
	changeMembers(members, random, ({ content }) => alter(content, random, content));
	return writeTar(members, random.pick([1024, 1024, 1024, 0, 512, 10_240]));
};
