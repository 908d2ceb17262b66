import type { SystemControl } from "fleetling/common/device";
import { Log } from "fleetling/common/log";
import { LogMemory } from "fleetling/common/log-memory";
import { FleetlingError } from "fleetling/error/error";
import type { Configuration, Powers } from "fleetling/management/commands/powers";
import { FakeSlots } from "./slots";

/** A configuration with one key of each kind. */
class FakeConfiguration implements Configuration {
	readonly names = ["url", "password", "pollSeconds"];
	readonly stored = new Map<string, string>();

	show(name: string): ReturnType<Configuration["show"]> {
		this.#known(name);
		const value = this.stored.get(name);
		const help = `give the ${name}`;
		if (name === "pollSeconds" && value === undefined) return { name, value: "900", origin: "default", help };
		return { name, value: name === "password" && value !== undefined ? "(hidden)" : value, origin: "device", help };
	}

	set(name: string, value: string): void {
		this.#known(name);
		if (name === "pollSeconds" && Number.isNaN(Number(value)))
			throw new FleetlingError("config.invalid", `configuration key "${name}" is "${value}": expected a number`);
		this.stored.set(name, value);
	}

	reset(name: string): void {
		this.#known(name);
		this.stored.delete(name);
	}

	#known(name: string): void {
		if (!this.names.includes(name)) throw new FleetlingError("config.unknown", `there is no configuration key "${name}"`);
	}
}

/** What a device can do, noting what was done. */
export class FakePowers implements Powers {
	readonly calls: string[] = [];
	now = 0;
	readonly system: SystemControl = {
		resetReason: "power-on",
		target: "esp32c3",
		engine: "13.3.0",
		forget: () => this.calls.push("system.forget"),
		restart: () => this.calls.push("system.restart"),
		ticks: () => this.now,
		memory: () => ({
			slotsUsed: 12_345,
			slotsPeak: 23_456,
			chunksUsed: 1_000,
			chunksPeak: 2_000,
			stackPeak: 3_000,
			limit: 65_536,
		}),
	};
	readonly clock = { now: () => 1_763_856_000_000, set: () => {} };
	readonly logMemory = new LogMemory(512);
	readonly log = new Log({ sink: (line) => this.logMemory.add(line, this.now), ticks: () => this.now });
	readonly slots = new FakeSlots();
	readonly configuration = new FakeConfiguration();
	readonly update: Powers["update"] = { version: "1.0.0", onTrial: false, lastFailure: undefined };
	updating = false;
	readonly agent = {
		state: "idle",
		checkNow: () => {
			this.calls.push("checkNow");
		},
		cancelUpdate: (reason: string) => {
			this.calls.push(`cancel: ${reason}`);
			return this.updating;
		},
	};
	readonly identity = {
		publicPEM: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		mac: "24:6f:28:aa:bb:cc",
		deviceType: "lamp",
	};
	evaluate: ((source: string) => string) | undefined;

	network(): readonly (readonly [string, string])[] {
		return [["server", "RDFM server https://host"]];
	}

	restart(reason: string): void {
		this.calls.push(`restart: ${reason}`);
	}

	factoryReset(): void {
		this.calls.push("factoryReset");
	}
}
