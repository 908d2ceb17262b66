/** A whole device with `server=mender` and its configuration: what the server wants by itself, and what is deployed. */
import assert from "node:assert/strict";
import { ConfiguredFleet, defaults } from "./configured-fleet";
import { type MenderFleet, mac } from "./mender-fleet";

describe("device on a Mender server: configuration", function () {
	this.timeout(60_000);
	// One device for all.
	let configured: ConfiguredFleet;
	let fleet: MenderFleet;
	before(async () => {
		configured = await ConfiguredFleet.start();
		fleet = configured.fleet;
	});
	after(() => configured?.stop());

	it("reports what is in force, and nothing that the server could not set", async () => {
		await configured.reportedAs("pollSeconds", "1");
		assert.deepEqual(configured.reported, defaults);
	});

	it("puts what the server wants into force at once, and reports that", async () => {
		configured.want({ "heater.target": "23", logLevel: "info,mender=debug", checkInSeconds: "80" });
		await configured.reportedAs("heater.target", "23");
		assert.deepEqual(configured.reported, {
			...defaults,
			"heater.target": "23",
			logLevel: "info,mender=debug",
			checkInSeconds: "80",
		});
		await fleet.says(/config: the server has set checkInSeconds, heater\.target, logLevel/);
		await fleet.says(/heater: heating to 23 degrees/);
		assert.equal(fleet.running.boots.length, 1);
	});

	it("installs what is deployed, without a signature and without a restart, and goes by the new name afterwards", async () => {
		const deployment = fleet.server.configure(mac, { "heater.target": "24", checkInSeconds: "70" });
		await fleet.server.until(deployment, "success");
		assert.deepEqual(configured.story(deployment), ["downloading", "installing", "success"]);
		await configured.reportedAs("heater.target", "24");
		assert.deepEqual(configured.reported, { ...defaults, "heater.target": "24", checkInSeconds: "70" });
		await fleet.checked();
		assert.equal(fleet.artifactName, deployment.artifact.name);
		const version = "data-partition.mender-configure.version";
		await fleet.server.log.until(
			() => fleet.server.inventories.of(configured.device).get(version) === deployment.artifact.name,
			20_000,
		);
		assert.equal(fleet.running.boots.length, 1);
		const { headers } = fleet.server.log.of("download").at(-1) ?? {};
		assert.equal(headers?.authorization, undefined);
	});

	it("fails what is no good with the key's name in the log, and keeps all that was", async () => {
		const before = configured.reported;
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
			configured.want({ "heater.target": "24", checkInSeconds: "70" });
			await fleet.server.until(deployment, "failure");
			await fleet.server.log.until(() => deployment.log !== undefined, 20_000);
			assert.match(deployment.log?.at(-1)?.message ?? "", text);
			assert.deepEqual(configured.story(deployment).slice(-2), ["failure", "log"]);
		}
		await fleet.checked();
		assert.deepEqual(configured.reported, before);
		assert.equal(fleet.running.boots.length, 1);
	});
});
