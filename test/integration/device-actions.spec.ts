/** The whole firmware and RDFM's actions: the list, results, and that nothing is done twice whatever happens to the link. */
import assert from "node:assert/strict";
import type { ActionOutcome, ActionRow } from "../servers/rdfm/actions";
import type { DeviceLink } from "../servers/rdfm/device-link";
import { strangeMembers } from "../servers/rdfm/device-messages";
import { Fleet, mac, oldVersion } from "./fleet";

const configured = [
	{ id: "version", name: "Version", description: "What runs", command: ["update", "status"], timeout: 5 },
	{ id: "wrong", command: ["no-such-command"] },
];
const settings = { actions: JSON.stringify(configured) };
const textOf = (output: string): string => Buffer.from(output, "base64").toString();

describe("device: actions", () => {
	let fleet: Fleet;
	afterEach(async () => {
		for (const link of fleet?.server.management.links ?? []) {
			for (const text of link.texts) assert.deepEqual(strangeMembers(text), [], text);
			assert.notEqual(link.end?.code, 4001, link.end?.reason);
		}
		await fleet?.stop();
	});
	const ready = async (): Promise<DeviceLink> => {
		const link = await fleet.server.management.connected(mac, 30_000);
		await fleet.server.actions.offered(link);
		return link;
	};
	const run = (action: string, started?: (row: ActionRow) => void): Promise<ActionOutcome> =>
		fleet.server.actions.execute(mac, action, started);
	/** Runs an action of a connected device and returns what it said. */
	const result = async (action: string): Promise<{ readonly status: number; readonly output: string }> => {
		const outcome = await run(action);
		assert.ok(outcome.status === 200, `${action}: ${outcome.status}`);
		return { status: outcome.statusCode, output: textOf(outcome.output) };
	};

	it("are listed: built in and configured", async () => {
		fleet = await Fleet.start({ settings });
		const link = await ready();
		const list = fleet.server.actions.listOf(link);
		assert.deepEqual(list.map(({ action_id: id }) => id).sort(), [
			"identify",
			"rdfm.builtins.trigger_update_check",
			"reboot",
			"version",
			"wrong",
		]);
		const version = list.find(({ action_id: id }) => id === "version");
		assert.deepEqual(version, {
			action_id: "version",
			action_name: "Version",
			description: "What runs",
			command: ["update", "status"],
			timeout: 5,
		});
	});

	it("are done and answered", async () => {
		fleet = await Fleet.start({ settings });
		await ready();
		const identity = await result("identify");
		assert.equal(identity.status, 0);
		assert.ok(identity.output.includes(`mac: ${mac}\n`) && identity.output.includes(`version: ${oldVersion}\n`), identity.output);
		assert.deepEqual((await result("version")).output.split(";")[0], `version ${oldVersion}`);
		const wrong = await result("wrong");
		assert.equal(wrong.status, 1);
		assert.match(wrong.output, /no command "no-such-command"/);
		assert.deepEqual((await run("nonsense")).status, 500);
	});

	it("have the device ask for an update at once", async () => {
		fleet = await Fleet.start({ plain: true, settings: { pollSeconds: "600" } });
		await ready();
		const checked = fleet.checked();
		assert.deepEqual(await result("rdfm.builtins.trigger_update_check"), { status: 0, output: "" });
		await checked;
	});

	it("restart it: answered first, the link closed in order, and not once more afterwards", async () => {
		fleet = await Fleet.start();
		const link = await ready();
		const again = fleet.server.management.next(mac, 60_000);
		let id = "";
		const outcome = await run("reboot", (row) => {
			id = row.id;
		});
		assert.ok(outcome.status === 200 && outcome.statusCode === 0);
		assert.deepEqual(await link.untilEnd(), { code: 1001, reason: "", by: "device" });
		const next = await again;
		await fleet.server.actions.offered(next);
		// A server that has lost the result asks again.
		fleet.server.actions.repeat(next, id);
		const repeated = await next.until("action_exec_result", (message) => message.execution_id === id);
		assert.equal(textOf(repeated.output), "restarting\n");
		await fleet.checked();
		assert.ok(next.isOpen, "it must not have restarted again");
		assert.deepEqual(fleet.server.management.duplicates, []);
	});

	it("that were asked for while it was away are done when it comes, once, in their order", async () => {
		fleet = await Fleet.start({ plain: true, settings });
		await ready();
		await fleet.running.cutPower();
		await fleet.server.management.links.at(-1)?.untilEnd();
		const rows: ActionRow[] = [];
		for (const action of ["identify", "version", "identify", "nonsense"])
			assert.deepEqual(await run(action, (row) => rows.push(row)), { status: 202 });
		await fleet.switchOn();
		for (const row of rows) await fleet.server.actions.done(row.id, 30_000);
		assert.deepEqual(
			rows.map(({ status }) => status),
			["0", "0", "0", "error"],
		);
		const link = fleet.server.management.links.at(-1);
		const order = link?.messages.flatMap((message) => (message.method === "action_exec_result" ? [message.execution_id] : []));
		assert.deepEqual(
			order,
			rows.slice(0, 3).map(({ id }) => id),
		);
	});

	it("that have piled up beyond its queue are all done in the end", async () => {
		fleet = await Fleet.start({ plain: true, settings });
		await ready();
		await fleet.running.cutPower();
		await fleet.server.management.links.at(-1)?.untilEnd();
		const rows: ActionRow[] = [];
		for (let count = 0; count < 20; count++) await run("version", (row) => rows.push(row));
		await fleet.switchOn();
		for (const row of rows) await fleet.server.actions.done(row.id, 60_000);
		// The console arrives on another way than the results.
		const begun = (output: string): number => output.match(/action version begins/g)?.length ?? 0;
		await fleet.running.until("20 actions on the console", ({ output }) => begun(output) >= 20, 20_000);
		assert.equal(begun(fleet.running.output), 20);
		assert.deepEqual(fleet.server.management.duplicates, []);
	});

	it("whose result was lost with the link are answered from the record", async () => {
		fleet = await Fleet.start({ plain: true, settings });
		const first = await ready();
		const lost = fleet.server.management.next(mac, 60_000);
		// The link breaks as soon as the device has taken it.
		let row: ActionRow | undefined;
		void run("identify", (started) => {
			row = started;
		});
		first.events.on("message", ({ method }) => {
			if (method === "action_exec_control") first.drop();
		});
		const second = await lost;
		const done = await fleet.server.actions.done(row?.id ?? "", 30_000);
		assert.equal(done.status, "0");
		assert.match(textOf(done.output ?? ""), /^version: /);
		await second.until("action_exec_result");
		assert.equal(fleet.running.output.match(/action identify begins/g)?.length, 1);
	});

	it("that come again and again, stale and unknown, get the same answer each time", async () => {
		fleet = await Fleet.start({ plain: true, settings });
		const link = await ready();
		const rows: ActionRow[] = [];
		await run("identify", (row) => rows.push(row));
		const [row] = rows;
		for (let times = 0; times < 5; times++) fleet.server.actions.repeat(link, row?.id ?? "");
		link.send({ method: "action_exec", execution_id: "stale", action_id: "gone" });
		link.send({ method: "action_exec", execution_id: "", action_id: "identify" });
		await fleet.says(/execution_id/);
		assert.equal(fleet.running.output.match(/action identify begins/g)?.length, 1);
		// The answer to what the server has never asked for makes it close the link; that is the server's rule.
		assert.equal((await link.untilEnd()).code, 4001);
		fleet.server.management.links.splice(0, 1);
		await fleet.server.management.connected(mac, 30_000);
	});

	it("are refused when too many wait, and done when there is room", async () => {
		fleet = await Fleet.start({ plain: true, settings });
		fleet.server.actions.times = { ...fleet.server.actions.times, fullPause: 200 };
		await ready();
		const outcomes = await Promise.all(Array.from({ length: 24 }, () => run("version")));
		assert.ok(outcomes.every((outcome) => outcome.status === 200 && outcome.statusCode === 0));
	});
});
