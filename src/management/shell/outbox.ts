import TextEncoder from "text/encoder";
import type { Line } from "./session";

/**
 * Above this many characters nothing more is taken from a command until the line has taken what waits: a screen of
 * text, and what a device can spare.
 */
const mark = 2_048;

/** Text on its way to a line that may be slow. */
export class Outbox {
	readonly #line: Line;
	#waiting = "";
	#resume: { readonly resolve: () => void; readonly reject: (reason: unknown) => void } | undefined;
	#closed: unknown;

	constructor(line: Line) {
		this.#line = line;
	}

	/** Nothing should be added that can wait. */
	get full(): boolean {
		return this.#waiting.length >= mark;
	}

	/** Adds what an editor shows: no more than came in. */
	add(text: string): void {
		if (this.#closed !== undefined) return;
		this.#waiting += text;
		this.flush();
	}

	/** Adds text; resolves when there is room for more, one at a time. */
	put(text: string): Promise<void> {
		if (this.#closed !== undefined) return Promise.reject(this.#closed);
		this.add(text);
		if (!this.full) return Promise.resolve();
		return new Promise((resolve, reject) => {
			this.#resume = { resolve, reject };
		});
	}

	/** Gives the line what it takes. */
	flush(): void {
		while (this.#waiting !== "") {
			const { room } = this.#line;
			// Four bytes at most for each unit of a string: XS 13 counts code points, other engines UTF-16.
			const units = Math.floor(room / 4);
			const part = whole(this.#waiting, units);
			if (part === "") break;
			this.#waiting = this.#waiting.slice(part.length);
			this.#line.write(new Uint8Array(new TextEncoder().encode(part)));
		}
		if (this.full) return;
		this.#resume?.resolve();
		this.#resume = undefined;
	}

	close(reason: unknown): void {
		this.#closed = reason;
		this.#waiting = "";
		this.#resume?.reject(reason);
		this.#resume = undefined;
	}
}

/** The first units of `text`, at most `units` of them, without half a surrogate pair at the end. */
function whole(text: string, units: number): string {
	if (text.length <= units) return text;
	if (units === 0) return "";
	const last = text.charCodeAt(units - 1);
	return text.slice(0, last >= 0xd800 && last <= 0xdbff ? units - 1 : units);
}
