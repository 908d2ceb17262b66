import { FleetlingError } from "fleetling/error/error";
import { limits } from "../common/deadlines";
import type { FailedPackage, InstalledPackage } from "./memory";
import { fingerprint, type Offer } from "./offer";
import type { Slot } from "./slots";

export interface Situation {
	readonly failed: FailedPackage | undefined;
	readonly installed: InstalledPackage | undefined;
	/** Version that runs. */
	readonly version: string;
	/** Where a package would go. */
	readonly target: Slot;
}

/** Why an offer is not worth a single byte of download; undefined when it is welcome. */
export function unwelcome(offer: Offer, { failed, installed, version, target }: Situation): FleetlingError | undefined {
	const name = fingerprint(offer);
	if (failed?.package === name && (failed.final || failed.trials >= limits.trials))
		return new FleetlingError(
			"update.known-bad",
			`the server offers a package that has failed here (${failed.code}: ${failed.text}); offer another one`,
		);
	// By the hash too: a server that knows the package by another version than its image has offers it for ever.
	if (offer.version === version || (installed?.package === name && installed.version === version))
		return new FleetlingError(
			"update.same-version",
			`the server offers what is running already (${version}); give the package on the server the version that its image has`,
		);
	if (offer.size !== undefined && offer.size > target.size)
		return new FleetlingError(
			"update.too-large",
			`the package has ${offer.size} bytes and slot ${target.label} holds ${target.size}; make the firmware smaller`,
		);
	return undefined;
}
