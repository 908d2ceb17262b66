import { limits } from "../../common/deadlines";

/** What an action has printed, as far as there is room. */
export class Output {
	#text = "";
	#lost = 0;

	add(text: string): void {
		const room = limits.actionOutput - this.#text.length;
		let taken = Math.min(room, text.length);
		// Where strings consist of UTF-16 (on a device they do not): half of a pair is no text, and could not be sent.
		if (taken > 0 && taken < text.length && isHigh(text.charCodeAt(taken - 1))) taken -= 1;
		// Once something was lost, nothing may follow as if it had not been.
		if (this.#lost > 0) taken = 0;
		this.#text += text.slice(0, taken);
		this.#lost += text.length - taken;
	}

	get text(): string {
		return this.#lost === 0 ? this.#text : `${this.#text}\n[${this.#lost} characters more]\n`;
	}
}

function isHigh(code: number): boolean {
	return code >= 0xd800 && code <= 0xdbff;
}
