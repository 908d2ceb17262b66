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
