/** What test/integration/programs/faults.ts is told to do, and what it tells. Shared with the program. */

/** One update of one device. */
export interface FaultJob {
	readonly id: number;
	readonly url: string;
	readonly sha256: string;
	readonly size: number;
}

export interface FaultResult {
	readonly id: number;
	/** "installed", or the code of the error that has ended the update. */
	readonly outcome: string;
	readonly text: string;
	/** Bytes that the device has read from its sockets, heads and handshakes included. */
	readonly received: number;
	/** Whether what was written to the slot is, byte for byte, what was offered. */
	readonly intact: boolean;
	/** Errors on the way, in order. */
	readonly errors: readonly string[];
	readonly milliseconds: number;
}
