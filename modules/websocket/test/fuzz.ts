/**
 * Structure-aware fuzzing of what a server can send: streams of frames that are mostly right, with faults, cut anywhere,
 * to a client that reads and writes as it likes. What comes out has to be what the model says. With bytes changed after
 * that, and handshakes too, where the model still holds.
 */
import Channel from "fleetling/host/channel";
import System from "fleetling/host/system";
import { MessageSocket, WebSocketClient, type WebSocketOptions } from "fleetling/websocket/websocket";
import TextEncoder from "text/encoder";
import Time from "time";
import { type Expected, expect } from "./model";
import { ascii, join, pattern, textOf } from "./octets";
import { close, type FrameParts, frame } from "./peer";
import { Random } from "./random";
import { options, turn, Wire } from "./wire";

export const name = "websocket";

export interface Fuzzed {
	readonly cases: number;
	readonly bytes: number;
	/** How often streams ended in which way. */
	readonly ends: Readonly<Record<string, number>>;
}

const limits = { frameBytes: 5000, messageBytes: 8000, fragmentBytes: 600 };
const timeouts = { close: 3, ping: 0 };
/** Cases before memory is first looked at, and what it may grow by: a few tables of names. */
const warmUp = 200;
const allowance = 16_384;

const texts: readonly string[] = ["", "a", "hello", "\xc2\xb5", "\xe2\x82\xac", "\xf0\x9f\x98\x80", '{"method":"alert"}'];
const badTexts: readonly string[] = ["\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "a\x80", "\xe2\x82"];

function lengthOf(random: Random): number {
	return random.once(8) ? random.pick([125, 126, 127, 255, 256, 600, 1023, 1024, 1025, 4999, 5000]) : random.below(40);
}

function textBytes(random: Random): Uint8Array {
	if (random.once(20)) return ascii(random.pick(badTexts));
	if (random.once(10)) return pattern(lengthOf(random)).map((byte) => byte & 127);
	return ascii(Array.from({ length: random.below(4) }, () => random.pick(texts)).join(""));
}

/** One message in one or several frames, with control frames in between, and sometimes a fault. */
function message(random: Random): Uint8Array[] {
	const isBinary = random.once(2);
	const payload = isBinary ? random.bytes(lengthOf(random)) : textBytes(random);
	const frames: Uint8Array[] = [];
	const fragments = random.once(3) ? 1 + random.below(4) : 1;
	let from = 0;
	for (let i = 0; i < fragments; i++) {
		const to = i === fragments - 1 ? payload.length : from + random.below(payload.length - from + 1);
		const parts: FrameParts = {
			opcode: i > 0 ? 0 : isBinary ? 2 : 1,
			fin: i === fragments - 1,
			payload: payload.subarray(from, to),
		};
		frames.push(frame(random.once(50) ? spoil(random, parts) : parts));
		if (random.once(4)) frames.push(control(random));
		from = to;
	}
	return frames;
}

function control(random: Random): Uint8Array {
	const parts: FrameParts = {
		opcode: random.pick([9, 9, 10]),
		payload: random.bytes(random.once(5) ? random.pick([124, 125]) : random.below(9)),
	};
	return frame(random.once(80) ? spoil(random, parts) : parts);
}

function spoil(random: Random, parts: FrameParts): FrameParts {
	const length = parts.payload?.length ?? 0;
	return random.pick<() => FrameParts>([
		() => ({ ...parts, reserved: 1 + random.below(7) }),
		() => ({ ...parts, opcode: random.below(16) }),
		() => ({ ...parts, fin: !(parts.fin ?? true) }),
		() => ({ ...parts, mask: [random.below(256), 1, 2, 3] }),
		() => ({ ...parts, form: random.pick([2, 8]) }),
		() => ({ ...parts, length: length + random.below(10) }),
		() => ({ ...parts, form: 8, length: random.pick([5001, 65_536, 2 ** 31, 2 ** 32 + 1, 2 ** 53, 2 ** 63, 2 ** 64 - 1]) }),
		() => ({ opcode: 9, payload: random.bytes(126) }),
	])();
}

function closing(random: Random): Uint8Array {
	const code = random.pick([0x10000, 1000, 1001, 1008, 4001, 4002, 4999, 1005, 1006, 1015, 0, 999, 2999, 5000]);
	const reason = random.pick(["", "", "bye", "\xc2\xb5", "\xff"]);
	return close(code === 0x10000 ? undefined : code, reason);
}

function stream(random: Random): Uint8Array {
	const parts = Array.from({ length: random.below(7) }, () => message(random)).flat();
	if (random.once(2)) parts.push(closing(random));
	if (random.once(8)) parts.push(ascii("HTTP/1.1 500 INTERNAL SERVER ERROR\r\n\r\n<html>"));
	const all = join(...parts);
	return random.once(6) ? mutate(random, all) : all;
}

function mutate(random: Random, bytes: Uint8Array): Uint8Array {
	let result: Uint8Array = bytes.slice();
	for (let i = 1 + random.below(3); i > 0 && result.length > 0; i--) {
		const at = random.below(result.length);
		result = random.pick<() => Uint8Array>([
			() => result.map((byte, index) => (index === at ? byte ^ (1 << random.below(8)) : byte)),
			() => join(result.subarray(0, at), random.bytes(1 + random.below(4)), result.subarray(at)),
			() => join(result.subarray(0, at), result.subarray(at + 1 + random.below(4))),
			() => result.slice(0, at),
			() => join(result.subarray(0, at), result.subarray(random.below(at + 1))),
		])();
	}
	return result;
}

/** What a client did with a stream. */
interface Seen {
	readonly messages: string[];
	/** Payloads of messages that were written, in the order in which they were begun; the last may not be complete. */
	readonly written: string[];
	end: string | undefined;
	/** Whether it has left bytes unread for a while: the connection may have ended before the answers to pings behind them. */
	lazy: boolean;
}

/** A client that reads at once, later, or in parts, and writes when it feels like it. */
function reader(random: Random, seen: Seen): Partial<WebSocketOptions> {
	const lazy = random.once(3);
	seen.lazy = lazy;
	let text = "";
	let unfinished = false;
	return {
		onReadable(count, { more, binary }) {
			const isLast = (left: number): boolean => left === 0 && !more;
			const take = (most: number): number => {
				const buffer = new Uint8Array(Math.min(count, most));
				const got = buffer.length === 0 ? 0 : this.read(buffer);
				text += textOf(buffer.subarray(0, got));
				count = got < buffer.length ? -1 : count - got;
				if (!isLast(count)) return count;
				seen.messages.push(`${binary ? "binary" : "text"}:${text}`);
				text = "";
				return 0;
			};
			if (random.once(4) && this.writable > 0) {
				const payload = pattern(random.below(Math.min(this.writable, 300) + 1), random.below(256)).map((byte) => byte & 127);
				const again = random.once(3);
				if (unfinished) seen.written[seen.written.length - 1] += textOf(payload);
				else seen.written.push(textOf(payload));
				unfinished = again;
				this.write(payload, { binary: random.once(2), more: again });
			}
			if (!lazy || count === 0) {
				while (take(random.once(2) ? 7 : 10_000) > 0);
				return;
			}
			const later = (): void => {
				if (take(50) > 0) void turn().then(later);
			};
			void turn().then(later);
		},
	};
}

async function settle(done: () => boolean): Promise<void> {
	for (let i = 0; i < 2000 && !done(); i++) await turn();
	if (!done()) throw new Error("the client hangs");
}

/** Feeds `bytes` in pieces, and room for what the client has to say. */
async function feed(random: Random, wire: Wire, bytes: Uint8Array, narrow: boolean): Promise<void> {
	const socket = wire.last;
	const longest = random.pick([1, 5, 20, 100, 300, 1000, 10_000, 100_000]);
	for (let at = 0; at < bytes.length; ) {
		const count = 1 + random.below(Math.min(longest, bytes.length - at));
		socket.arrive(bytes.slice(at, at + count));
		at += count;
		if (narrow && random.once(3)) socket.takes(random.below(200));
		if (random.once(40)) await turn();
	}
	if (random.once(2)) await turn();
	if (random.once(8)) socket.options.onError.call(socket, undefined);
	else socket.end();
}

function judge(seen: Seen, expected: Expected, wire: Wire, narrow: boolean): void {
	const same = (what: string, left: unknown, right: unknown): void => {
		if (JSON.stringify(left) !== JSON.stringify(right))
			throw new Error(`${what}: ${JSON.stringify(left)?.slice(0, 300)} instead of ${JSON.stringify(right)?.slice(0, 300)}`);
	};
	same("messages", seen.messages, expected.messages);
	// Cut within its first line, HTTP cannot be told from another fault.
	const ends = expected.end === "http" ? ["websocket.lost", "websocket.protocol"] : [expected.end];
	if (!ends.includes(seen.end ?? "")) same("end", seen.end, expected.end);
	const { frames } = wire.last;
	const pongs = frames.of(10).map(({ payload }) => textOf(payload));
	if (!narrow) {
		same("pongs", pongs, seen.lazy ? expected.pings.slice(0, pongs.length) : expected.pings);
		const complete = frames.messages.map(({ payload }) => textOf(payload));
		same("written", complete, seen.written.slice(0, complete.length));
	} else if (pongs.some((payload) => !expected.pings.includes(payload))) throw new Error("a pong that nobody asked for");
}

async function frames(random: Random): Promise<{ readonly bytes: number; readonly end: string }> {
	const wire = new Wire();
	const seen: Seen = { messages: [], written: [], end: undefined, lazy: false };
	const ends = {
		onClose: ({ code }: { readonly code: number }) => {
			seen.end = `close ${code}`;
		},
		onError: (error: { readonly code: string }) => {
			seen.end = error.code;
		},
	};
	const common = { ...options(wire), limits, timeouts, ...ends };
	if (random.once(3)) {
		new MessageSocket({
			...common,
			onMessage(message) {
				const isText = typeof message === "string";
				seen.messages.push(isText ? `text:${encoded(message)}` : `binary:${textOf(new Uint8Array(message))}`);
				if (!random.once(4)) return undefined;
				seen.lazy = true;
				return turn();
			},
		});
	} else new WebSocketClient({ ...common, ...reader(random, seen) });
	await turn();
	const narrow = random.once(3);
	wire.last.takes(narrow ? 300 : 10_000_000);
	const bytes = stream(random);
	const head = ascii(wire.last.acceptance());
	await feed(random, wire, join(head, bytes), narrow);
	await settle(() => seen.end !== undefined);
	if (wire.last.fault !== undefined) throw wire.last.fault;
	if (!wire.last.closed) throw new Error("the connection was left open");
	judge(seen, expect(bytes, limits), wire, narrow);
	return { bytes: bytes.length, end: seen.end ?? "" };
}

/** A string as the bytes that it was sent in, one character each. */
function encoded(text: string): string {
	return textOf(new TextEncoder().encode(text));
}

/** A handshake with bytes changed: open or not, but always an end. */
async function handshake(random: Random): Promise<{ readonly bytes: number; readonly end: string }> {
	const wire = new Wire();
	const seen: Seen = { messages: [], written: [], end: undefined, lazy: false };
	let opened = false;
	new WebSocketClient({
		...options(wire),
		timeouts: { ...timeouts, handshake: 20 },
		protocols: ["a"],
		onOpen: () => {
			opened = true;
		},
		onClose: () => {
			seen.end = "closed";
		},
		onError: ({ code }) => {
			seen.end = code;
		},
	});
	await turn();
	wire.last.takes();
	const good = random.once(2)
		? wire.last.acceptance(random.pick(["X: y", "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"]))
		: `HTTP/1.1 ${random.pick([200, 302, 401, 500, 999])} X\r\n${random.pick(["Content-Length: 5", "Transfer-Encoding: chunked"])}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
	const bytes = mutate(random, ascii(good));
	await feed(random, wire, bytes, false);
	await settle(() => seen.end !== undefined);
	if (!wire.last.closed) throw new Error("the connection was left open");
	return { bytes: bytes.length, end: `${opened ? "opened" : "refused"} ${seen.end}` };
}

/**
 * Bytes in use of the machine's heap. The module's C keeps nothing, and what the C library has for the machine grows in
 * large steps.
 */
async function memory(): Promise<number> {
	// What an asynchronous function had is held until another one has ended: always the same one, here.
	await handshake(new Random(1));
	Channel.collect();
	Channel.collect();
	const { slotsUsed, chunksUsed } = System.memory({});
	return slotsUsed + chunksUsed;
}

/**
 * Runs cases for so many seconds. A case depends on nothing but the seed and its number, both of which an error names.
 *
 * @throws when a case fails, or memory grows
 */
export async function run(seed: number, seconds: number): Promise<Fuzzed> {
	const start = Time.ticks;
	const ends: Record<string, number> = {};
	let bytes = 0;
	let cases = 0;
	let before = 0;
	for (; cases <= warmUp || Time.delta(start) < seconds * 1000; cases++) {
		if (cases === warmUp) before = await memory();
		const random = new Random(seed * 1_000_003 + cases * 7919);
		try {
			const result = await (random.once(5) ? handshake(random) : frames(random));
			bytes += result.bytes;
			ends[result.end] = (ends[result.end] ?? 0) + 1;
		} catch (error) {
			throw new Error(`${name}: seed ${seed}, case ${cases}: ${String(error)}`, { cause: error });
		}
	}
	const grown = (await memory()) - before;
	if (grown > allowance) throw new Error(`${name}: seed ${seed}: ${grown} bytes were kept after ${cases - warmUp} cases`);
	return { cases, bytes, ends };
}
