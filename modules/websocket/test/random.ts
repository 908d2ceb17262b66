/**
 * Numbers that look random and are the same for the same seed (Lehmer's generator). Without shifts and overflows, which the
 * engine leaves to C, where a sanitizer minds them.
 */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = (Math.abs(Math.trunc(seed)) % 2_147_483_646) + 1;
		// Seeds that are neighbours begin alike.
		for (let i = 0; i < 8; i++) this.next();
	}

	/** 1 to 2^31 - 2. */
	next(): number {
		this.#state = (this.#state * 48_271) % 2_147_483_647;
		return this.#state;
	}

	/** 0 to `limit` - 1. */
	below(limit: number): number {
		return this.next() % limit;
	}

	/** True once in `often` times. */
	once(often: number): boolean {
		return this.below(often) === 0;
	}

	pick<T>(choices: readonly T[]): T {
		const choice = choices[this.below(choices.length)];
		if (choice === undefined) throw new Error("nothing to choose from");
		return choice;
	}

	bytes(length: number): Uint8Array {
		const bytes = new Uint8Array(length);
		for (let i = 0; i < length; i++) bytes[i] = this.next() >>> 7;
		return bytes;
	}
}
