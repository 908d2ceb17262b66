import type { SystemControl, WallClock } from "../../common/device";
import type { Log } from "../../common/log";
import type { LogMemory } from "../../common/log-memory";
import type { FailedPackage } from "../../update/memory";
import type { Slots } from "../../update/slots";

/** One key of the configuration as a person may see it. */
export interface ShownSetting {
	readonly name: string;
	/** What holds, as text; blanked when it is a secret, shortened when it is long. Undefined when it is not set. */
	readonly value: string | undefined;
	readonly origin: "server" | "device" | "build" | "default";
	/** What it is for. */
	readonly help: string;
}

/** The configuration as it can be looked at and changed. Changes hold from the next start. */
export interface Configuration {
	readonly names: readonly string[];
	/** @throws config.unknown */
	show(name: string): ShownSetting;
	/** Stores a value that is good. @throws config.unknown, config.invalid, storage.failed */
	set(name: string, value: string): void;
	/** Forgets what is stored, so that the build's value holds. @throws config.unknown */
	reset(name: string): void;
}

/** How the updates of the device stand. */
export interface UpdateControl {
	readonly version: string;
	readonly onTrial: boolean;
	readonly lastFailure: FailedPackage | undefined;
}

/** The agent as a manager may use it. */
export interface AgentControl {
	readonly state: string;
	checkNow(): void;
	cancelUpdate(reason: string): boolean;
}

/** What the server and everyone else knows the device by. */
export interface IdentityControl {
	readonly publicPEM: string;
	readonly mac: string;
	readonly deviceType: string;
}

/** Whole percents of the download under way; undefined when there is none. */
export type ProgressReader = () => number | undefined;

/** Everything that commands and actions may look at and do. Put together where the firmware is (src/start.ts). */
export interface Powers {
	readonly system: SystemControl;
	readonly clock: WallClock;
	readonly log: Log;
	readonly logMemory: LogMemory;
	readonly slots: Slots;
	readonly configuration: Configuration;
	readonly update: UpdateControl;
	readonly agent: AgentControl;
	readonly identity: IdentityControl;
	/** Name of the server, and how the connections stand, line by line. */
	network(): readonly (readonly [name: string, value: string])[];
	/** Closes all connections in an orderly way and restarts; `reason` goes into the log. */
	restart(reason: string): void;
	/** Forgets configuration, key, records and files, and restarts. What is in the slots stays. */
	factoryReset(): void;
	/** Runs JavaScript and returns its value as text; absent unless the configuration allows it. */
	readonly evaluate?: ((source: string) => string) | undefined;
}
