import { assert } from "chai";
import type { Device } from "fleetling/common/device";
import { startFirmware } from "fleetling/esp32/firmware";
import { afterEach, describe, it } from "test/harness";
import { wire } from "test/wire";
import { makeDevice } from "../../../modules/ota/test/fixture";
import { FakePowers } from "../fakes/powers";
import { MemoryStore } from "../fakes/store";

/** How often the clock was looked at. */
let looks = 0;

/** What is shown at the serial port by a device without configuration, by the time that nothing happens any more. */
async function startedWith(failure?: Error): Promise<string> {
	makeDevice();
	wire.failure = failure;
	looks = 0;
	const { system } = new FakePowers();
	const clock = {
		now: () => {
			looks++;
			return 1_763_856_000_000;
		},
	};
	let text = "";
	const device = {
		...{ system, clock },
		network: { mac: "02:f1:ee:70:00:01" },
		storage: { open: () => new MemoryStore() },
		serial: () => ({
			read: () => 0,
			write: (bytes: Uint8Array) => {
				text += String.fromCharCode(...bytes);
				return bytes.byteLength;
			},
			room: 1_024,
		}),
	} satisfies Partial<Record<keyof Device, unknown>> as unknown as Device;
	assert.equal(await startFirmware({ device, config: {} }), undefined);
	return text;
}

describe("the ESP32's firmware", () => {
	afterEach(() => {
		wire.failure = undefined;
	});

	it("brings up the network before the client, which may make a key: without the radio there is nothing random", async () => {
		const text = await startedWith();
		const client = text.indexOf("main: version");
		const network = text.indexOf("net: brought up");
		assert.isAtLeast(network, 0, text);
		assert.isAbove(client, network, text);
	});
	it("sets the clock before it connects to anything: it does so with the first use, and a chip begins in 1970", async () => {
		await startedWith();
		assert.isAtLeast(looks, 1);
	});
	it("says so when there is no network, and runs its client and console all the same", async () => {
		const text = await startedWith(new Error("no such hardware"));
		assert.include(text, "there is no network: Error: no such hardware");
		assert.include(text, "nothing to do until the configuration is changed");
		assert.include(text, "Enter opens a console");
	});
});
