import { assert } from "chai";
import { Log, type LogLevels, parseLogLevels, reaches } from "fleetling/common/log";
import { FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";

function record(levels?: LogLevels): { readonly log: Log; readonly lines: string[] } {
	const lines: string[] = [];
	return { log: new Log({ sink: (line) => lines.push(line), ticks: () => 1234.9, ...(levels && { levels }) }), lines };
}

describe("log", () => {
	it("writes ESP-IDF's lines", () => {
		const { log, lines } = record({ level: "debug", tags: {} });
		const tag = log.tag("update");
		tag.error("a");
		tag.warn("b");
		tag.info("c");
		tag.debug("d");
		assert.deepEqual(lines, ["E (1234) update: a", "W (1234) update: b", "I (1234) update: c", "D (1234) update: d"]);
	});

	it("shows info and above by default", () => {
		const { log, lines } = record();
		log.tag("x").debug("hidden");
		log.tag("x").info("shown");
		assert.deepEqual(lines, ["I (1234) x: shown"]);
	});

	it("has a level for each tag", () => {
		const { log, lines } = record({ level: "warn", tags: { update: "debug", noisy: "none" } });
		log.tag("update").debug("1");
		log.tag("noisy").error("2");
		log.tag("agent").info("3");
		log.tag("agent").warn("4");
		assert.deepEqual(lines, ["D (1234) update: 1", "W (1234) agent: 4"]);
	});

	it("changes levels for tags that were handed out before", () => {
		const { log, lines } = record();
		const tag = log.tag("x");
		log.levels = { level: "none", tags: {} };
		tag.error("1");
		log.levels = { level: "debug", tags: {} };
		tag.debug("2");
		assert.deepEqual(lines, ["D (1234) x: 2"]);
	});

	it("does not take a tag for a property of objects", () => {
		const { log, lines } = record({ level: "info", tags: {} });
		log.tag("constructor").info("1");
		assert.deepEqual(lines, ["I (1234) constructor: 1"]);
	});

	it("keeps a line one line, and bounded", () => {
		const { log, lines } = record();
		log.tag("x").info(`a\nI (1) fake: b\r\u0000c${"d".repeat(2000)}`);
		const [line = ""] = lines;
		assert.isTrue(line.startsWith("I (1234) x: a I (1) fake: b  cd"));
		assert.isAtMost(line.length, 260);
		assert.equal(line.charAt(line.length - 1), "…");
	});

	it("hides secrets, also one that is cut", () => {
		const { log, lines } = record();
		log.tag("x").info(`Bearer token=${"s".repeat(5000)}`);
		log.tag("x").info("Bearer token=secret");
		for (const line of lines) assert.notInclude(line, "ss");
		assert.deepEqual(lines[1], "I (1234) x: Bearer (hidden)");
	});

	it("writes errors with code and causes", () => {
		const { log, lines } = record();
		const cause = new FleetlingError("net.reset", "it broke");
		log.tag("x").failure(new FleetlingError("server.failed", "no answer", { cause }));
		log.tag("x").failure(new TypeError("oops"), "warn");
		log.tag("x").failure("text", "warn");
		assert.deepEqual(lines, [
			"E (1234) x: server.failed: no answer (because net.reset: it broke)",
			"W (1234) x: TypeError: oops",
			"W (1234) x: text",
		]);
	});
});

describe("log levels", () => {
	it("are read from what a person writes", () => {
		assert.deepEqual(parseLogLevels("warn"), { level: "warn", tags: {} });
		assert.deepEqual(parseLogLevels("debug, update=error ,web=none"), { level: "debug", tags: { update: "error", web: "none" } });
		assert.deepEqual(parseLogLevels("update=debug"), { level: "info", tags: { update: "debug" } });
	});

	for (const text of ["", "loud", "INFO", "info,", "info,warn", "=info", "update=", "update=loud"])
		it(`are not "${text}"`, () => assert.isUndefined(parseLogLevels(text)));
});

describe("the rank of a line", () => {
	const cases: readonly (readonly [string, Parameters<typeof reaches>[1], boolean])[] = [
		["E (1) a: b", "error", true],
		["W (1) a: b", "error", false],
		["W (1) a: b", "warn", true],
		["I (1) a: b", "debug", true],
		["D (1) a: b", "info", false],
		["D (1) a: b", "debug", true],
		["E (1) a: b", "none", false],
		["N (1) a: b", "debug", false],
		["Exactly", "debug", false],
		["", "debug", false],
	];
	for (const [line, level, expected] of cases)
		it(`of "${line}" is ${expected ? "" : "not "}${level}`, () => assert.equal(reaches(line, level), expected));
});
