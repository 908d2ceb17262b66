/** The whole firmware and what it must withstand from a server and its managers, beside what has specs of its own. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fleet, mac, oldVersion } from "../integration/fleet";
import type { DeviceLink } from "../servers/rdfm/device-link";
import { strangeMembers } from "../servers/rdfm/device-messages";
import { ManagerShell } from "../servers/rdfm/spec/manager";

const endless = [{ id: "endless", command: ["log", "follow"], timeout: 2 }];

describe("device: withstands", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});
	const ready = async (): Promise<DeviceLink> => {
		const link = await fleet.server.management.connected(mac, 30_000);
		await fleet.server.actions.offered(link);
		return link;
	};

	it("an action that never ends: it is ended, answered, and the next one is done", async () => {
		fleet = await Fleet.start({ plain: true, settings: { actions: JSON.stringify(endless), pollSeconds: "600" } });
		const link = await ready();
		const begun = Date.now();
		const first = fleet.server.actions.execute(mac, "endless");
		const second = fleet.server.actions.execute(mac, "identify");
		const outcome = await first;
		assert.ok(outcome.status === 200 && outcome.statusCode === 124, JSON.stringify(outcome));
		assert.match(Buffer.from(outcome.output, "base64").toString(), /took longer than 2 s/);
		assert.ok(Date.now() - begun >= 1_900);
		const after = await second;
		assert.ok(after.status === 200 && after.statusCode === 0);
		assert.ok(link.isOpen);
	});

	it("such an action while the link goes: its result is there for the next one", async () => {
		fleet = await Fleet.start({ plain: true, settings: { actions: JSON.stringify(endless), pollSeconds: "600" } });
		const link = await ready();
		let id = "";
		void fleet.server.actions.execute(mac, "endless", (row) => {
			id = row.id;
		});
		await link.until("action_exec_control");
		const again = fleet.server.management.next(mac, 60_000);
		link.drop();
		await again;
		assert.equal((await fleet.server.actions.done(id, 30_000)).status, "124");
		assert.equal(fleet.running.output.match(/action endless begins/g)?.length, 1);
	});

	it("the end of its token while it is connected: link, shell, files, actions and log go on", async () => {
		fleet = await Fleet.start({ settings: { pollSeconds: "600", logUpload: "info" } });
		const link = await ready();
		fleet.server.expireTokens();
		const shell = new ManagerShell(fleet.server, mac);
		await shell.shows("fleetling> ");
		assert.ok((shell.firstOutput ?? Number.POSITIVE_INFINITY) < 5_000, `it took ${shell.firstOutput} ms`);
		await shell.run("status", oldVersion);
		shell.close();
		await fleet.says(/a shell was closed/);
		fleet.server.expireTokens();
		assert.equal((await fleet.server.files.fetch(link, "/log")).status, 0);
		const outcome = await fleet.server.actions.execute(mac, "rdfm.builtins.trigger_update_check");
		assert.equal(outcome.status, 200);
		await fleet.checked();
		const logged = await fleet.server.log.next(({ route, status }) => route === "logs" && status === 200, 30_000);
		assert.equal(logged.status, 200);
		assert.ok(link.isOpen);
		assert.equal(fleet.server.management.links.length, 1);
	});

	it("a link that is dropped at any message of the server's", async function () {
		this.timeout(180_000);
		fleet = await Fleet.start({ plain: true, settings: { pollSeconds: "600" } });
		mkdirSync(`${fleet.flash}.files`, { recursive: true });
		writeFileSync(join(`${fleet.flash}.files`, "a.bin"), Buffer.alloc(200_000));
		const { server } = fleet;
		const part = (): string => `${server.url}/local_storage_multipart/parts/x`;
		const messages: readonly Parameters<DeviceLink["send"]>[0][] = [
			{ method: "alert", alert: { message: "going" } },
			{ method: "action_list_query" },
			{ method: "action_exec", execution_id: "a", action_id: "identify" },
			{ method: "shell_attach", mac_addr: mac, uuid: "0f5f4b4e-6f3c-4a52-9f3b-2f1f3a1d9a11" },
			{ method: "fs_file_probe", id: "b", file: "/log" },
			{ method: "fs_file_download", id: "c", file: "/files/a.bin", part_size: 200_000, upload_urls: [part()] },
			{ method: "dance" },
		];
		let link = await ready();
		for (const message of messages) {
			const again = server.management.next(mac, 60_000);
			link.send(message);
			// The device has it before it knows of the end.
			setTimeout(() => link.drop(), 5);
			link = await again;
			await server.actions.offered(link);
		}
		assert.equal((await server.actions.execute(mac, "identify")).status, 200);
		assert.equal((await server.files.fetch(link, "/files/a.bin")).status, 0);
		const shell = new ManagerShell(server, mac);
		await shell.shows("fleetling> ");
		assert.doesNotMatch(fleet.running.output, /unhandled|uncaught|callback/i);
	});

	it("stale and repeated questions for files: each gets one answer, and no link is harmed by nonsense", async () => {
		fleet = await Fleet.start({ plain: true, settings: { pollSeconds: "600" } });
		let link = await ready();
		const nonsense: readonly Parameters<DeviceLink["send"]>[0][] = [
			{ method: "fs_file_probe" },
			{ method: "fs_file_probe", id: 7, file: "/log" },
			{ method: "fs_file_download", id: null, file: "/log", upload_urls: [], part_size: 1 },
		];
		for (const message of nonsense) link.send(message);
		assert.equal((await fleet.server.files.fetch(link, "/log")).status, 0);
		assert.ok(link.isOpen);
		// The server closes the link for an answer that it does not wait for: that is its rule, and the device comes back.
		const again = fleet.server.management.next(mac, 60_000);
		for (let times = 0; times < 3; times++) link.send({ method: "fs_file_probe", id: "stale", file: "/log" });
		assert.equal((await link.untilEnd()).code, 4001);
		link = await again;
		await fleet.server.actions.offered(link);
		assert.equal((await fleet.server.files.fetch(link, "/log")).status, 0);
		for (const each of fleet.server.management.links)
			for (const text of each.texts) assert.deepEqual(strangeMembers(text), [], text);
	});
});
