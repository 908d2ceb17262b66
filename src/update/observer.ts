import type { FleetlingError } from "fleetling/error/error";
import { trialFailures } from "./boot";
import type { FailedPackage } from "./memory";
import type { UpdateRecord } from "./record";
import type { Outcome, UpdateState } from "./states";

/** What is known of the update under way. */
export interface UpdateView {
	readonly id: string;
	/** Version that ran when it began. */
	readonly from: string;
	/** Version in the package, as soon as it is known. */
	readonly version: string | undefined;
	/** Nothing is restarted for it; known from the state `reboot` on. */
	readonly immediate?: boolean;
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
	/**
	 * Takes the final outcome to the server. After a rejection it is told again at the next opportunity, unless that is
	 * `server.refused`: the server does not want to know, now or ever.
	 */
	report?(report: FinalReport): Promise<void>;
}

export type InstallResult =
	/** The new firmware is in place and the device restarts. */
	| { readonly kind: "restarting" }
	/** Nothing was done: this package is known, or another update is under way. */
	| { readonly kind: "refused"; readonly error: FleetlingError }
	/** The package turned out to be bad; it is remembered. The old firmware stays. */
	| { readonly kind: "failed"; readonly error: FleetlingError }
	/** It was called off. */
	| { readonly kind: "cancelled"; readonly error: FleetlingError }
	/** It has to wait; worth another try after so many milliseconds. */
	| { readonly kind: "postponed"; readonly wait: number }
	/** It is in use already, without a restart. */
	| { readonly kind: "done" };

/** What there is to tell of an ended update: from its record, what is remembered of its package, and the last error. */
export function finalReport(
	record: UpdateRecord,
	failed: FailedPackage | undefined,
	error: FleetlingError | undefined,
): FinalReport {
	const { id, from, version, failure, outcome = "failure" } = record;
	const view = { id, from, version, outcome };
	if (outcome === "success") return view;
	if (failure !== undefined) {
		const { after, text } = trialFailures[failure];
		return { ...view, code: after === "forget" ? "update.cancelled" : "update.rolled-back", text };
	}
	if (failed?.package === record.package) return { ...view, code: failed.code, text: failed.text };
	return error === undefined ? view : { ...view, code: error.code, text: error.message };
}
