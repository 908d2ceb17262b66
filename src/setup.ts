import { FleetlingError } from "fleetling/error/error";
import { StoredConfiguration } from "./agent/configuration";
import type { Device } from "./common/device";
import { Log } from "./common/log";
import { LogMemory } from "./common/log-memory";
import { type Command, CommandTable } from "./management/commands/command";
import { config } from "./management/commands/config";
import { reboot } from "./management/commands/control";
import { flash, mem } from "./management/commands/device";
import { helpFor } from "./management/commands/help";
import type { Powers } from "./management/commands/powers";
import type { OpenShell } from "./management/console/serial-console";
import { ShellSession } from "./management/shell/session";
import { OTASlots } from "./update/ota-slots";

export interface SetupOptions {
	readonly device: Device;
	/** Values of the build. */
	readonly config: Readonly<Record<string, unknown>>;
	/** Commands of the target, e.g. for its network. */
	readonly commands: readonly Command[];
}

/**
 * The shell of a device whose client does not run, because its configuration is not complete or wrong: it can be looked at, configured
 * and restarted.
 */
export function setupShell({ device, config: build, commands }: SetupOptions): OpenShell {
	return (line, onExit) => {
		const help = helpFor(() => table);
		const table = new CommandTable([help, config, mem, flash, reboot, ...commands]);
		const { system } = device;
		return new ShellSession({
			line,
			onExit,
			table,
			powers: setupPowers(device, build),
			banner: `${system.target} is not set up: "config set KEY VALUE" and then "reboot"; "help" lists the commands\n`,
			prompt: "setup> ",
		});
	};
}

function setupPowers(device: Device, build: Readonly<Record<string, unknown>>): Powers {
	const { storage, system, clock } = device;
	const missing = (): never => {
		throw new FleetlingError("config.missing", "the client does not run: its configuration is not complete; see the log");
	};
	return {
		system,
		clock,
		log: new Log({ sink: () => {}, ticks: () => system.ticks() }),
		logMemory: new LogMemory(0),
		slots: new OTASlots(),
		configuration: new StoredConfiguration(
			() => storage.open({ path: "config", format: "string" }),
			(key) => build[key],
		),
		network: () => [],
		restart: () => system.restart(),
		factoryReset(): void {
			system.forget();
			system.restart();
		},
		get update() {
			return missing();
		},
		get agent() {
			return missing();
		},
		get identity() {
			return missing();
		},
	};
}
