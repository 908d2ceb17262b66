/** What a proxy does to the bytes that pass, and where. */
import type { Direction } from "./handshakes";

/** Where a disturbance strikes. */
export type Place =
	/** Before this byte of a connection, counted from 0 in its direction. */
	| { readonly byte: number }
	/** Before this byte counted over all connections since the disturbance was set. */
	| { readonly total: number }
	/** After the first occurrence of a text, which may lie across chunks. */
	| { readonly after: string }
	/** Where a function says: the index inside the chunk whose first byte has this offset, or undefined. */
	| { readonly find: (chunk: Buffer, offset: number) => number | undefined };

/** What happens there. `bytes` counts from the place on; the connection goes on afterwards unless it is cut. */
export type Action =
	/** Both sides are closed, or reset. */
	| { readonly kind: "cut"; readonly reset?: boolean }
	/** Nothing passes in this direction for so long; without a time until the proxy is told to `release()`. */
	| { readonly kind: "stall"; readonly milliseconds?: number }
	/** From here on the direction passes at this rate. */
	| { readonly kind: "slow"; readonly bytesPerSecond: number }
	/** Bytes (1) are combined with a mask (0xFF) by exclusive or. */
	| { readonly kind: "corrupt"; readonly bytes?: number; readonly mask?: number }
	/** Bytes are sent twice in a row. */
	| { readonly kind: "duplicate"; readonly bytes: number }
	/** Bytes are swallowed. */
	| { readonly kind: "drop"; readonly bytes: number };

/** A disturbance as a test sets it. */
export interface Disturbance {
	readonly direction: Direction;
	readonly at: Place;
	readonly action: Action;
	/** How many connections it strikes, each once; 1 if not given. */
	readonly times?: number;
	/** Only connections with these numbers (from 1). */
	readonly connections?: (id: number) => boolean;
}

/** A disturbance that has been set. */
export interface DisturbanceHandle {
	/** How often it has struck. */
	readonly hits: number;
	remove(): void;
}

/** A disturbance found in a chunk. */
export interface Strike {
	readonly index: number;
	readonly action: Action;
}

interface Rule {
	readonly disturbance: Disturbance;
	readonly struck: Set<number>;
	/** Bytes that have passed since it was set, for places by total. */
	passed: number;
	/** By connection: the end of the chunk before, for texts that lie across. */
	readonly tails: Map<number, Buffer>;
}

/** The disturbances that are set. */
export class Disturbances {
	#rules: Rule[] = [];

	add(disturbance: Disturbance): DisturbanceHandle {
		const rule: Rule = { disturbance, struck: new Set(), passed: 0, tails: new Map() };
		this.#rules.push(rule);
		return {
			get hits() {
				return rule.struck.size;
			},
			remove: () => {
				this.#rules = this.#rules.filter((other) => other !== rule);
			},
		};
	}

	clear(): void {
		this.#rules = [];
	}

	/** The first disturbance that strikes inside a chunk; it counts as having struck. `offset` is the chunk's place in its direction. */
	strike(connection: number, direction: Direction, chunk: Buffer, offset: number): Strike | undefined {
		let best: { readonly rule: Rule; readonly index: number } | undefined;
		for (const rule of this.#rules) {
			if (!applies(rule, connection, direction)) continue;
			const index = locate(rule, connection, chunk, offset);
			if (index !== undefined && (best === undefined || index < best.index)) best = { rule, index };
		}
		best?.rule.struck.add(connection);
		return best && { index: best.index, action: best.rule.disturbance.action };
	}

	/** Notes bytes that have been looked at and have passed. */
	passed(connection: number, direction: Direction, bytes: Buffer): void {
		for (const rule of this.#rules) {
			if (rule.disturbance.direction !== direction) continue;
			rule.passed += bytes.length;
			const { at } = rule.disturbance;
			if (!("after" in at) || at.after.length < 2) continue;
			const tail = Buffer.concat([rule.tails.get(connection) ?? Buffer.alloc(0), bytes]);
			rule.tails.set(connection, tail.subarray(-(at.after.length - 1)));
		}
	}
}

function applies({ disturbance, struck }: Rule, connection: number, direction: Direction): boolean {
	const { times = 1, connections = () => true } = disturbance;
	return disturbance.direction === direction && struck.size < times && !struck.has(connection) && connections(connection);
}

/** Index of the place inside the chunk, if it lies there. */
function locate(
	{ disturbance: { at }, passed, tails }: Rule,
	connection: number,
	chunk: Buffer,
	offset: number,
): number | undefined {
	const inside = (index: number | undefined): number | undefined =>
		index !== undefined && index >= 0 && index < chunk.length ? index : undefined;
	if ("byte" in at) return inside(at.byte - offset);
	if ("total" in at) return inside(at.total - passed);
	if ("find" in at) return inside(at.find(chunk, offset));
	const tail = tails.get(connection) ?? Buffer.alloc(0);
	const found = Buffer.concat([tail, chunk]).indexOf(at.after, 0, "latin1");
	// The place may be the chunk's very end: what comes next, if only the end of the stream, is disturbed.
	return found < 0 ? undefined : found + at.after.length - tail.length;
}
