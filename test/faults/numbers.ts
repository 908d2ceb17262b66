/** Numbers that the seed determines (mulberry32), of 32 bits. */
export function* numbers(state: number): Generator<number, never> {
	for (;;) {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		yield (mixed ^ (mixed >>> 14)) >>> 0;
	}
}
