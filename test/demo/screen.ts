/** What the demo shows: its own words, the device's console, one progress bar. */

const width = 32;

export class Screen {
	readonly #terminal = process.stdout.isTTY === true;
	#bar = false;
	#shown = -1;
	#rest = "";

	/** A step of the story, in plain language. */
	say(text: string): void {
		this.#endBar();
		process.stdout.write(`${this.#terminal ? "\x1b[1m" : ""}» ${text}${this.#terminal ? "\x1b[0m" : ""}\n`);
	}

	/** The serial console of the device, line by line. */
	console(text: string): void {
		const lines = (this.#rest + text).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) {
			const percent = line.match(/download (\d+) %/)?.[1];
			if (percent !== undefined) this.#progress(Number(percent));
			else if (line.trim()) {
				this.#endBar();
				process.stdout.write(`    ${line}\n`);
			}
		}
	}

	table(rows: readonly (readonly [string, string])[]): void {
		this.#endBar();
		const column = Math.max(...rows.map(([name]) => name.length));
		for (const [name, value] of rows) process.stdout.write(`    ${name.padEnd(column)}  ${value}\n`);
	}

	#progress(percent: number): void {
		if (percent <= this.#shown) return;
		this.#shown = percent;
		const done = Math.round((percent * width) / 100);
		const bar = `    download [${"#".repeat(done)}${".".repeat(width - done)}] ${String(percent).padStart(3)} %`;
		if (this.#terminal) process.stdout.write(`\r${bar}`);
		else if (percent % 25 === 0) process.stdout.write(`${bar}\n`);
		this.#bar = true;
		if (percent === 100) this.#endBar();
	}

	#endBar(): void {
		if (this.#bar && this.#terminal) process.stdout.write("\n");
		this.#bar = false;
	}
}
