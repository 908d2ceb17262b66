import { FleetlingError } from "fleetling/error/error";
import { intervals, limits } from "../common/deadlines";
import type { FailedPackage, InstalledPackage } from "./memory";
import { fingerprint, type Offer } from "./offer";
import type { Slot } from "./slots";

export interface Situation {
	readonly failed: FailedPackage | undefined;
	readonly installed: InstalledPackage | undefined;
	/** Version that runs. */
	readonly version: string;
	/** Where an image would go. */
	readonly target: Slot;
	/** Milliseconds since `failed` did, as far as that is known. */
	readonly sinceFailure: number;
	/** How long a package that failed is left alone; 0: for ever. */
	readonly retryHours: number;
}

/** Why an offer is not worth a single byte of download; undefined when it is welcome. */
export function unwelcome(offer: Offer, situation: Situation): FleetlingError | undefined {
	const { failed, installed, version, target } = situation;
	const name = fingerprint(offer);
	if (failed?.package === name && !forgiven(failed, situation))
		return new FleetlingError(
			"update.known-bad",
			`the server offers a package that has failed here (${failed.code}: ${failed.text}); offer another one`,
		);
	// By the hash too: a server that knows the package by another version than its image has offers it for ever.
	const same = installed?.package === name && (installed.version === version || installed.version === "");
	if (offer.version === version || same)
		return new FleetlingError(
			"update.same-version",
			`the server offers what is running already (${version}); give the package on the server the version that its image has`,
		);
	if (offer.size !== undefined && offer.size > target.size + limits.packageOverhead)
		return new FleetlingError(
			"update.too-large",
			`the package has ${offer.size} bytes and slot ${target.label} holds ${target.size}; make the firmware smaller`,
		);
	return undefined;
}

/** Whether a package that failed has been left alone for long enough: twice as long with each failure. */
function forgiven({ times }: FailedPackage, { sinceFailure, retryHours }: Situation): boolean {
	if (retryHours === 0) return false;
	const hours = Math.min(retryHours * 2 ** Math.min(times - 1, 16), intervals.mostRetryFailHours);
	return sinceFailure >= hours * 3_600_000;
}
