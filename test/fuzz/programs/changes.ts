/** Changes of bytes that know nothing of their meaning, and what those that do are made of. */
import type { Random } from "../../../modules/websocket/test/random";

/** Another input, made from one; the one stays as it is. */
export type Change = (input: Uint8Array, random: Random) => Uint8Array;

/** Numbers at which lengths and counts go wrong. */
const numbers = [0, 1, 2, 7, 8, 127, 128, 255, 256, 511, 512, 513, 4095, 4096, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

export function join(...parts: readonly Uint8Array[]): Uint8Array {
	return concat(parts);
}

/** The same for many: arguments lie on the machine's short stack. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
	const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.byteLength;
	}
	return all;
}

export function ascii(text: string): Uint8Array {
	const bytes = new Uint8Array(text.length);
	for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at) & 255;
	return bytes;
}

export function textOf(bytes: Uint8Array): string {
	const parts: string[] = [];
	// As many as the machine's stack bears as arguments.
	for (let at = 0; at < bytes.byteLength; at += 64) parts.push(String.fromCharCode(...bytes.subarray(at, at + 64)));
	return parts.join("");
}

/** A number at which something may go wrong, or one close to it. */
export function awkward(random: Random): number {
	return Math.max(0, random.pick(numbers) + (random.once(3) ? random.below(3) - 1 : 0));
}

function part(input: Uint8Array, random: Random): readonly [from: number, to: number] {
	const from = random.below(input.byteLength);
	const longest = random.pick([1, 4, 16, 64, 512, 4096]);
	return [from, Math.min(input.byteLength, from + 1 + random.below(longest))];
}

function put(input: Uint8Array, at: number, byte: number): Uint8Array {
	const result = input.slice();
	result[at] = byte;
	return result;
}

type Alteration = (input: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const alterations: readonly Alteration[] = [
	(input, random) => {
		const at = random.below(input.byteLength);
		return put(input, at, (input[at] ?? 0) ^ (1 << random.below(8)));
	},
	(input, random) => {
		const at = random.below(input.byteLength);
		const byte = random.pick([0, 1, 0x0a, 0x0d, 0x20, 0x22, 0x30, 0x39, 0x7f, 0x80, 0xc3, 0xff, random.below(256)]);
		return put(input, at, byte);
	},
	(input, random) => input.slice(0, random.below(input.byteLength)),
	(input, random) => {
		const [from, to] = part(input, random);
		return join(input.subarray(0, from), input.subarray(to));
	},
	(input, random) => {
		const [from, to] = part(input, random);
		return join(input.subarray(0, to), input.subarray(from, to), input.subarray(to));
	},
	(input, random) => {
		const at = random.below(input.byteLength + 1);
		return join(input.subarray(0, at), random.bytes(1 + random.below(8)), input.subarray(at));
	},
	(input, random, other) =>
		join(input.subarray(0, random.below(input.byteLength)), other.subarray(random.below(other.byteLength + 1))),
	(input, random, other) => {
		if (other.byteLength === 0) return input;
		const [from, to] = part(other, random);
		const at = random.below(input.byteLength);
		return join(input.subarray(0, at), other.subarray(from, to), input.subarray(Math.min(input.byteLength, at + to - from)));
	},
	(input, random) => {
		const result = input.slice();
		const size = random.pick([1, 2, 4] as const);
		if (result.byteLength < size) return result;
		const at = random.below(result.byteLength - size + 1);
		const value = awkward(random);
		const littleEndian = random.once(2);
		for (let i = 0; i < size; i++) result[at + (littleEndian ? i : size - 1 - i)] = Math.floor(value / 256 ** i) % 256;
		return result;
	},
	(input, random) => {
		const at = random.below(input.byteLength);
		return join(input.subarray(0, at), ascii(String(awkward(random))), input.subarray(at + random.below(4)));
	},
];

/** Any of them; `other` is an input to take parts of. */
export function alter(input: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
	return input.byteLength === 0 ? random.bytes(random.below(32)) : random.pick(alterations)(input, random, other);
}

/** `bytes` cut into pieces as a connection would, each handed to `take` in memory of its own, with something around it. */
export function inPieces(bytes: Uint8Array, random: Random, take: (bytes: Uint8Array, start: number, end: number) => void): void {
	// A byte at a time takes a long one's time without finding more than in a short one.
	const least = bytes.byteLength > 2000 ? 64 : 1;
	const longest = Math.max(least, random.pick([1, 7, 100, 333, 512, 1024, 4096, 100_000]));
	for (let at = 0; at < bytes.byteLength; ) {
		const count = 1 + random.below(Math.min(longest, bytes.byteLength - at));
		const before = random.below(3);
		const buffer = new Uint8Array(before + count + random.below(3)).fill(0xa5);
		buffer.set(bytes.subarray(at, at + count), before);
		take(buffer, before, before + count);
		at += count;
	}
}

/** Calls `work` and says how it ended: what it returned, or the error's code and text. */
export function ending(work: () => string): string {
	try {
		return work();
	} catch (error) {
		if (error instanceof Error && "code" in error) return `${String(error.code)}: ${error.message}`;
		throw error;
	}
}

/** A broken promise of the code under test. */
export function must(condition: boolean, text: string): void {
	if (!condition) throw new RangeError(text);
}
