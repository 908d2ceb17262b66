import { frozen } from "fleetling/frozen/frozen";

/**
 * What a device may say through RDFM's management link. Anything else, an `alert` among it, makes the server close the link
 * with 4001; so nothing goes out that is not of this type.
 */
export type Outgoing =
	| {
			readonly method: "capability_report";
			/** By RDFM's names. Truth values only. */
			readonly capabilities: Readonly<Record<CapabilityName, boolean>>;
	  }
	/** Replaces the list that the server has; may be sent at any time. */
	| { readonly method: "action_list_update"; readonly actions: readonly ActionEntry[] }
	/** Whether an execution was taken. */
	| { readonly method: "action_exec_control"; readonly execution_id: string; readonly status: "ok" | "full" }
	/** `output` is base64 with its padding: the server breaks over anything else. */
	| {
			readonly method: "action_exec_result";
			readonly execution_id: string;
			readonly status_code: number;
			readonly output: string;
	  }
	/** 0 with the size in bytes, or why there is none. With size 0 the server asks for nothing more. */
	| { readonly method: "fs_file_probe_reply"; readonly id: string; readonly status: number; readonly size: number }
	/** 0 with what the storage has called each part, or why they did not get there. */
	| {
			readonly method: "fs_file_download_reply";
			readonly id: string;
			readonly status: number;
			readonly etags: readonly string[];
	  }
	/** Whole percents. Exactly 100 has the server forget the update. */
	| { readonly method: "update_progress"; readonly progress: number }
	/** For display: the update check goes by what the request says. */
	| { readonly method: "update_version"; readonly version: string };

/** All of it is mandatory. The timeout is in seconds, and for people only. */
export interface ActionEntry {
	readonly action_id: string;
	readonly action_name: string;
	readonly description: string;
	readonly command: readonly string[];
	readonly timeout: number;
}

/** What RDFM's server knows of; see Facility. */
export const capabilityNames = frozen(["action", "filesystem", "shell"] as const);

export type CapabilityName = (typeof capabilityNames)[number];
