import Channel from "fleetling/host/channel";
import device from "fleetling/target";
import Timer from "timer";

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

/** The same when what was cut short has come to its end, which takes its own time: when nothing changes any more, after 5 s at the latest. */
export async function memoryAtRest(): Promise<MemoryFigures> {
	let before = memoryInUse();
	for (let times = 0; times < 50; times++) {
		await new Promise<void>((resolve) => Timer.set(() => resolve(), 100));
		const now = memoryInUse();
		if (now.slotsUsed === before.slotsUsed && now.chunksUsed === before.chunksUsed) return now;
		before = now;
	}
	return before;
}
