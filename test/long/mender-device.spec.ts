/**
 * A whole device with `server=mender`, scenario by scenario of the recordings of the real clients; the table in
 * src/servers/mender/README.md has their outcomes beside these.
 */
import assert from "node:assert/strict";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { menderArtifact } from "../artifacts/mender";
import { deviceType, MenderFleet, mac, oldVersion } from "../integration/mender-fleet";
import type { DeviceDeployment } from "../servers/mender/deployments";
import type { Request } from "../servers/rdfm/http";

const tool = menderArtifact();
const good = ["downloading", "installing", "rebooting", "installing", "success"];
const saysIn = (body: Uint8Array, word: string): boolean => Buffer.from(body).includes(word);
const says =
	(word: string) =>
	({ body }: Request): boolean =>
		body.toString().includes(`"${word}"`);

describe("device on a Mender server", function () {
	this.timeout(150_000);
	let fleet: MenderFleet;
	before(function () {
		if (!("missing" in tool)) return;
		process.stdout.write(`      skipped: ${tool.missing}\n`);
		this.skip();
	});
	afterEach(async () => {
		await fleet?.stop();
	});

	/** The old firmware runs and is what the device says it has. */
	async function kept(): Promise<void> {
		await fleet.checked();
		assert.equal(fleet.running.version, oldVersion);
		assert.equal(fleet.running.boots.at(-1)?.slot, "ota_0");
		assert.equal(fleet.artifactName, oldVersion);
	}

	/** The new one is confirmed. */
	async function arrived(version = "1.1.0"): Promise<void> {
		await fleet.checked();
		assert.equal(fleet.running.version, version);
		assert.ok(fleet.running.confirmed);
		assert.equal(fleet.artifactName, `release-${version}`);
	}

	const logOf = ({ log = [] }: DeviceDeployment): string => log.map(({ message }) => message).join("\n");

	it("success: every state is told, and the artifact name changes only when the server has the outcome", async () => {
		fleet = await MenderFleet.start();
		const deployment = await fleet.deploy("1.1.0");
		await fleet.server.until(deployment, "success");
		await arrived();
		assert.deepEqual(fleet.told(deployment), good);
		assert.equal(deployment.log, undefined);
		const ended = fleet.server.log.records.find(({ path, body }) => path.includes(deployment.id) && saysIn(body, "success"));
		const names = fleet.server.log
			.of("check")
			.filter(({ method, at }) => method === "GET" && at < (ended?.at ?? 0))
			.map(({ query }) => new URLSearchParams(query).get("artifact_name"));
		assert.ok(names.length >= 3, "one before, one on trial");
		assert.deepEqual([...new Set(names)], [oldVersion]);
		assert.equal(fleet.server.log.of("download").length, 1);
	});

	it("success on a server with the second version: provides of the artifact go with the question and the inventory", async () => {
		fleet = await MenderFleet.start({ server: { hosted: true }, settings: { inventorySecs: "2" } });
		const deployment = await fleet.deploy("1.1.0", {}, { more: ["-p", "bootloader:7"] });
		await fleet.server.until(deployment, "success");
		await fleet.checked();
		const expected = {
			artifact_name: "release-1.1.0",
			"rootfs-image.esp32-image.version": "release-1.1.0",
			bootloader: "7",
			device_type: deviceType,
		};
		assert.deepEqual(fleet.bodies("check").at(-1), { device_provides: expected });
		const device = fleet.server.devices.find(mac);
		assert.ok(device);
		await fleet.server.log.until(({ method }) => method === "PATCH");
		const inventory = Object.fromEntries(fleet.server.inventories.of(device));
		for (const [name, value] of Object.entries(expected)) assert.equal(inventory[name], value, name);
		assert.equal(inventory.firmware_version, "1.1.0");
		assert.equal(fleet.server.log.of("inventory")[0]?.method, "PUT");
		// What it provides is what the next artifact can depend on.
		const next = await fleet.deploy("1.2.0", {}, { more: ["-d", "bootloader:7", "-N", "release-1.1.0"] });
		await fleet.server.until(next, "success");
	});

	it("install failure: failure and its log, nothing is restarted, the deployment does not come again", async () => {
		fleet = await MenderFleet.start();
		const image = await makeFirmware({ version: "1.1.0" });
		const at = image.length - 100;
		image[at] = (image[at] ?? 0) ^ 0xff;
		const deployment = await fleet.deploy("1.1.0", {}, { files: [fleet.workbench.file("damaged.bin", image)] });
		await fleet.server.until(deployment, "failure");
		await kept();
		assert.deepEqual(fleet.told(deployment), ["downloading", "installing", "failure", "log"]);
		assert.match(logOf(deployment), /downloading update/);
		assert.match(deployment.log?.at(-1)?.message ?? "", /^image\./);
		assert.match(deployment.substate, /^image\./);
		assert.equal(fleet.running.boots.length, 1);
		assert.equal(fleet.server.log.of("download").length, 1);
		// The same device is none the worse for it.
		const next = await fleet.deploy("1.2.0");
		await fleet.server.until(next, "success");
	});

	it("abort while downloading, with a connection to ask with: noticed within seconds, the rest is not fetched", async () => {
		fleet = await MenderFleet.start({ settings: { connections: "3" } });
		fleet.server.faults.add("download", { kind: "pace", bytesPerSecond: 40_000 });
		const deployment = await fleet.deploy("1.1.0", { padTo: 900_000 });
		await fleet.server.until(deployment, "downloading");
		fleet.server.deployments.abort(deployment);
		await fleet.server.log.next(({ body, status }) => saysIn(body, "failure") && status === 409, 30_000);
		await kept();
		assert.deepEqual(fleet.told(deployment), ["downloading", "downloading 409", "failure 409"]);
		assert.equal(fleet.server.log.of("download")[0]?.complete, false);
		assert.equal(deployment.status, "aborted");
	});

	for (const [word, told, boots] of [
		["installing", ["downloading", "installing 409", "failure 409"], 1],
		["rebooting", ["downloading", "installing", "rebooting 409", "failure 409"], 1],
		["commit", ["downloading", "installing", "rebooting", "installing 409", "failure 409"], 3],
	] as const)
		it(`abort while ${word}: back to the old firmware, and no more of it`, async () => {
			fleet = await MenderFleet.start();
			const { server } = fleet;
			// The administrator is just before the device.
			const deployment: { current?: DeviceDeployment } = {};
			server.faults.add(
				"status",
				{ kind: "delay", milliseconds: 1 },
				{
					when: (request) => {
						if (says(word)(request) && deployment.current) server.deployments.abort(deployment.current);
						return true;
					},
					times: Number.POSITIVE_INFINITY,
				},
			);
			deployment.current = await fleet.deploy("1.1.0");
			await server.log.next(({ body, status }) => saysIn(body, "failure") && status === 409, 60_000);
			await kept();
			assert.deepEqual(fleet.told(deployment.current), told);
			assert.equal(fleet.running.boots.length, boots);
			const next = await fleet.deploy("1.2.0");
			await server.until(next, "success");
		});

	it("token expiry midway: a new one, and the same call again", async () => {
		fleet = await MenderFleet.start();
		fleet.server.faults.expireTokens("status", { when: says("installing") });
		const before = fleet.server.log.of("auth").length;
		const deployment = await fleet.deploy("1.1.0");
		await fleet.server.until(deployment, "success");
		await arrived();
		assert.deepEqual(fleet.told(deployment), ["downloading", "installing 401", ...good.slice(1)]);
		assert.equal(fleet.server.log.of("auth").length - before, 2, "one for it, one after the restart");
	});

	it("status 500: the outcome is told until the server has it, over a restart, and until then the name stays", async () => {
		fleet = await MenderFleet.start();
		const broken = fleet.server.faults.serverError("status", { when: says("success"), times: Number.POSITIVE_INFINITY });
		const deployment = await fleet.deploy("1.1.0");
		await fleet.running.until("two refused reports", () => broken.hits >= 2, 60_000);
		await fleet.running.cutPower();
		await fleet.switchOn();
		const hits = broken.hits;
		await fleet.running.until("another", () => broken.hits > hits, 60_000);
		assert.equal(fleet.artifactName, oldVersion);
		assert.equal(fleet.running.version, "1.1.0");
		broken.remove();
		await fleet.server.until(deployment, "success");
		await arrived();
		assert.equal(fleet.server.log.of("download").length, 1);
		assert.equal(deployment.status, "success");
	});

	it("success whose answer is lost: told again before the next deployment is asked for, which is no conflict then", async () => {
		fleet = await MenderFleet.start();
		const { faults } = fleet.server;
		faults.add("status", { kind: "rewrite", change: (answer) => ({ ...answer, status: 500 }) }, { when: says("success") });
		const content = await fleet.artifact("1.2.0");
		const first = await fleet.deploy("1.1.0");
		const second = fleet.server.deploy(mac, { name: "release-1.2.0", deviceTypes: [deviceType], content });
		await fleet.server.until(first, "success");
		await fleet.server.until(second, "success");
		assert.ok(!second.history.includes("failure"));
		assert.equal(fleet.server.log.records.filter(({ status }) => status === 409).length, 0);
	});

	for (const [what, options, code] of [
		["unmet depends", { more: ["-d", "bootloader:2"] }, "artifact.unmet-depends"],
		["a dependency on another artifact", { more: ["-N", "release-0"] }, "artifact.unmet-depends"],
		["a dependency on another group", { more: ["-G", "beta"] }, "artifact.unmet-depends"],
		["wrong device type", { deviceTypes: ["toaster"] }, "artifact.wrong-device"],
		["a compression that is not known", { compression: "lzma" }, "artifact.unsupported-compression"],
	] as const)
		it(`${what}: failure and its log before anything is written`, async () => {
			fleet = await MenderFleet.start();
			const deployment = await fleet.deploy("1.1.0", {}, options);
			await fleet.server.until(deployment, "failure");
			await kept();
			assert.deepEqual(fleet.told(deployment), ["downloading", "failure", "log"]);
			assert.ok(deployment.log?.at(-1)?.message.startsWith(code), deployment.log?.at(-1)?.message);
			assert.equal(fleet.running.boots.length, 1);
		});

	it("cut download: goes on where it was, by the same link", async () => {
		fleet = await MenderFleet.start();
		fleet.server.faults.cutDownload(300_000);
		const deployment = await fleet.deploy("1.1.0", { padTo: 900_000 });
		await fleet.server.until(deployment, "success");
		await arrived();
		const [first, second] = fleet.server.log.of("download");
		assert.equal(second?.status, 206);
		assert.equal(second?.query, first?.query);
		assert.match(String(second?.headers.range), /^bytes=2\d{5}-$/);
		assert.deepEqual(fleet.told(deployment), good);
	});

	it("cut download and a link that has ended: a fresh one, and on from where it was", async () => {
		fleet = await MenderFleet.start();
		const { server } = fleet;
		server.faults.cutDownload(300_000);
		const deployment = await fleet.deploy("1.1.0", { padTo: 900_000 });
		await server.log.next(({ route }) => route === "download");
		server.storage.expireLinks();
		await server.until(deployment, "success");
		await arrived();
		const downloads = server.log.of("download");
		assert.deepEqual(
			downloads.map(({ status }) => status),
			[200, 403, 206],
		);
		assert.match(String(downloads[2]?.headers.range), /^bytes=2\d{5}-$/);
	});

	it("rollback: a firmware that does not check in is left, and its failure told with a log", async () => {
		fleet = await MenderFleet.start({ settings: { checkInSeconds: "8" } });
		const deployment = await fleet.deploy("1.1.0", { fault: "offline" });
		await fleet.server.until(deployment, "failure");
		await kept();
		assert.deepEqual(fleet.told(deployment), ["downloading", "installing", "rebooting", "failure", "log"]);
		assert.match(deployment.log?.at(-1)?.message ?? "", /^update\.rolled-back: it did not check in/);
		assert.match(logOf(deployment), /version 1\.1\.0 was rolled back/);
	});

	it("a file that needs no restart: in use, told, and the name follows", async () => {
		fleet = await MenderFleet.start();
		const { workbench } = fleet;
		const files = [
			workbench.file("dest_dir", "/etc/app\n"),
			workbench.file("filename", "app.conf\n"),
			workbench.file("permissions", "644\n"),
			workbench.file("app.conf", "interval = 60\n"),
		];
		const broken = fleet.server.faults.serverError("status", { when: says("success"), times: 2 });
		const deployment = await fleet.deploy("conf-2", {}, { type: "single-file", files });
		await fleet.running.until("a refused report", () => broken.hits >= 1, 30_000);
		await fleet.server.until(deployment, "success");
		await fleet.checked();
		assert.equal(fleet.artifactName, "release-conf-2");
		assert.equal(fleet.running.boots.length, 1);
		const { at = 0 } = fleet.server.log.records.find(({ body, status }) => saysIn(body, "success") && status === 204) ?? {};
		for (const { query } of fleet.server.log.of("check").filter((record) => record.method === "GET" && record.at < at))
			assert.equal(new URLSearchParams(query).get("artifact_name"), oldVersion);
		assert.equal(deployment.history.includes("failure"), false, "no conflict");
	});
});
