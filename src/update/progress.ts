/** Turns byte counts into whole percents that never go backwards, so that nothing is reported twice. */
export class Progress {
	readonly #onPercent: (percent: number) => void;
	#total: number | undefined;
	#bytes = 0;
	#percent = -1;

	constructor(onPercent: (percent: number) => void) {
		this.#onPercent = onPercent;
	}

	/** Bytes so far. */
	get bytes(): number {
		return this.#bytes;
	}

	get total(): number | undefined {
		return this.#total;
	}

	/** Without a total there are bytes but no percents. */
	begin(total: number | undefined): void {
		this.#total = total;
		this.#bytes = 0;
		this.#tell();
	}

	add(bytes: number): void {
		this.#bytes += bytes;
		this.#tell();
	}

	#tell(): void {
		if (this.#total === undefined) return;
		const percent = this.#total === 0 ? 100 : Math.min(100, Math.floor((this.#bytes * 100) / this.#total));
		if (percent <= this.#percent) return;
		this.#percent = percent;
		this.#onPercent(percent);
	}
}
