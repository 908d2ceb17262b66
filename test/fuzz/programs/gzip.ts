/** The gzip reader, and the engine's inflater below it: damaged streams end with an error and leave no native memory. */
import { Gunzip } from "fleetling/update/readers/gzip";
import type { Random } from "../../../modules/websocket/test/random";
import { alter, awkward, ending, inPieces, must } from "./changes";
import { fuzz } from "./engine";
import { stored } from "./gzip-changes";

/** What comes out of damage can be a thousand times what goes in: this much is enough to see. */
const mostOut = 300_000;

class TooMuch extends Error {
	readonly code = "too-much";
}

function read(
	size: number,
	checked: boolean,
	feed: (take: (bytes: Uint8Array, start: number, end: number) => void) => void,
): string {
	let out = 0;
	let sum = 0;
	const sink = {
		write(bytes: Uint8Array, start: number, end: number): void {
			must(start < end && end <= bytes.byteLength, "nothing, or more than there is");
			for (let at = start; at < end; at += 97) sum = (sum * 31 + (bytes[at] ?? 0)) % 1_000_007;
			out += end - start;
			if (out > mostOut) throw new TooMuch();
		},
		finish(): void {
			sum += 0.5;
		},
		close(): void {},
	};
	const gunzip = new Gunzip(sink, { size, what: "the input", checked });
	const result = ending(() => {
		feed((bytes, start, end) => gunzip.write(bytes, start, end));
		gunzip.finish();
		return "read";
	});
	gunzip.close();
	gunzip.close();
	must((result === "read") === !Number.isInteger(sum), "the end was told to the sink of a stream that has none");
	return result;
}

/** Its deflate part in blocks that say something else. */
function reblock(input: Uint8Array, random: Random): Uint8Array {
	return stored(input.subarray(0, random.below(3000)), random);
}

/** Damage between head and tail, which are what is checked first and last. */
function inside(input: Uint8Array, random: Random): Uint8Array {
	if (input.byteLength < 20) return input;
	const result = input.slice();
	const middle = alter(input.slice(10, -8), random, input).subarray(0, input.byteLength - 18);
	result.set(middle, 10);
	return result;
}

/** What the tail says of the length. */
function tail(input: Uint8Array, random: Random): Uint8Array {
	const result = input.slice();
	if (result.byteLength >= 4) new DataView(result.buffer).setUint32(result.byteLength - 4, awkward(random) % 2 ** 32, true);
	return result;
}

fuzz({
	most: 20_000,
	run(input, random) {
		const checked = random.once(2);
		const size = random.once(10) ? awkward(random) : input.byteLength;
		const result = read(size, checked, (take) => inPieces(input, random, take));
		if (size === input.byteLength) {
			const whole = read(size, checked, (take) => take(input, 0, input.byteLength));
			must(whole === result, `in one piece "${whole}" and in several "${result}"`);
		}
		return `${result}${checked ? "" : ", not checked"}`;
	},
	changes: [inside, inside, reblock, tail],
});
