import type { FleetlingError } from "fleetling/error/error";
import type { UpdateRecord } from "./journal";
import type { FailedPackage } from "./memory";
import type { Outcome, UpdateState } from "./states";

/** What is known of the update under way. */
export interface UpdateView {
	readonly id: string;
	/** Version that ran when it began. */
	readonly from: string;
	/** Version in the package, as soon as it is known. */
	readonly version: string | undefined;
}

/** How an update ended. */
export interface FinalReport extends UpdateView {
	readonly outcome: Outcome;
	/** With a failure: its code and text. */
	readonly code?: string;
	readonly text?: string;
}

/** Whoever wants to follow an update or has a say in it. */
export interface UpdateObserver {
	/**
	 * Before what `state` stands for is done. Rejecting with `update.cancelled` calls the update off, as long as it can be:
	 * in download, install, reboot and commit, which wait for the answer. Any other rejection is logged.
	 */
	entered?(state: UpdateState, update: UpdateView): Promise<void> | void;
	/** Whole percents of the download, rising. */
	progress?(percent: number): void;
	/** The last chance to close connections. A rejection is logged and the restart takes place. */
	restarting?(): Promise<void> | void;
	/** An update has ended. */
	ended?(report: FinalReport): void;
	/** Takes the final outcome to the server. After a rejection it is told again at the next opportunity. */
	report?(report: FinalReport): Promise<void>;
}

export type InstallResult =
	/** The new firmware is in place and the device restarts. */
	| { readonly kind: "restarting" }
	/** Nothing was done: this package is known, or another update is under way. */
	| { readonly kind: "refused"; readonly error: FleetlingError }
	/** The package turned out to be bad; it is remembered. The old firmware stays. */
	| { readonly kind: "failed"; readonly error: FleetlingError };

/** What there is to tell of an ended update: from its record, what is remembered of its package, and the last error. */
export function finalReport(
	record: UpdateRecord,
	failed: FailedPackage | undefined,
	error: FleetlingError | undefined,
): FinalReport {
	const { id, from, version, outcome = "failure" } = record;
	if (outcome === "success") return { id, from, version, outcome };
	if (failed?.package === record.package) return { id, from, version, outcome, code: failed.code, text: failed.text };
	if (error !== undefined) return { id, from, version, outcome, code: error.code, text: error.message };
	return { id, from, version, outcome };
}
