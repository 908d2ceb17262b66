import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import type { Installed, Installer, Payload } from "../installer";
import { quoted } from "../readers/quoted";
import type { Excuse } from "../readers/seal";

/** The payload type of the artifacts that a Mender server makes of what somebody has set for a device. */
export const configurationType = "mender-configure";

/**
 * The server makes them for one device, when that asks for them, and has no key to sign with. They say no more than what the server
 * may say without an artifact too.
 */
export const configurationExcuse: Excuse = frozen({
	type: configurationType,
	names: "configuration-*",
	provides: "data-partition.mender-configure.*",
});

/** A configuration that can be put into force as a whole. */
export interface Configurable {
	/** Checks it and changes nothing. @throws FleetlingError config.*, naming the key that is no good */
	prepare(values: Readonly<Record<string, unknown>>): Pick<Required<Installed>, "activate" | "revert">;
}

/** Makes installers for `mender-configure`; without a target, ones that refuse. */
export function configurations(target: Configurable | undefined): () => Installer {
	return () => new ConfigurationInstaller(target);
}

/**
 * Takes the configuration of a `mender-configure` artifact: it is the meta-data, without any file. It is checked before anything else is
 * done, and is in force, all of it, as soon as it is activated.
 */
class ConfigurationInstaller implements Installer {
	readonly #target: Configurable | undefined;
	#prepared: ReturnType<Configurable["prepare"]> | undefined;

	constructor(target: Configurable | undefined) {
		this.#target = target;
	}

	/** No meta-data is what is left of a configuration in which nothing is set. */
	describe({ metaData = {} }: Payload): void {
		if (this.#target === undefined)
			throw new FleetlingError(
				"config.remote-off",
				"this device does not let the server set its configuration; its configuration key remoteConfig says so",
			);
		this.#prepared = this.#target.prepare(metaData);
	}

	begin({ name = "" }: Payload): void {
		throw new FleetlingError(
			"artifact.bad-payload",
			`the payload of type ${configurationType} holds the file ${quoted(name)}; a configuration is in the meta-data only`,
		);
	}

	write(): void {}

	finish(): Installed {
		const prepared = this.#prepared;
		if (prepared === undefined)
			throw new FleetlingError(
				"artifact.bad-payload",
				`the package of type ${configurationType} is no artifact: it holds no configuration`,
			);
		return { version: "", slot: "", immediate: true, ...prepared };
	}

	abort(): void {}
}
