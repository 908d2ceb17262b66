import { FleetlingError } from "fleetling/error/error";
import type { KeyValueStore } from "../common/device";
import type { Configuration, ShownSetting } from "../management/commands/powers";
import { checkSetting, type SettingName, type SettingSource, settingNames, settingText } from "./settings";

/**
 * The configuration as a person may look at it and change it. What is stored wins over what the build says, and is
 * checked before it is stored: a typing mistake must not cost the device its next start.
 */
export class StoredConfiguration implements Configuration {
	readonly names: readonly string[] = settingNames;
	/** Opened for each use: a domain that stays open costs a device a handle and memory. */
	readonly #open: () => KeyValueStore;
	readonly #build: SettingSource;

	/** @param open opens domain "config" of the key-value storage, of format "string" */
	constructor(open: () => KeyValueStore, build: SettingSource) {
		this.#open = open;
		this.#build = build;
	}

	show(name: string): ShownSetting {
		const known = knownName(name);
		const stored = this.#use((store) => store.read(known));
		const built = this.#build(known);
		const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== "";
		if (isSet(stored)) return { name, ...settingText(known, stored), origin: "device" };
		if (isSet(built)) return { name, ...settingText(known, built), origin: "build" };
		return { name, ...settingText(known, undefined), origin: "default" };
	}

	set(name: string, value: string): void {
		const known = knownName(name);
		checkSetting(known, value);
		this.#use((store) => store.write(known, value));
	}

	reset(name: string): void {
		const known = knownName(name);
		this.#use((store) => {
			if (store.read(known) !== undefined) store.delete(known);
		});
	}

	#use<T>(work: (store: KeyValueStore) => T): T {
		const store = this.#open();
		try {
			return work(store);
		} finally {
			store.close();
		}
	}
}

function knownName(name: string): SettingName {
	const known = settingNames.find((each) => each === name);
	if (known !== undefined) return known;
	throw new FleetlingError("config.unknown", `there is no configuration key "${name}": choose one of ${settingNames.join(", ")}`);
}
