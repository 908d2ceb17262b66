/** A whole device with `server=mender` and its configuration: what the server wants by itself, and what is deployed. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { ecKey } from "../artifacts/keys";
import type { DeviceDeployment } from "../servers/mender/deployments";
import { deviceType, MenderFleet, mac } from "./mender-fleet";

const path = "/api/devices/v1/deviceconfig/configuration";

describe("device on a Mender server: configuration", function () {
	this.timeout(60_000);
	let fleet: MenderFleet;
	// One device for all, which installs signed artifacts only: configurations have no signature.
	before(async () => {
		const settings = { artifactKeys: ecKey().publicPEM, inventorySecs: "1" };
		fleet = await MenderFleet.start({ firmware: { fault: "application" as never }, secure: true, settings });
	});
	after(() => fleet?.stop());

	const device = () => {
		const found = fleet.server.devices.find(mac);
		assert.ok(found);
		return found;
	};
	const reported = (): Readonly<Record<string, string>> => fleet.server.configurations.reported(device());
	const reportedAs = (name: string, value: string): Promise<unknown> =>
		fleet.server.log.until(({ route }) => route === "configuration" && reported()[name] === value, 20_000);
	const want = (values: Readonly<Record<string, string>>): void => fleet.server.configurations.want(device(), values);
	/** What was said of a deployment, repetitions left out. */
	const story = (deployment: DeviceDeployment): readonly string[] =>
		fleet.told(deployment).filter((word, at, all) => word !== all[at - 1]);
	const defaults = {
		checkInSeconds: "90",
		inventorySecs: "1",
		logLevel: "info",
		pollSeconds: "1",
		retryFailHours: "168",
		"heater.target": "21",
	};

	it("reports what is in force, and nothing that the server could not set", async () => {
		await reportedAs("pollSeconds", "1");
		assert.deepEqual(reported(), defaults);
	});

	it("puts what the server wants into force at once, and reports that", async () => {
		want({ "heater.target": "23", logLevel: "info,mender=debug", checkInSeconds: "80" });
		await reportedAs("heater.target", "23");
		assert.deepEqual(reported(), { ...defaults, "heater.target": "23", logLevel: "info,mender=debug", checkInSeconds: "80" });
		await fleet.says(/config: the server has set checkInSeconds, heater\.target, logLevel/);
		await fleet.says(/heater: heating to 23 degrees/);
		assert.equal(fleet.running.boots.length, 1);
	});

	it("says once what it cannot do, and does nothing of it", async () => {
		want({ "heater.target": "22", url: "https://elsewhere.example" });
		await fleet.says(
			/W \(\d+\) mender: config\.protected: the configuration key "url" is not for the server to set: it can set .*heater\.target/,
		);
		const { length } = fleet.server.log.of("configuration");
		await fleet.server.log.until(() => fleet.server.log.of("configuration").length > length, 20_000);
		assert.equal(fleet.running.output.match(/W \(\d+\) mender: config\.protected/g)?.length, 1);
		assert.equal(reported()["heater.target"], "23");
	});

	it("installs what is deployed, without a signature and without a restart, and goes by the new name afterwards", async () => {
		const deployment = fleet.server.configure(mac, { "heater.target": "24", checkInSeconds: "70" });
		await fleet.server.until(deployment, "success");
		assert.deepEqual(story(deployment), ["downloading", "installing", "success"]);
		await reportedAs("heater.target", "24");
		assert.deepEqual(reported(), { ...defaults, "heater.target": "24", checkInSeconds: "70" });
		await fleet.checked();
		assert.equal(fleet.artifactName, deployment.artifact.name);
		const version = "data-partition.mender-configure.version";
		await fleet.server.log.until(() => fleet.server.inventories.of(device()).get(version) === deployment.artifact.name, 20_000);
		assert.equal(fleet.running.boots.length, 1);
		const { headers } = fleet.server.log.of("download").at(-1) ?? {};
		assert.equal(headers?.authorization, undefined);
	});

	it("fails what is no good with the key's name in the log, and keeps all that was", async () => {
		const before = reported();
		for (const [values, text] of [
			[{ "heater.target": "20", deviceType: "other" }, /^config\.protected: the configuration key "deviceType"/],
			[
				{ "heater.target": "hot", pollSeconds: "5" },
				/^config\.invalid: configuration key "heater\.target" is "hot": expected degrees/,
			],
			[{ "heater.target": "13" }, /^config\.refused: the application refuses "heater\.target": .*unlucky/],
		] as const) {
			const deployment = fleet.server.configure(mac, values);
			// Not what is wanted: that would be tried, too.
			want({ "heater.target": "24", checkInSeconds: "70" });
			await fleet.server.until(deployment, "failure");
			await fleet.server.log.until(() => deployment.log !== undefined, 20_000);
			assert.match(deployment.log?.at(-1)?.message ?? "", text);
			assert.deepEqual(story(deployment).slice(-2), ["failure", "log"]);
		}
		await fleet.checked();
		assert.deepEqual(reported(), before);
		assert.equal(fleet.running.boots.length, 1);
	});

	it("refuses an unsigned artifact that only looks like a configuration", async () => {
		const files = [fleet.workbench.file("anything.bin", 100)];
		const content = await fleet.artifact("9", {}, { type: "mender-configure", name: "configuration-9", files });
		const deployment = fleet.server.deploy(mac, { name: "configuration-9", deviceTypes: [deviceType], content });
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
		await reportedAs("heater.target", "25");
		assert.deepEqual(reported(), { ...defaults, "heater.target": "25" });
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
