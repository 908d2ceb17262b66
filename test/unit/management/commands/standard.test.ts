import { assert } from "chai";
import { Cancellation } from "fleetling/common/cancellation";
import { FleetlingError } from "fleetling/error/error";
import type { Terminal } from "fleetling/management/commands/command";
import { standardCommands } from "fleetling/management/commands/standard";
import { beforeEach, describe, it } from "test/harness";
import Timer from "timer";
import { rejects } from "../../fakes/errors";
import { FakePowers } from "../../fakes/powers";

let powers: FakePowers;
let cancellation: Cancellation;
let output: string;
let answers: (string | undefined)[];

const terminal: Terminal = {
	async print(text) {
		cancellation.throwIfCancelled();
		output += text;
	},
	async ask(prompt) {
		output += prompt;
		return answers.shift();
	},
};

async function run(name: string, ...args: string[]): Promise<string> {
	output = "";
	await standardCommands().find(name).run({ terminal, powers, cancellation }, args);
	return output;
}

describe("the commands of every device", () => {
	beforeEach(() => {
		powers = new FakePowers();
		cancellation = new Cancellation();
		answers = [];
	});

	it("have a summary each, and no line of help is wider than a terminal", async () => {
		for (const { name, summary } of standardCommands().all) {
			assert.isNotEmpty(summary, name);
			for (const line of (await run("help", name)).split("\n")) assert.isAtMost(line.length, 100, line);
		}
		assert.isAtMost(Math.max(...(await run("help")).split("\n").map((line) => line.length)), 80);
	});

	it("show the status", async () => {
		powers.now = 3_723_000;
		const text = await run("status");
		for (const part of ["1.0.0 in slot ota_0 (valid)", "idle", "1 h 2 min", "power-on", "2025-11-23T00:00:00.000Z"])
			assert.include(text, part);
	});

	it("show the identity and never a private key", async () => {
		const text = await run("identity");
		assert.include(text, "24:6f:28:aa:bb:cc");
		assert.include(text, "BEGIN PUBLIC KEY");
		assert.notInclude(text, "PRIVATE");
	});

	it("show connections, memory and flash", async () => {
		assert.include(await run("net"), "RDFM server https://host");
		const memory = await run("mem");
		for (const part of ["12,345 bytes, at most 23,456", "65,536 bytes in all"]) assert.include(memory, part);
		assert.include(await run("flash"), "running");
		assert.include(output, "ota_1");
	});

	it("show and change the configuration, with secrets blanked", async () => {
		assert.include(await run("config"), "pollSeconds  900  (default)");
		assert.include(await run("config", "set", "password", "hunter", "2"), "is stored");
		assert.equal(powers.configuration.stored.get("password"), "hunter 2");
		assert.include(await run("config", "get", "password"), "(hidden)");
		assert.notInclude(output, "hunter");
		await run("config", "reset", "password");
		assert.include(await run("config", "get", "password"), "(not set)");
		await rejects("config.invalid", () => run("config", "set", "pollSeconds", "soon"));
		await rejects("config.unknown", () => run("config", "set", "nonsense", "1"), "nonsense");
		await rejects("management.usage", () => run("config", "set", "url"));
		await rejects("management.usage", () => run("config", "reset"));
		await rejects("management.usage", () => run("config", "toString"));
	});

	it("look after updates", async () => {
		assert.include(await run("update"), "version 1.0.0");
		await run("update", "check");
		assert.include(await run("update", "cancel"), "no update");
		powers.updating = true;
		assert.include(await run("update", "cancel"), "is called off");
		assert.deepEqual(powers.calls, ["checkNow", "cancel: called off at the console", "cancel: called off at the console"]);
		await rejects("management.usage", () => run("update", "now"));
		await rejects("management.usage", () => run("update", "constructor"));
	});

	it("restart", async () => {
		await run("reboot");
		assert.deepEqual(powers.calls, ["restart: asked for at the console"]);
	});

	it("ask before a factory reset", async () => {
		for (const answer of ["no", "", undefined, "yes, please"]) {
			answers = [answer];
			assert.include(await run("factory-reset"), "Nothing was changed");
		}
		assert.isEmpty(powers.calls);
		answers = ["yes"];
		await run("factory-reset");
		assert.deepEqual(powers.calls, ["factoryReset"]);
	});

	it("show the log and change its levels", async () => {
		const log = powers.log.tag("test");
		for (let index = 0; index < 30; index++) log.info(`event ${index}`);
		const text = await run("log", "show", "3");
		assert.deepEqual(text.split("\n").slice(0, 3), ["I (0) test: event 27", "I (0) test: event 28", "I (0) test: event 29"]);
		assert.equal(await run("log", "level"), "info\n");
		assert.equal(await run("log", "level", "warn,test=debug"), "warn,test=debug\n");
		log.debug("now seen");
		assert.include(await run("log"), "now seen");
		await rejects("management.usage", () => run("log", "level", "loud"));
		await rejects("management.usage", () => run("log", "show", "all"));
	});

	it("follow the log until they are stopped", async () => {
		const log = powers.log.tag("test");
		log.info("before");
		const following = run("log", "follow");
		for (let index = 0; index < 100; index++) log.info(`event ${index}`);
		await new Promise<void>((resolve) => void Timer.set(() => resolve(), 450));
		log.info("later");
		await new Promise<void>((resolve) => void Timer.set(() => resolve(), 450));
		assert.notInclude(output, "before");
		assert.include(output, "lines are gone)");
		assert.include(output, "event 99\nI (0) test: later\n");
		cancellation.cancel(new FleetlingError("management.interrupted", "interrupted"));
		await rejects("management.interrupted", () => following);
	});
});

describe("the table of commands", () => {
	it("completes names and first arguments", () => {
		const table = standardCommands([{ name: "blink", summary: "blinks", run: async () => {} }]);
		assert.includeMembers([...table.complete("", powers)], ["help", "blink", "factory-reset"]);
		assert.deepEqual(table.complete("update ", powers), ["status", "check", "cancel"]);
		assert.deepEqual(table.complete("update check ", powers), []);
		assert.deepEqual(table.complete("nothing ", powers), []);
	});
});
