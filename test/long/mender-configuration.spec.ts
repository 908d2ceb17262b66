/** A whole device whose configuration the server sets: what is no good, what is in disguise, power cuts, and the switch. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { writeArtifact } from "../artifacts/writer";
import { ConfiguredFleet, defaults } from "../integration/configured-fleet";
import { deviceType, type MenderFleet, mac } from "../integration/mender-fleet";
import { ManagerTerminal } from "../servers/mender/manager-terminal";

const path = "/api/devices/v1/deviceconfig/configuration";

describe("device on a Mender server: configuration, and what can go wrong with it", function () {
	this.timeout(60_000);
	// One device for all.
	let configured: ConfiguredFleet;
	let fleet: MenderFleet;
	before(async () => {
		configured = await ConfiguredFleet.start();
		fleet = configured.fleet;
	});
	after(() => configured?.stop());

	it("says once what it cannot do, and does nothing of it", async () => {
		configured.want({ "heater.target": "22", url: "https://elsewhere.example" });
		await fleet.says(
			/W \(\d+\) mender: config\.protected: the configuration key "url" is not for the server to set: it can set .*heater\.target/,
		);
		const { length } = fleet.server.log.of("configuration");
		await fleet.server.log.until(() => fleet.server.log.of("configuration").length > length, 20_000);
		assert.equal(fleet.running.output.match(/W \(\d+\) mender: config\.protected/g)?.length, 1);
		configured.want({ "heater.target": "22", note: "x".repeat(4_096) });
		await fleet.says(/W \(\d+\) mender: http\.body-too-large/);
		assert.deepEqual(configured.reported, defaults);
		assert.equal(fleet.running.boots.length, 1);
	});

	it("refuses an unsigned artifact that only looks like a configuration", async () => {
		const name = "configuration-9";
		const files = [{ name: "anything.bin", content: Buffer.alloc(100) }];
		const content = writeArtifact({ name, deviceTypes: [deviceType], payloads: [{ type: "mender-configure", files }] });
		const deployment = fleet.server.deploy(mac, { name, deviceTypes: [deviceType], content });
		await fleet.server.until(deployment, "failure");
		assert.match(deployment.substate, /^artifact\.unsigned/);
	});

	it("comes through a power cut in the middle of it, and holds after that", async () => {
		const { server } = fleet;
		const slow = server.faults.add("status", { kind: "delay", milliseconds: 700 }, { times: Number.POSITIVE_INFINITY });
		const deployment = server.configure(mac, { "heater.target": "25" });
		await fleet.says(/config: the server has set heater\.target\n/, 20_000);
		await pause(100);
		await fleet.running.cutPower();
		slow.remove();
		await fleet.switchOn();
		await fleet.says(/heater: heating to 25 degrees/);
		await server.until(deployment, "success");
		await configured.reportedAs("heater.target", "25");
		assert.deepEqual(configured.reported, { ...defaults, "heater.target": "25" });
	});

	it("takes back what the device has crashed with, and does not try it again", async () => {
		const { server } = fleet;
		// What it goes back to is what it has lived with: for a minute, or up to a restart that was meant.
		const connection = await server.connect.connected(mac);
		const terminal = new ManagerTerminal(connection.open("a4d9c64f-3de5-40f0-9886-c0f77d00baf1"));
		await terminal.shows("fleetling> ");
		const boots = fleet.running.boots.length;
		terminal.type("reboot\r");
		await fleet.running.until("its restart", (device) => device.boots.length > boots);
		await fleet.checked();
		const deployment = server.configure(mac, { "heater.target": "27" });
		await server.until(deployment, "success");
		await configured.reportedAs("heater.target", "27");
		await fleet.running.cutPower();
		await fleet.switchOn(["--reset-reason", "panic"]);
		await fleet.says(/E \(\d+\) config: the device has crashed with what the server had set \(heater\.target\)/);
		await fleet.says(/heater: heating to 25 degrees/);
		await fleet.says(/W \(\d+\) mender: config\.crashed/);
		await configured.reportedAs("heater.target", "25");
		const again = server.configure(mac, { "heater.target": "27" });
		await server.until(again, "failure");
		assert.match(again.substate, /^config\.crashed/);
		const other = server.configure(mac, { "heater.target": "26" });
		await server.until(other, "success");
	});

	it("does nothing of it where the device does not allow it", async () => {
		await fleet.running.cutPower();
		const { length } = fleet.server.log.records;
		await fleet.switchOn(["--set", "remoteConfig=off"]);
		await fleet.says(/heater: heating to 21 degrees/);
		const deployment = fleet.server.configure(mac, { "heater.target": "20" });
		await fleet.server.until(deployment, "failure");
		await fleet.checked();
		assert.match(deployment.substate, /^config\.remote-off/);
		const asked = fleet.server.log.records.slice(length).filter(({ path: at }) => at === path);
		assert.deepEqual(asked, []);
	});
});
