/** As much of a terminal as a line editor uses: one that fails on every sequence it does not know. */
export class Screen {
	readonly columns: number;
	/** Everything printable that was ever shown, line by line. */
	all = "";
	bells = 0;
	cursor = 0;
	widest = 0;
	#cells: string[] = [];

	constructor(columns: number) {
		this.columns = columns;
	}

	/** The line that the cursor is in. */
	get line(): string {
		return this.#cells.join("");
	}

	show(text: string): void {
		for (let at = 0; at < text.length; ) at += this.#take(text.slice(at));
		this.widest = Math.max(this.widest, this.#cells.length);
	}

	#take(text: string): number {
		const character = String.fromCodePoint(text.codePointAt(0) ?? 0);
		switch (character) {
			case "\r":
				this.cursor = 0;
				return 1;
			case "\n":
				this.all += `${this.line}\n`;
				this.#cells = [];
				return 1;
			case "\x07":
				this.bells++;
				return 1;
			case "\x1b":
				return this.#sequence(text);
			default:
				this.#cells[this.cursor++] = character;
				return character.length;
		}
	}

	#sequence(text: string): number {
		let end = 2;
		while (text.charCodeAt(end) < 0x40) end++;
		const sequence = text.slice(1, end + 1);
		const count = Number(sequence.slice(1, -1) || "1");
		if (sequence === "[K") this.#cells = this.#cells.slice(0, this.cursor);
		else if (sequence === "[2J") this.#cells = [];
		else if (sequence === "[H") this.cursor = 0;
		else if (sequence.endsWith("D")) this.cursor -= count;
		else throw new Error(`the terminal got ${JSON.stringify(sequence)}`);
		return end + 1;
	}
}
