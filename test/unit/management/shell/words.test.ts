import { assert } from "chai";
import { splitWords } from "fleetling/management/shell/words";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";

describe("the words of a command line", () => {
	const cases: readonly (readonly [line: string, words: readonly string[]])[] = [
		["", []],
		["   ", []],
		["status", ["status"]],
		["  log  show 5 ", ["log", "show", "5"]],
		["config set url 'https://a b'", ["config", "set", "url", "https://a b"]],
		['a "b c"d', ["a", "b cd"]],
		["a ''", ["a", ""]],
		['a "x\\"y\\\\z\\n"', ["a", 'x"y\\z\\n']],
		["a 'x\\'", ["a", "x\\"]],
		["a\\ b", ["a b"]],
		["a\\", ["a\\"]],
	];
	for (const [line, words] of cases)
		it(`of ${JSON.stringify(line)}`, () => assert.deepEqual(splitWords(line), words as string[]));

	it("need both ends of a quote", async () => {
		await rejects("management.usage", () => splitWords('a "b'), '"');
		await rejects("management.usage", () => splitWords("a 'b"), "'");
	});
});
