/** One topic of the benchmark. */
import type { Goal, Table } from "./table";
import type { Workspace } from "./workspace";

export interface Context {
	readonly workspace: Workspace;
	/** Fewer repetitions: for a look, not for a record. */
	readonly quick: boolean;
	/** Says what is being done now. */
	readonly progress: (text: string) => void;
}

export interface Outcome {
	/** Why nothing was measured. */
	readonly skipped?: string;
	readonly tables: readonly Table[];
	readonly goals: readonly Goal[];
	/** Everything measured, for the JSON file. */
	readonly data: unknown;
}

export type Section = (context: Context) => Promise<Outcome>;
