/** Turns byte counts into whole percents that never go backwards, so that nothing is reported twice. */
export class Progress {
	readonly #onPercent: (percent: number) => void;
	#total: number | undefined;
	#percent = -1;

	constructor(onPercent: (percent: number) => void) {
		this.#onPercent = onPercent;
	}

	/** Without a total there are bytes but no percents. */
	begin(total: number | undefined): void {
		this.#total = total;
	}

	/** So many bytes may have been told of before a restart: nothing is told until there are more, or all. */
	skip(bytes: number): void {
		this.#percent = Math.max(this.#percent, Math.min(99, this.percentOf(bytes) ?? -1));
	}

	/** There are so many bytes by now. */
	reach(bytes: number): void {
		const percent = this.percentOf(bytes);
		if (percent === undefined || percent <= this.#percent) return;
		this.#percent = percent;
		this.#onPercent(percent);
	}

	private percentOf(bytes: number): number | undefined {
		if (this.#total === undefined) return undefined;
		return this.#total === 0 ? 100 : Math.min(100, Math.floor((bytes * 100) / this.#total));
	}
}
