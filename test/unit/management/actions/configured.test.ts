import { assert } from "chai";
import { Cancellation } from "fleetling/common/cancellation";
import { limits } from "fleetling/common/deadlines";
import { commandAction, parseActions } from "fleetling/management/actions/configured";
import { describe, it } from "test/harness";

describe("actions of the configuration", () => {
	it("need an id and a command, and get the rest", () => {
		assert.deepEqual(parseActions('[{"id":"net","command":["net"]}]'), [
			{ id: "net", name: "net", description: "", command: ["net"], timeout: 30 },
		]);
		const full = { id: "a", name: "A", description: "does a", command: ["update", "check"], timeout: 1.5 };
		assert.deepEqual(parseActions(JSON.stringify([full])), [full]);
		assert.deepEqual(parseActions("[]"), []);
	});

	const entry = { id: "a", command: ["net"] };
	const bad: readonly unknown[] = [
		{},
		"net",
		[7],
		[{ id: "a" }],
		[{ command: ["net"] }],
		[{ ...entry, id: "" }],
		[{ ...entry, id: "x".repeat(65) }],
		[{ ...entry, command: [] }],
		[{ ...entry, command: "net" }],
		[{ ...entry, command: [7] }],
		[{ ...entry, name: 7 }],
		[{ ...entry, timeout: 0 }],
		[{ ...entry, timeout: "5" }],
		[{ ...entry, timeout: 7201 }],
		[entry, entry],
		Array.from({ length: limits.actions + 1 }, (_, at) => ({ ...entry, id: `a${at}` })),
	];
	for (const value of bad)
		it(`are not ${JSON.stringify(value).slice(0, 50)}`, () => {
			assert.isUndefined(parseActions(JSON.stringify(value)));
		});

	it("are not text that is no JSON", () => {
		assert.isUndefined(parseActions("[{"));
	});

	it("run their command and pass on what it prints", async () => {
		const printed: string[] = [];
		const cancellation = new Cancellation();
		const action = commandAction(
			{ id: "a", name: "a", description: "", command: ["log", "show"], timeout: 1 },
			async (words, print) => {
				print(words.join("+"));
			},
		);
		await action.run({ print: (text) => printed.push(text), cancellation, afterwards: () => {} });
		assert.deepEqual(printed, ["log+show"]);
	});
});
