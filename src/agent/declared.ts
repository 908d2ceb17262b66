import { FleetlingError } from "fleetling/error/error";
import { limits } from "../common/deadlines";
import { settingNames } from "./settings";

/** A configuration key of the application's own, which the server can set like some of Fleetling's. */
export interface DeclaredKey<T = unknown> {
	/** Holds while the server says nothing of it; `read` has to take it. */
	readonly fallback: string;
	/** Completes the sentence "… expected …" in errors. */
	readonly expects: string;
	/** Must not be shown: neither in errors nor to the server, which knows what it has set. */
	readonly hidden?: boolean;
	/** The value, or undefined when the text is not one. */
	read(text: string): T | undefined;
	/** From now on this holds: called at the start and with each change. By throwing an application refuses all of a change. */
	apply(value: T): void;
}

/** By name. */
export type DeclaredKeys = Readonly<Record<string, DeclaredKey>>;

/** Lets each key keep the type of its value. */
export function declared<T>(key: DeclaredKey<T>): DeclaredKey {
	return key;
}

/** @throws FleetlingError config.invalid for what the application itself has got wrong */
export function checkDeclared(keys: DeclaredKeys): void {
	const { length } = Object.keys(keys);
	if (length > limits.declaredKeys)
		throw new FleetlingError(
			"config.invalid",
			`the application declares ${length} configuration keys; there may be ${limits.declaredKeys}`,
		);
	for (const [name, key] of Object.entries(keys)) {
		if (settingNames.some((known) => known === name))
			throw new FleetlingError(
				"config.invalid",
				`the application declares the configuration key "${name}", which is one of Fleetling's`,
			);
		if (key.read(key.fallback) === undefined)
			throw new FleetlingError("config.invalid", `the application declares "${name}" with a fallback that is not ${key.expects}`);
	}
}
