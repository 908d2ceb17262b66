import { FleetlingError } from "fleetling/error/error";
import type { Agent } from "./agent/agent";
import { StoredConfiguration } from "./agent/configuration";
import type { DeviceFacts } from "./agent/facts";
import type { Identity } from "./agent/identity";
import type { SettingSource } from "./agent/settings";
import type { Wanted } from "./agent/wanted";
import { deadlines } from "./common/deadlines";
import type { Device } from "./common/device";
import type { Directory } from "./common/files";
import { describe, type Log } from "./common/log";
import type { LogMemory } from "./common/log-memory";
import { withDeadline } from "./common/time";
import type { Powers } from "./management/commands/powers";
import type { Slots } from "./update/slots";
import type { Updater } from "./update/updater";

export interface PowersOptions {
	readonly device: Device;
	readonly build: SettingSource;
	/** What the server has set of the configuration, where it may. */
	readonly remote: { readonly wanted: Wanted } | undefined;
	readonly log: Log;
	readonly logMemory: LogMemory;
	readonly slots: Slots;
	readonly updater: Updater;
	readonly identity: Identity;
	readonly facts: () => DeviceFacts;
	readonly agent: () => Agent;
	/** The server in words. */
	readonly server: () => string;
	/** Whether JavaScript may be typed. */
	readonly evaluates: boolean;
}

/** What commands and actions may look at and do on this device. */
export function makePowers(options: PowersOptions): Powers {
	const { device, build, remote, log, logMemory, slots, updater, identity, facts, agent, server, evaluates } = options;
	const { system, storage, clock } = device;
	const main = log.tag("main");
	const goodbye = (): Promise<void> => {
		const late = (): FleetlingError => new FleetlingError("net.timeout", "the server did not say goodbye in time");
		return withDeadline(agent().stop(), deadlines.goodbye, late).catch((error: unknown) => main.failure(error, "debug"));
	};
	return {
		system,
		clock,
		log,
		logMemory,
		slots,
		update: updater,
		configuration: new StoredConfiguration(
			() => storage.open({ path: "config", format: "string" }),
			build,
			() => remote?.wanted ?? {},
		),
		get agent() {
			return agent();
		},
		get identity() {
			const { mac, deviceType } = facts();
			return { mac, deviceType, publicPEM: identity.publicPEM };
		},
		network: () => [["server", server()]],
		restart(reason) {
			main.info(`restarting: ${reason}`);
			void goodbye().then(() => system.restart());
		},
		factoryReset() {
			main.warn("factory reset: configuration, key, records and files are forgotten");
			void goodbye().then(() => {
				const attempt = (work: () => void): void => {
					try {
						work();
					} catch (error) {
						main.failure(error);
					}
				};
				attempt(() => {
					if (device.files !== undefined) empty(device.files, "");
				});
				// Whatever became of the files: the key must not go on to the next owner.
				attempt(() => system.forget());
				system.restart();
			});
		},
		evaluate: evaluates ? evaluate : undefined,
	};
}

/** Deletes everything below `path`. */
function empty(files: Directory, path: string): void {
	for (const name of [...files.scan(path)]) {
		const inner = path === "" ? name : `${path}/${name}`;
		if (files.status(inner).isDirectory()) empty(files, inner);
		files.delete(inner);
	}
}

/** In the global scope; the value as text, bounded. */
function evaluate(source: string): string {
	// biome-ignore lint/security/noGlobalEval: that is what it is for, and it is off unless the configuration says otherwise
	const value: unknown = globalThis.eval(source);
	const text =
		typeof value === "object" && value !== null
			? shown(value)
			: typeof value === "string"
				? JSON.stringify(value)
				: String(value);
	return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}

/** Of a value that is shown at a prompt. */
const longestValue = 1_000;

function shown(value: object): string {
	try {
		return JSON.stringify(value) ?? String(value);
	} catch (error) {
		// A circle, for instance.
		return describe(error);
	}
}
