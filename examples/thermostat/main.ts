/**
 * An application with Fleetling in it: a thermostat that does not restart while it heats, and that a manager can ask for its
 * temperature. The board's network, console and clock are the target's.
 */
import { startFirmware } from "fleetling/esp32/firmware";
import type { Action } from "fleetling/management/actions/action";
import device from "fleetling/target";
import type { UpdatePolicy } from "fleetling/update/gate";
import config from "mc/config";
import Timer from "timer";

/** How often the room is looked at, in milliseconds. */
const interval = 1_000;
/** Degrees Celsius. */
const wanted = 20;

/** A room that cools down, and warms up while the heater is on. Put a sensor and a relay in its place. */
class Room {
	#temperature = 17;
	#heating = false;

	get heating(): boolean {
		return this.#heating;
	}

	get temperature(): number {
		return this.#temperature;
	}

	tick(): void {
		this.#temperature += this.#heating ? 0.1 : -0.05;
		if (this.#temperature < wanted - 0.5) this.#heating = true;
		if (this.#temperature > wanted + 0.5) this.#heating = false;
	}
}

const room = new Room();
Timer.repeat(() => room.tick(), interval);

/** A download does no harm; the restart waits until the heater is off, and is asked for again in a minute. */
const policy: UpdatePolicy = {
	allows: (step) => (step === "restart" && room.heating ? 60_000 : true),
};

const temperature: Action = {
	id: "temperature",
	name: "Temperature",
	description: "What the thermostat measures, in degrees Celsius",
	command: ["temperature"],
	timeout: 5,
	run({ print }) {
		print(`${room.temperature.toFixed(1)}\n`);
	},
};

void startFirmware({ device, config, policy, actions: [temperature] });
