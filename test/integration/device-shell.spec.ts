/** The whole firmware and its shell, over TLS: how soon it is there, what it does, how it ends, and what it does not let happen. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ManagerShell } from "../servers/rdfm/spec/manager";
import { Fleet, mac, oldVersion } from "./fleet";

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

describe("device: shell", () => {
	let fleet: Fleet;
	const open = async (): Promise<ManagerShell> => {
		await fleet.server.management.connected(mac, 30_000);
		const shell = new ManagerShell(fleet.server, mac);
		await shell.shows("fleetling> ");
		return shell;
	};
	afterEach(async () => {
		await fleet?.stop();
	});

	it("is there within 5 s over TLS, runs commands and ends on either side", async () => {
		fleet = await Fleet.start({ settings: { pollSeconds: "600" } });
		const shell = await open();
		assert.ok((shell.firstOutput ?? Number.POSITIVE_INFINITY) < 5_000, `it took ${shell.firstOutput} ms`);
		shell.resize(50, 132);
		await shell.run("help", "factory-reset");
		await shell.run("status", `${oldVersion} in slot`);
		await shell.run("identity", "-----END PUBLIC KEY-----");
		await shell.run("config get url", fleet.server.url);
		await shell.run("mem", "slots");
		await shell.run("flash", "ota_1");
		await shell.run("net", "RDFM server");
		await shell.run("log show 40", "shell was opened");
		await shell.run("sta\t", `${oldVersion} in slot`);
		await shell.run("js 1+1", "JavaScript is off");
		shell.type("exit\r");
		await shell.ended();
		assert.equal(shell.end?.code, 1000);
		const second = await open();
		second.close();
		await fleet.says(/a shell was closed/);
		const third = await open();
		await third.run("status", oldVersion);
		for (const { deviceTexts } of fleet.server.shells.records) assert.equal(deviceTexts, 0);
		assert.equal(fleet.server.management.links.length, 1);
	});

	it("stores configuration for the next start, and restarts with goodbyes", async () => {
		fleet = await Fleet.start({ plain: true, settings: { pollSeconds: "600" } });
		const link = await fleet.server.management.connected(mac);
		const shell = await open();
		await shell.run("config set pollSeconds soon", "expected a whole number");
		await shell.run("config set logLevel debug", "it holds from the next start");
		await shell.run("config get logLevel", "debug");
		const again = fleet.server.management.next(mac, 60_000);
		shell.type("reboot\r");
		await shell.ended();
		assert.equal(shell.end?.code, 1000);
		assert.equal((await link.untilEnd()).by, "device");
		await again;
		assert.deepEqual(fleet.server.management.duplicates, []);
	});

	it("forgets everything after it was asked twice", async () => {
		fleet = await Fleet.start({ plain: true, settings: { pollSeconds: "600" } });
		const shell = await open();
		await shell.run("factory-reset", 'Type "yes"');
		await shell.run("no", "Nothing was changed");
		mkdirSync(join(`${fleet.flash}.files`, "app", "deep"), { recursive: true });
		writeFileSync(join(`${fleet.flash}.files`, "app", "deep", "settings"), "mine");
		await shell.run("factory-reset", 'Type "yes"');
		shell.type("yes\r");
		await shell.ended();
		// The test has put the configuration into the device's storage, so that nothing is left of it.
		await fleet.says(/configuration key "server" is not set/, 60_000);
		await fleet.says(/nothing to do until the configuration is changed/);
		assert.deepEqual(readdirSync(`${fleet.flash}.files`), []);
	});

	it("runs JavaScript where the configuration allows it", async () => {
		fleet = await Fleet.start({ plain: true, settings: { pollSeconds: "600", jsPrompt: "on" } });
		const shell = await open();
		await shell.run("js [1, 2].map((x) => x * 21)", "[21,42]");
		await shell.run("js", "js> ");
		await shell.run("nonsense +", "SyntaxError");
		await shell.run("globalThis.answer = 42", "42");
		await shell.run("answer + 1", "43");
		await shell.run('"x".repeat(5_000)', `${"x".repeat(900)}`);
		await shell.shows("…");
		assert.ok(shell.text.length < 1_200, `${shell.text.length} characters are shown`);
		await shell.run("{ const own = {}; own.self = own; own }", "TypeError");
		await shell.run("\x04status", oldVersion);
	});

	it("takes a flood and shows one only as fast as it is read", async () => {
		fleet = await Fleet.start({ plain: true, settings: { pollSeconds: "600", logLevel: "debug" } });
		const shell = await open();
		for (let index = 0; index < 1_000; index++) shell.type("x".repeat(1_000));
		shell.type("\x15\r");
		await pause(500);
		await shell.run("\x15status", oldVersion, 60_000);
		// A manager who reads nothing.
		shell.socket.pause();
		for (let index = 0; index < 300; index++) shell.type("help\r");
		await pause(1_000);
		shell.socket.resume();
		await pause(500);
		await shell.run("\x03\x15mem", "machine", 60_000).catch(() => shell.run("\x15mem", "chunks", 60_000));
		// One message that no device can hold ends the session, and nothing else.
		shell.type("x".repeat(100_000));
		await shell.ended();
		await fleet.says(/websocket.too-large/);
		const second = await open();
		await second.run("status", oldVersion);
		assert.equal(fleet.server.management.links.length, 1);
	});

	it("is refused while an update has the connection, and the update comes first", async () => {
		fleet = await Fleet.start({ settings: { pollSeconds: "1" } });
		await fleet.server.management.connected(mac);
		fleet.server.faults.add("download", { kind: "stall", after: 4_096 });
		await fleet.offerFirmware("1.1.0");
		await fleet.says(/download/);
		const shell = new ManagerShell(fleet.server, mac);
		await shell.ended();
		assert.deepEqual(shell.end, { code: 4001, reason: "device did not connect within 5s" });
		await fleet.says(/the connections are needed for an update/);
		// What stalls has to end now and not after the deadline for it.
		await fleet.server.down();
		await fleet.server.up();
		await fleet.confirmed("1.1.0");
	});

	it("has room for another where the device may have more connections", async () => {
		fleet = await Fleet.start({ settings: { pollSeconds: "600", connections: "4" } });
		const shells = [await open(), await open()];
		for (const shell of shells) await shell.run("status", oldVersion);
		const third = new ManagerShell(fleet.server, mac);
		await third.ended();
		assert.equal(third.end?.code, 4001);
		await fleet.says(/refused: 2 are open already/);
		for (const shell of shells) await shell.run("mem", "chunks");
	});

	it("keeps a poll waiting and lets it go on afterwards", async () => {
		fleet = await Fleet.start({ settings: { pollSeconds: "1" } });
		const shell = await open();
		const before = fleet.server.log.records.length;
		await pause(3_000);
		assert.equal(fleet.server.log.records.filter(({ route }) => route === "check").length > 0, true);
		const during = fleet.server.log.records.length - before;
		assert.ok(during <= 1, `${during} requests while the shell was open`);
		await shell.run("update check", "the log shows");
		shell.close();
		await fleet.checked();
	});
});
