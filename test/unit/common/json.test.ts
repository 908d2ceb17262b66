import { assert } from "chai";
import { parseObject } from "fleetling/common/json";
import { describe, it } from "test/harness";
import TextEncoder from "text/encoder";
import { rejects } from "../fakes/errors";

const read = (text: string) => parseObject(text, "the answer");

describe("JSON from outside", () => {
	it("gives fields as what they are", () => {
		const fields = parseObject(new TextEncoder().encode('{"a":"ü","n":3,"z":null}'), "the answer");
		assert.equal(fields.text("a"), "ü");
		assert.equal(fields.integer("n"), 3);
		assert.isFalse(fields.has("z"));
		assert.isUndefined(fields.optional("z", (f) => f.text("z")));
		assert.isUndefined(fields.optional("y", (f) => f.text("y")));
		assert.equal(
			fields.optional("a", (f) => f.text("a")),
			"ü",
		);
	});

	it("gives lists of texts, and nothing else for one", async () => {
		assert.deepEqual(read('{"a":["x",""]}').texts("a", 2), ["x", ""]);
		for (const text of ['{"a":["x","y","z"]}', '{"a":[]}', '{"a":"x"}', '{"a":[1]}', '{"a":[null]}', '{"a":null}', "{}"])
			await rejects("server.bad-answer", () => read(text).texts("a", 2), '"a"');
	});

	const notObjects = ["", "<html>", "[]", "null", "1", '"x"', "{", '{"a":}', "{}x", "\u0000"];
	for (const text of notObjects)
		it(`refuses ${JSON.stringify(text)}`, async () => {
			await rejects("server.bad-answer", () => read(text), "the answer");
		});

	it("refuses a text that is too long before it is parsed", async () => {
		await rejects("server.bad-answer", () => read(`{"a":"${"x".repeat(5_000)}"}`), "5008 characters");
		await rejects("server.bad-answer", () => parseObject(new Uint8Array(20_000), "the answer"), "20000 bytes");
	});

	it("refuses deep nesting without climbing into it", async () => {
		await rejects("server.bad-answer", () => read(`${"[".repeat(2_000)}${"]".repeat(2_000)}`), "nested");
		await rejects("server.bad-answer", () => read(`${'{"a":'.repeat(9)}1${"}".repeat(9)}`), "nested");
	});

	it("does not count brackets inside texts", () => {
		const text = `${"[{".repeat(50)}\\"${"}]".repeat(10)}`;
		assert.equal(read(JSON.stringify({ a: text })).text("a"), text);
	});

	it("refuses bytes that are not UTF-8", async () => {
		await rejects("server.bad-answer", () => parseObject(new Uint8Array([0x7b, 0xff, 0x7d]), "the answer"), "UTF-8");
	});

	it("names the text that is missing or wrong", async () => {
		for (const text of ["{}", '{"uri":null}', '{"uri":1}', '{"uri":["x"]}'])
			await rejects("server.bad-answer", () => read(text).text("uri"), "the answer", '"uri"');
		await rejects("server.bad-answer", () => read('{"uri":""}').text("uri"), '"uri"', "0 characters");
		await rejects("server.bad-answer", () => read('{"uri":"abcd"}').text("uri", 3), '"uri"', "4 characters");
	});

	it("names the number that is missing or wrong", async () => {
		for (const text of ["{}", '{"n":"1"}', '{"n":1.5}', '{"n":-1}', '{"n":1e300}', '{"n":true}', '{"n":9007199254740993}'])
			await rejects("server.bad-answer", () => read(text).integer("n"), '"n"');
		assert.equal(read('{"n":-5}').integer("n", -10), -5);
	});

	it("does not find what objects have by themselves", async () => {
		await rejects("server.bad-answer", () => read("{}").text("constructor"), '"constructor"');
		assert.isFalse(read("{}").has("toString"));
	});
});
