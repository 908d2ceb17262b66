import { assert } from "chai";
import { describe, it } from "test/harness";
import Timer from "timer";

describe("the engine", () => {
	it("runs tests", () => {
		assert.equal(1 + 1, 2);
		assert.deepEqual({ a: [1, 2] }, { a: [1, 2] });
	});
	it("waits for promises", async () => {
		await new Promise<void>((done) => Timer.set(() => done(), 10));
	});
});
