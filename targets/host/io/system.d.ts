import type { MemoryFigures, ResetReason } from "fleetling/common/device";

/** What the host target knows of itself. */
export default class System {
	static readonly resetReason: ResetReason;
	static readonly mac: string;
	static readonly engine: string;
	/** Erases the key-value storage. Its domains cannot be used any more before the next boot. */
	static forget(): void;
	/** Restarts when the current job is done. */
	static restart(): void;
	/** Ends the program and hands the reason to whoever started it. */
	static halt(reason: string): void;
	/** Milliseconds since this boot. */
	static ticks(): number;
	/** Fills `figures` and returns it: the object is the caller's, so that reading memory costs none. */
	static memory<Figures extends object>(figures: Figures): Figures & MemoryFigures & { readonly longestBlock: number };
	/** The wall clock in milliseconds since 1970. */
	static now(): number;
	static set(milliseconds: number): void;
}
