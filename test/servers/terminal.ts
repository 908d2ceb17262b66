/** What a person at a terminal of a device does and sees, whichever server is between. */
export abstract class RemoteTerminal {
	/** Everything that was shown. */
	text = "";

	/** Whether it is over. */
	abstract get over(): boolean;

	/** Sends what was typed. */
	abstract type(text: string): void;

	/** Waits until `shows` holds. */
	async until(shows: () => boolean, what: string, timeout = 20_000): Promise<void> {
		const late = Date.now() + timeout;
		while (!shows()) {
			if (Date.now() > late) throw new Error(`no ${what} within ${timeout} ms; the terminal shows:\n${this.text}`);
			await new Promise((done) => setTimeout(done, 10));
		}
	}

	/** Waits until the terminal has shown `text`. */
	shows(text: string, timeout?: number): Promise<void> {
		return this.until(() => this.text.includes(text), JSON.stringify(text), timeout);
	}

	ended(timeout?: number): Promise<void> {
		return this.until(() => this.over, "end", timeout);
	}

	/** Types a line and waits for what it is answered with. */
	async run(line: string, answer: string, timeout?: number): Promise<void> {
		this.text = "";
		this.type(`${line}\r`);
		await this.shows(answer, timeout);
	}
}
