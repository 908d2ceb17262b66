import { assert } from "chai";
import { LogMemory } from "fleetling/common/log-memory";
import { describe, it } from "test/harness";

describe("the memory of the log", () => {
	it("gives lines back in order, with their times", () => {
		const memory = new LogMemory(256);
		memory.add("first", 1);
		memory.add("zweite – é", 0xffff_fff0);
		assert.deepEqual(memory.read(0), { line: "first", ticks: 1, next: 1, lost: 0 });
		assert.deepEqual(memory.read(1), { line: "zweite – é", ticks: 0xffff_fff0, next: 2, lost: 0 });
		assert.isUndefined(memory.read(2));
		assert.isUndefined(memory.read(99));
	});

	it("forgets the oldest lines first and says how many", () => {
		const memory = new LogMemory(100);
		for (let index = 0; index < 1_000; index++) {
			memory.add(`line ${index}`, index);
			// Any place that a line can have around the end of the block.
			let at = memory.first;
			for (let expected = memory.first; expected < memory.end; expected++) {
				const entry = memory.read(at);
				assert.deepEqual(entry, { line: `line ${expected}`, ticks: expected, next: expected + 1, lost: 0 });
				at = entry?.next ?? 0;
			}
			assert.equal(at, index + 1);
		}
		assert.equal(memory.end - memory.first, 7);
		const entry = memory.read(10);
		assert.equal(entry?.line, `line ${memory.first}`);
		assert.equal(entry?.lost, memory.first - 10);
	});

	it("cuts a line that is longer than all of it", () => {
		const memory = new LogMemory(50);
		memory.add("short", 0);
		memory.add("x".repeat(500), 1);
		assert.equal(memory.read(0)?.line, "x".repeat(44));
		assert.equal(memory.end - memory.first, 1);
		memory.add("", 2);
		assert.equal(memory.read(2)?.line, "");
	});
});
