/** The serial console. */
import { element, make } from "./elements.js";
import type { LogLine } from "./messages.js";

/** Lines that stay on the page. */
const mostLines = 2_000;

export class ConsolePanel {
	readonly #log = element("log", HTMLElement);
	readonly #follow = element("follow", HTMLInputElement);
	#last = 0;

	add(lines: readonly LogLine[]): void {
		const rows = lines
			.filter(({ number }) => number > this.#last)
			.map(({ text }) => {
				const row = make("div", text);
				// ESP-IDF's letters; early parts of the system log without a time.
				const level = text.match(/^([EWID]) (?:\(|\w+:)/)?.[1];
				if (level) row.classList.add(level);
				return row;
			});
		this.#last = Math.max(this.#last, lines.at(-1)?.number ?? 0);
		this.#log.append(...rows);
		while (this.#log.childElementCount > mostLines) this.#log.firstElementChild?.remove();
		if (this.#follow.checked) this.#log.scrollTop = this.#log.scrollHeight;
	}
}
