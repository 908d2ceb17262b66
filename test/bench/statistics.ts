/** Figures from repeated measurements. */

export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	const upper = sorted[middle];
	if (upper === undefined) throw new Error("there is no median of nothing");
	return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * The median of the ratios of neighbours: measured in turns, both of a pair had the same machine, whatever else it did at
 * the time.
 */
export function medianRatio(of: readonly number[], to: readonly number[]): number {
	return median(of.map((value, index) => value / (to[index] ?? Number.NaN)));
}

/** The one that other processes have disturbed least: they only ever make a program slower. */
export const least = (values: readonly number[]): number => Math.min(...values);

/**
 * Below this share of its core a program was waiting for others most of the time, and a ratio of times says more about them than
 * about it. The ratio of CPU time is judged then.
 */
const quietShare = 0.9;

export interface Share {
	/** Of the core, for a program that never waits for anything else. */
	readonly share: number;
	readonly quiet: boolean;
	/** For the name of a goal: what is compared. */
	readonly measure: "time" | "CPU time (busy machine)";
}

/** How much of its core a program had that does nothing but compute, from its wall and its CPU time. */
export function shareOf(cpu: readonly number[], wall: readonly number[]): Share {
	const share = medianRatio(cpu, wall);
	const quiet = share >= quietShare;
	return { share, quiet, measure: quiet ? "time" : "CPU time (busy machine)" };
}

/** For the notes of a table. */
export const describeShare = ({ share, quiet }: Share): string =>
	`measured programs had ${Math.round(share * 100)} % of their core: ${quiet ? "times are compared" : "*** a busy machine: times mean little, CPU times are judged ***"}.`;
