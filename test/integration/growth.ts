/** What tests of memory over many connections ask of a program that told its figures after each round. */
import assert from "node:assert/strict";
import type { XSProgram } from "../xs/driver";

/** Bytes by which memory in use may differ between two rounds: nothing that depends on how many connections there were. */
const tolerance = { slotsUsed: 512, chunksUsed: 512, native: 4_096 } as const;

type Figures = Readonly<Record<keyof typeof tolerance, number>>;

/**
 * Asserts that as much is in use after the last round as after round `first`. Those before fill what is allocated once: tables of
 * names, and the C library's own caches.
 */
export function assertNoGrowth({ events }: XSProgram, first: number): void {
	const figures = events.filter((event) => typeof event.round === "number") as unknown as readonly Figures[];
	const before = figures[first];
	const after = figures.at(-1);
	assert.ok(before && after && figures.length > first + 1, `${figures.length} rounds`);
	const seen = figures.map(({ slotsUsed, chunksUsed, native }) => `${slotsUsed}/${chunksUsed}/${native}`).join(" ");
	if (process.env.FLEETLING_SHOW) process.stdout.write(`${seen}\n${JSON.stringify(events[0])}\n`);
	for (const part of ["slotsUsed", "chunksUsed", "native"] as const)
		assert.ok(after[part] - before[part] <= tolerance[part], `${part}: ${seen}`);
}

/** What an open connection takes: something, and not more than a device has for it. Slots have 32 bytes here, and 16 on a device. */
export function assertOpenCost({ events }: XSProgram, most: { readonly slots: number; readonly chunks: number }): void {
	const open = events.find((event) => "slots" in event) as unknown as { readonly slots: number; readonly chunks: number };
	const taken = `an open one takes ${open.slots} + ${open.chunks} bytes`;
	assert.ok(open.slots > 1_000 && open.slots <= most.slots && open.chunks <= most.chunks, taken);
}
