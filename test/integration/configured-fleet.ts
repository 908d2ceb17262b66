/** A device on a Mender server that sets its configuration: with the application of src/README.md, which declares a key of its own. */
import assert from "node:assert/strict";
import type { Fault } from "../../targets/host/tools/firmware";
import { ecKey } from "../artifacts/keys";
import type { DeviceDeployment } from "../servers/mender/deployments";
import type { Device } from "../servers/mender/devices";
import { MenderFleet, mac } from "./mender-fleet";

type Values = Readonly<Record<string, string>>;

/** What is in force when nobody has set anything. */
export const defaults = {
	...{ checkInSeconds: "90", inventorySecs: "1", logLevel: "info", pollSeconds: "1", retryFailHours: "168" },
	"heater.target": "21",
} as const;

export class ConfiguredFleet {
	readonly fleet: MenderFleet;

	constructor(fleet: MenderFleet) {
		this.fleet = fleet;
	}

	/** Over TLS, and with a key for artifacts: configurations have no signature. */
	static async start(): Promise<ConfiguredFleet> {
		const settings = { artifactKeys: ecKey().publicPEM, inventorySecs: "1" };
		return new ConfiguredFleet(await MenderFleet.start({ firmware: { fault: "application" as Fault }, secure: true, settings }));
	}

	get device(): Device {
		const found = this.fleet.server.devices.find(mac);
		assert.ok(found);
		return found;
	}

	get reported(): Values {
		return this.fleet.server.configurations.reported(this.device);
	}

	async reportedAs(name: string, value: string): Promise<void> {
		await this.fleet.server.log.until(({ route }) => route === "configuration" && this.reported[name] === value, 20_000);
	}

	want(values: Values): void {
		this.fleet.server.configurations.want(this.device, values);
	}

	/** What was said of a deployment, repetitions left out. */
	story(deployment: DeviceDeployment): readonly string[] {
		return this.fleet.told(deployment).filter((word, at, all) => word !== all[at - 1]);
	}

	async stop(): Promise<void> {
		await this.fleet.stop();
	}
}
