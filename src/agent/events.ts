import type { FleetlingError } from "fleetling/error/error";
import type { FinalReport, UpdateView } from "../update/observer";
import type { Offer } from "../update/offer";
import type { UpdateState } from "../update/states";

/** What the agent is doing. */
export type AgentState =
	/** Nothing yet. */
	| "starting"
	/** Not let in, or no answer: trying again. */
	| "retrying"
	/** Waits for a person to approve the device on the server. */
	| "pending"
	/** Has checked in; waits for the next poll. */
	| "idle"
	/** Talks to the server. */
	| "checking"
	/** Installs an update. */
	| "updating"
	/** The device is about to restart. */
	| "restarting"
	| "stopped";

/**
 * What an application can follow. Callbacks are called from the agent's own flow: they should return soon. What they
 * throw is logged and otherwise ignored, so that an application's mistake does not stop updates.
 */
export interface AgentEvents {
	state?(state: AgentState): void;
	/** The server offers an update that will be installed. */
	offer?(offer: Offer): void;
	/** The update under way enters a state (src/update/states.ts). */
	update?(state: UpdateState, update: UpdateView): void;
	/** Whole percents of the download, rising. */
	progress?(percent: number): void;
	/** An update has ended. */
	result?(report: FinalReport): void;
	/** A manager wants to know which device this is: it should blink, beep or show something. */
	identify?(): void;
	/** Somebody on the server's side has something to say. */
	alert?(text: string): void;
	/** Something failed; the agent goes on by itself. */
	trouble?(error: FleetlingError): void;
}
