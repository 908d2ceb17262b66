import { FleetlingError } from "fleetling/error/error";
import type { KeyValueStore } from "../common/device";
import type { Configuration, ShownSetting } from "../management/commands/powers";
import { checkSetting, type SettingName, type SettingSource, settingNames, settingText } from "./settings";
import type { Wanted } from "./wanted";

/**
 * The configuration as a person may look at it and change it. What is stored wins over what the build says, and is
 * checked before it is stored: a typing mistake must not cost the device its next start.
 */
export class StoredConfiguration implements Configuration {
	readonly names: readonly string[] = settingNames;
	/** Opened for each use: a domain that stays open costs a device a handle and memory. */
	readonly #open: () => KeyValueStore;
	readonly #build: SettingSource;
	readonly #wanted: () => Wanted;

	/**
	 * @param open opens domain "config" of the key-value storage, of format "string"
	 * @param wanted what the server has set, which wins over both
	 */
	constructor(open: () => KeyValueStore, build: SettingSource, wanted: () => Wanted = () => ({})) {
		this.#open = open;
		this.#build = build;
		this.#wanted = wanted;
	}

	show(name: string): ShownSetting {
		const known = knownName(name);
		const { [known]: set } = this.#wanted();
		if (set !== undefined) return { name, ...settingText(known, set), origin: "server" };
		const stored = this.#use((store) => store.read(known));
		const built = this.#build(known);
		const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== "";
		if (isSet(stored)) return { name, ...settingText(known, stored), origin: "device" };
		if (isSet(built)) return { name, ...settingText(known, built), origin: "build" };
		return { name, ...settingText(known, undefined), origin: "default" };
	}

	set(name: string, value: string): void {
		const known = knownName(name);
		this.#mayChange(known);
		checkSetting(known, value);
		this.#use((store) => store.write(known, value));
	}

	reset(name: string): void {
		const known = knownName(name);
		this.#mayChange(known);
		this.#use((store) => {
			if (store.read(known) !== undefined) store.delete(known);
		});
	}

	/** A change that would have no effect is a mistake. */
	#mayChange(name: SettingName): void {
		const { [name]: set } = this.#wanted();
		if (set === undefined) return;
		const text = `the server has set "${name}" to "${set}": change it there, or set remoteConfig to off and restart`;
		throw new FleetlingError("config.set-by-server", text);
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
