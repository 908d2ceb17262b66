import { assert } from "chai";
import { checkDeclared, declared } from "fleetling/agent/declared";
import { remoteNames, settingNames, settingText } from "fleetling/agent/settings";
import { describe, it } from "test/harness";
import { rejects } from "../fakes/errors";
import { MemoryStorage } from "../fakes/storage";
import { bench, heater } from "./remote-bench";

const defaults = {
	checkInSeconds: "90",
	inventorySecs: "28800",
	logLevel: "info",
	pollSeconds: "900",
	retryFailHours: "168",
};

describe("the configuration that a server may set", () => {
	it("is of keys that can neither cut the device off nor weaken what protects it", () => {
		assert.sameMembers(
			[...remoteNames],
			["checkInSeconds", "inventorySecs", "logLevel", "pollSeconds", "retryFailHours", "updateWindow"],
		);
		// What is not shown to anybody must not be told to a server.
		for (const name of remoteNames) assert.notInclude(settingText(name, "123").value ?? "", "characters", name);
	});

	it("holds at once, wins over device and build, and is kept as one text", () => {
		const { remote, storage, followed } = bench({
			stored: { pollSeconds: "60" },
			built: { pollSeconds: 5, updateWindow: "01:00-05:00" },
		});
		assert.equal(remote.settings.pollSeconds, 60);
		remote.want({ updateWindow: "02:00-03:00", pollSeconds: " 30 ", logLevel: "warn,update=debug" });
		assert.lengthOf(followed, 1);
		assert.include(followed[0], { pollSeconds: 30, checkInSeconds: 90 });
		assert.equal(String(followed[0]?.updateWindow), "02:00-03:00 UTC");
		assert.equal(followed[0]?.logLevel.level, "warn");
		assert.equal(followed[0]?.logLevel.tags.update, "debug");
		const text = '{"logLevel":"warn,update=debug","pollSeconds":"30","updateWindow":"02:00-03:00"}';
		assert.equal(storage.domain("wanted").read("values"), text);
		remote.settle(true);
		assert.deepEqual([...storage.domain("wanted").values], [["values", text]]);
		assert.equal(storage.domain("wanted").writes, 3);
		assert.equal(storage.domain("config").read("pollSeconds"), "60");
		// After a restart.
		assert.equal(bench({ storage }).remote.settings.pollSeconds, 30);
	});

	it("takes the place of the set before: what is left out, or empty, is what the device says", () => {
		const { remote, storage, followed, lines } = bench({ stored: { pollSeconds: "60" } });
		remote.want({ pollSeconds: "30", checkInSeconds: "100" });
		remote.want({ checkInSeconds: "100", pollSeconds: "" });
		assert.include(followed[1], { pollSeconds: 60, checkInSeconds: 100 });
		remote.want({});
		assert.include(followed[2], { pollSeconds: 60, checkInSeconds: 90 });
		assert.isUndefined(storage.domain("wanted").read("values"));
		assert.match(lines.lines.at(-1) ?? "", /sets no configuration any more/);
	});

	it("costs no write and no change when it is in force already, in whatever order", () => {
		const { remote, storage, followed } = bench();
		remote.want({ pollSeconds: "30", checkInSeconds: "100" });
		const { revision } = remote;
		remote.want({ checkInSeconds: "100", pollSeconds: "30" });
		assert.equal(remote.revision, revision);
		assert.equal(storage.domain("wanted").writes, 2);
		assert.lengthOf(followed, 1);
	});

	const refused = [
		["config.protected", { pollSeconds: "5", url: "https://elsewhere" }, '"url"'],
		["config.unknown", { pollSeconds: "5", colour: "red" }, '"colour"'],
		["config.unknown", { pollSeconds: "5", ["x".repeat(1_000)]: "red" }, "xxx…"],
		["config.unknown", { pollSeconds: "5", toString: "red" }, '"toString"'],
		["config.unknown", JSON.parse('{"pollSeconds":"5","__proto__":"red"}'), '"__proto__"'],
		["config.invalid", { pollSeconds: "5", logLevel: "loud" }, '"logLevel"'],
		["config.invalid", { pollSeconds: "5", retryFailHours: 7 }, '"retryFailHours"'],
		["config.invalid", { pollSeconds: "5", retryFailHours: null }, '"retryFailHours"'],
		["config.invalid", { pollSeconds: "5", checkInSeconds: "   " }, '"checkInSeconds"'],
		["config.invalid", { pollSeconds: "5", target: "31" }, '"target"'],
		["config.too-large", { pollSeconds: "5", name: "x".repeat(2_100) }, "2048"],
	] as const;
	for (const [code, values, text] of refused)
		it(`is refused as a whole: ${code}, ${text}`, async () => {
			const { given, keys } = heater();
			const { remote, storage, followed } = bench({ keys });
			await rejects(code, () => remote.want(values), text);
			assert.equal(storage.domain("wanted").writes, 0);
			assert.equal(remote.revision, 0);
			assert.lengthOf(followed, 0);
			assert.lengthOf(given, 0);
			assert.equal(remote.settings.pollSeconds, 900);
		});

	for (const name of settingNames)
		if (!(remoteNames as readonly string[]).includes(name))
			it(`has no ${name}`, async () => {
				await rejects("config.protected", () => bench().remote.want({ [name]: "on" }), `"${name}"`);
			});

	it("tells what is in force, wherever it comes from, and no secrets", () => {
		const { keys } = heater();
		const { remote } = bench({ stored: { pollSeconds: "60", tenantToken: "secret" }, built: { retryFailHours: 5 }, keys });
		assert.deepEqual(remote.inForce(), { ...defaults, pollSeconds: "60", retryFailHours: "5", name: "unnamed", target: "21" });
		remote.want({ updateWindow: "01:00-02:00", target: "22", pin: "1234" });
		const now = remote.inForce();
		assert.deepEqual(now, {
			...{ ...defaults, pollSeconds: "60", retryFailHours: "5", name: "unnamed" },
			...{ target: "22", updateWindow: "01:00-02:00" },
		});
		// People edit what a device reports and send all of it back.
		remote.want(now);
		assert.deepEqual(remote.inForce(), now);
	});

	it("is taken back by whoever has prepared it", () => {
		const { remote, storage, followed } = bench();
		remote.want({ pollSeconds: "30" });
		const change = remote.prepare({ pollSeconds: "40" });
		assert.equal(remote.settings.pollSeconds, 30);
		change.revert();
		assert.equal(remote.settings.pollSeconds, 30);
		change.activate();
		assert.equal(remote.settings.pollSeconds, 40);
		change.revert();
		change.revert();
		assert.deepEqual(
			followed.map(({ pollSeconds }) => pollSeconds),
			[30, 40, 30],
		);
		assert.equal(storage.domain("wanted").read("values"), '{"pollSeconds":"30"}');
	});

	it("changes nothing when the storage does not take it", () => {
		const { remote, storage, followed } = bench();
		remote.want({ pollSeconds: "30" });
		storage.domain("wanted").broken = true;
		assert.throws(() => remote.want({ pollSeconds: "40" }), /nvs/);
		assert.lengthOf(followed, 1);
		assert.equal(remote.settings.pollSeconds, 30);
	});

	it("survives whatever an older firmware, or a damaged storage, has left", () => {
		for (const text of ["", "{", "[]", "7", '{"pollSeconds":7}']) {
			const storage = new MemoryStorage();
			storage.domain("wanted").write("values", text);
			assert.equal(bench({ storage }).remote.settings.pollSeconds, 900, text);
		}
		const storage = new MemoryStorage();
		storage.domain("wanted").write("values", '{"gone":"1","logLevel":"loud","pollSeconds":"30","target":"50"}');
		const { given, keys } = heater();
		const { remote } = bench({ storage, keys });
		remote.begin();
		assert.include(remote.settings, { pollSeconds: 30 });
		assert.equal(remote.settings.logLevel.level, "info");
		assert.deepInclude(given, ["target", 21]);
		assert.deepEqual(remote.wanted, { pollSeconds: "30" });
	});

	it("does not count where the device does not allow it, and is not forgotten", () => {
		const storage = new MemoryStorage();
		bench({ storage }).remote.want({ pollSeconds: "30" });
		const { given, keys } = heater();
		const { remote } = bench({ storage, keys, enabled: false });
		remote.begin();
		assert.equal(remote.settings.pollSeconds, 900);
		assert.deepEqual(remote.wanted, {});
		assert.lengthOf(given, 3);
		assert.equal(bench({ storage }).remote.settings.pollSeconds, 30);
	});
});

describe("an application's own configuration keys", () => {
	it("are given at the start, and what of them changes with each change", () => {
		const { given, keys } = heater();
		const { remote, storage } = bench({ keys });
		remote.begin();
		assert.deepEqual(given.splice(0), [
			["name", "unnamed"],
			["target", 21],
			["pin", "0000"],
		]);
		remote.want({ target: "22", name: "kitchen" });
		assert.deepEqual(given.splice(0), [
			["name", "kitchen"],
			["target", 22],
		]);
		remote.want({ target: "23", name: "kitchen" });
		remote.want({ name: "kitchen" });
		assert.deepEqual(given, [
			["target", 23],
			["target", 21],
		]);
		const again = heater();
		bench({ storage, keys: again.keys }).remote.begin();
		assert.deepInclude(again.given, ["name", "kitchen"]);
	});

	it("are refused by throwing, and then nothing has changed", async () => {
		const { given, keys } = heater(5);
		const { remote, followed, storage } = bench({ keys });
		remote.want({ target: "22", pollSeconds: "30" });
		given.splice(0);
		await rejects(
			"config.refused",
			() => remote.want({ name: "cellar", target: "5", pollSeconds: "40" }),
			'"target"',
			"too cold",
		);
		assert.deepEqual(given, [
			["name", "cellar"],
			["name", "unnamed"],
			["target", 22],
		]);
		assert.equal(followed.at(-1)?.pollSeconds, 30);
		assert.equal(storage.domain("wanted").read("values"), '{"pollSeconds":"30","target":"22"}');
		assert.equal(remote.inForce().target, "22");
	});

	it("that fail at the start, or while they are looked at, do not stop the device", () => {
		const fails = (): never => {
			throw new TypeError("broken");
		};
		const keys = { a: declared({ fallback: "1", expects: "1", read: (text) => text, apply: fails }) };
		const { remote, lines } = bench({ keys });
		remote.begin();
		assert.match(lines.lines.join(), /config\.refused.*"a".*broken/);
		const storage = new MemoryStorage();
		storage.domain("wanted").write("values", '{"b":"2"}');
		const strange = {
			b: declared({ fallback: "1", expects: "1", read: (text) => (text === "1" ? text : fails()), apply: () => {} }),
		};
		assert.deepEqual(bench({ storage, keys: strange }).remote.wanted, {});
	});

	it("are checked when they are declared", async () => {
		const key = declared({ fallback: "1", expects: "one", read: (text) => (text === "1" ? text : undefined), apply: () => {} });
		checkDeclared({ a: key });
		await rejects("config.invalid", () => checkDeclared({ url: key }), '"url"');
		await rejects("config.invalid", () => checkDeclared({ a: { ...key, fallback: "2" } }), '"a"', "one");
		const many = Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`k${at}`, key]));
		await rejects("config.invalid", () => checkDeclared(many), "33");
	});
});
