import { FleetlingError } from "fleetling/error/error";

/** Something that a manager reads: a file, a partition, or a text that was made for the occasion. */
export interface View {
	/** Bytes. */
	readonly size: number;
	/** Whether it has the same bytes each time. What has not may be longer or shorter than a moment ago. */
	readonly fixed: boolean;
	/** Fills all of `bytes` from `position` on. @throws FleetlingError management.file-changed */
	read(bytes: Uint8Array, position: number): void;
	/** @throws FleetlingError management.file-changed when it is not any more what it was */
	check(): void;
	/** Idempotent. */
	close(): void;
}

/** What is behind a name at the top of the tree, by the names that follow it. @throws FleetlingError */
export type Root = (rest: readonly string[]) => View;

/** Bytes that are in memory. */
export function viewOf(bytes: Uint8Array): View {
	return {
		size: bytes.length,
		fixed: false,
		read: (buffer, position) => buffer.set(bytes.subarray(position, position + buffer.length)),
		check: () => undefined,
		close: () => undefined,
	};
}

export function missing(names: readonly string[]): FleetlingError {
	return new FleetlingError("management.no-file", `there is no "/${names.join("/").slice(0, 64)}" on this device`);
}
