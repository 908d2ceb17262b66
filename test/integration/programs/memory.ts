import Channel from "fleetling/host/channel";
import device from "fleetling/target";

/** What is in use, in bytes. */
export interface MemoryFigures {
	readonly slotsUsed: number;
	readonly chunksUsed: number;
	/** Of the C library's heap. */
	readonly native: number;
}

/** What is in use when everything that nobody needs any more has been freed. */
export function memoryInUse(): MemoryFigures {
	// What is finalised in one collection is freed in the next.
	Channel.collect();
	Channel.collect();
	const { slotsUsed, chunksUsed } = device.system.memory();
	return { slotsUsed, chunksUsed, native: Channel.nativeHeap() };
}
