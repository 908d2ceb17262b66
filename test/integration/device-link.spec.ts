/** The whole firmware and its management link: when it is opened, what is said, how it ends, and what it survives. */
import assert from "node:assert/strict";
import type { DeviceLink } from "../servers/rdfm/device-link";
import { strangeMembers } from "../servers/rdfm/device-messages";
import { htmlAnswer } from "../servers/rdfm/http";
import { Fleet, mac, oldVersion } from "./fleet";

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

/** Nothing that the device said was refused, or only let pass because the server is lenient. */
function assertProper(fleet: Fleet): void {
	for (const link of fleet.server.management.links) {
		assert.equal(link.messages.length, link.texts.length, `refused: ${link.texts.join(" ")}`);
		for (const text of link.texts) assert.deepEqual(strangeMembers(text), [], text);
		assert.notEqual(link.end?.code, 4001, link.end?.reason);
	}
}

describe("device: management link", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});
	const connected = (): Promise<DeviceLink> => fleet.server.management.connected(mac, 30_000);
	const next = (): Promise<DeviceLink> => fleet.server.management.next(mac, 60_000);

	it("opens after the first check, reports capabilities first, then its version, and stays open", async () => {
		fleet = await Fleet.start();
		const link = await connected();
		await link.until("update_version", ({ version }) => version === oldVersion);
		assert.equal(link.messages[0]?.method, "capability_report");
		assert.deepEqual(Object.keys(link.capabilities).sort(), ["action", "filesystem", "shell"]);
		await fleet.checked();
		await fleet.checked();
		assert.ok(link.isOpen);
		assert.equal(fleet.server.management.links.length, 1);
		await fleet.says(/management link is open/);
		assertProper(fleet);
	});

	it("is not opened when it is switched off", async () => {
		fleet = await Fleet.start({ plain: true, settings: { management: "off" } });
		await fleet.checked();
		await pause(1_000);
		assert.equal(fleet.server.management.links.length, 0);
	});

	it("is closed in order before an update restarts the device, follows the update, and comes back", async () => {
		fleet = await Fleet.start();
		const first = await connected();
		await fleet.offerFirmware("1.1.0");
		const again = next();
		const end = await first.untilEnd(60_000);
		assert.deepEqual(end, { code: 1001, reason: "", by: "device" });
		const told = first.messages.flatMap((message) => (message.method === "update_progress" ? [message.progress] : []));
		assert.ok(told.length > 0 && told.every((percent, at) => percent <= 99 && percent >= (told[at - 1] ?? 0)), `${told}`);
		const second = await again;
		await second.until("update_version", ({ version }) => version === "1.1.0", 60_000);
		await second.until("update_progress", ({ progress }) => progress === 100, 60_000);
		assert.deepEqual(fleet.server.updates, []);
		await fleet.confirmed("1.1.0");
		assert.deepEqual(fleet.server.management.duplicates, []);
		assertProper(fleet);
	});

	it("opens again with another token after the server has dropped it and all tokens", async () => {
		fleet = await Fleet.start({ settings: { pollSeconds: "600" } });
		const first = await connected();
		fleet.server.expireTokens();
		const again = next();
		first.drop();
		await again;
		const last = await connected();
		assert.ok(last.isOpen && last !== first);
		assert.ok(fleet.server.management.refusals.every(({ status }) => status === 401));
		assertProper(fleet);
	});

	it("outlives its token", async () => {
		fleet = await Fleet.start({ plain: true });
		const link = await connected();
		fleet.server.expireTokens();
		await fleet.checked();
		await fleet.checked();
		link.send({ method: "alert", alert: { message: "still there?" } });
		await fleet.says(/still there\?/);
		assert.ok(link.isOpen);
	});

	const drops: Readonly<Record<string, (link: DeviceLink) => void>> = {
		"breaks it off": (link) => link.drop(),
		"says goodbye": (link) => link.close([1000, ""]),
		"finds the device too silent": (link) => link.close([1008, "Ping/Pong timeout"]),
		"refuses what the device has said": (link) => link.close([4001, "invalid request"]),
		"fails, and answers with HTTP in the frame stream": (link) => link.crash(),
		"sends a message that is too long": (link) =>
			link.raw(JSON.stringify({ method: "alert", alert: { message: "x".repeat(200_000) } })),
	};
	it("opens again when the server ends it, whichever way", async function () {
		this.timeout(180_000);
		fleet = await Fleet.start({ plain: true });
		let link = await connected();
		for (const drop of Object.values(drops)) {
			const again = next();
			drop(link);
			link = await again;
			await link.until("capability_report");
		}
		assert.doesNotMatch(fleet.running.output, /E \(\d+\) agent|callback/);
	});

	it("opens again when the server drops it at any of the device's messages", async () => {
		fleet = await Fleet.start({ plain: true });
		const { management } = fleet.server;
		let drops = 0;
		management.events.on("link", (link) => {
			const at = drops++;
			// The version is told once, through the first of them.
			link.events.on("message", () => {
				if (at < 3 && link.messages.length === [1, 2, 2][at]) link.drop();
			});
		});
		management.linkOf(mac)?.drop();
		while (drops < 4) await next();
		const last = await connected();
		await last.until("action_list_update");
		assert.ok(last.isOpen);
		assertProper(fleet);
	});

	it("stays open whatever is said that makes no sense", async () => {
		fleet = await Fleet.start({ plain: true });
		const link = await connected();
		const nonsense = [
			"",
			"{",
			"null",
			"7",
			"[]",
			"{}",
			'{"method":7}',
			'{"method":"dance"}',
			'{"method":"alert"}',
			'{"method":"alert","alert":{}}',
		];
		for (const text of nonsense) link.raw(text);
		link.raw(Uint8Array.of(1, 2, 3));
		link.raw('{"method":"alert","alert":{"message":"in pieces"}}', 7);
		await fleet.says(/in pieces/);
		await fleet.says(/does not know/);
		assert.ok(link.isOpen);
		assertProper(fleet);
	});

	it("waits for a minute when the server still believes in an earlier connection", async () => {
		fleet = await Fleet.start({ plain: true, settings: { logLevel: "debug" } });
		await connected();
		// The power is cut: no goodbye, and a server that learns of it by its ping only.
		fleet.server.management.hold(mac);
		await fleet.running.cutPower();
		await fleet.switchOn();
		await fleet.says(/4002/);
		await fleet.says(/next try to open the management link in 6\d\.\d s/);
		// Check-ins go on meanwhile, and do not shorten it.
		for (let checks = 0; checks < 4; checks++) await fleet.checked();
		assert.equal(fleet.server.management.duplicates.length, 1);
	});

	it("refused by a status: tries again, with growing pauses, and says so once", async () => {
		fleet = await Fleet.start({ plain: true, unknown: true });
		const { management } = fleet.server;
		for (let times = 0; times < 3; times++) management.refuseNext.push(htmlAnswer(500));
		await fleet.server.waitForPending(mac, 30_000);
		fleet.server.approve(mac);
		await connected();
		assert.deepEqual(
			management.refusals.map(({ status }) => status),
			[500, 500, 500],
		);
		assert.equal(fleet.running.output.match(/refused the management link with status 500/g)?.length, 1);
		await fleet.says(/open again/);
	});

	it("answers pings while it updates", async () => {
		fleet = await Fleet.start({ server: { pingInterval: 500 } });
		const link = await connected();
		await fleet.offerFirmware("1.1.0", { padTo: 1_500_000 });
		assert.equal((await link.untilEnd(60_000)).by, "device");
		await fleet.confirmed("1.1.0");
	});
});
