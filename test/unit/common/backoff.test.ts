import { assert } from "chai";
import { Backoff } from "fleetling/common/backoff";
import { random } from "fleetling/common/random";
import { describe, it } from "test/harness";

const base = { base: 2_000, cap: 60_000, floor: 250, longest: 86_400_000 };

const lowest = (): number => 0;
const highest = (): number => 1 - 2 ** -32;

describe("backoff", () => {
	it("doubles its limit up to the cap", () => {
		const backoff = new Backoff({ ...base, random: highest });
		const delays = [0, 1, 2, 3, 4, 5, 6, 7].map(() => backoff.next());
		assert.deepEqual(delays, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
	});

	it("never draws less than the floor", () => {
		const backoff = new Backoff({ ...base, random: lowest });
		for (let count = 0; count < 20; count++) assert.equal(backoff.next(), 250);
	});

	it("spreads evenly from the floor to the limit", () => {
		const sums = [0, 0, 0, 0];
		for (let count = 0; count < 2_000; count++) {
			const backoff = new Backoff({ ...base, floor: 0, random });
			const quarter = Math.min(3, Math.floor((backoff.next() / 2_000) * 4));
			sums[quarter] = (sums[quarter] ?? 0) + 1;
		}
		// 500 expected, standard deviation 19: seven of them either way.
		for (const sum of sums) assert.approximately(sum, 500, 135);
	});

	it("starts over after a success", () => {
		const backoff = new Backoff({ ...base, random: highest });
		backoff.next();
		backoff.next();
		assert.equal(backoff.failures, 2);
		backoff.reset();
		assert.equal(backoff.failures, 0);
		assert.equal(backoff.next(), 2_000);
	});

	it("stays at the cap after a year of failures", () => {
		const backoff = new Backoff({ ...base, random: highest });
		for (let count = 0; count < 5_000; count++) backoff.next();
		assert.equal(backoff.next(), 60_000);
	});

	it("hurries when it is asked to, without forgetting how often it failed", () => {
		const backoff = new Backoff({ ...base, random: highest });
		assert.deepEqual(
			[backoff.next(undefined, 5_000), backoff.next(undefined, 5_000), backoff.next(undefined, 5_000)],
			[2_000, 4_000, 5_000],
		);
		assert.equal(backoff.next(), 16_000);
		assert.equal(backoff.next(undefined, 100), 100);
	});

	it("never undercuts what the server asks for, and adds up to a tenth", () => {
		assert.equal(new Backoff({ ...base, random: lowest }).next(30_000), 30_000);
		assert.equal(new Backoff({ ...base, random: highest }).next(30_000), 33_000);
	});

	it("waits its own time when the server asks for less", () => {
		assert.equal(new Backoff({ ...base, random: highest }).next(100), 2_000);
	});

	it("does not obey a server that asks for more than a day", () => {
		assert.equal(new Backoff({ ...base, random: lowest }).next(1e12), 86_400_000);
	});
});

describe("random", () => {
	it("stays within 0 and 1 and does not repeat itself", () => {
		const seen = new Set<number>();
		for (let count = 0; count < 200; count++) {
			const value = random();
			assert.isAtLeast(value, 0);
			assert.isBelow(value, 1);
			seen.add(value);
		}
		assert.isAtLeast(seen.size, 199);
	});
});
