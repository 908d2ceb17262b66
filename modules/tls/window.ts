import { Buffer } from "./native";

/** The first bytes of native memory. XS takes that for an ArrayBuffer, TypeScript does not know. */
export class Window {
	readonly buffer: Buffer;
	readonly size: number;
	#view: Uint8Array | undefined;

	constructor(direction: 0 | 1) {
		this.buffer = new Buffer(direction);
		this.size = this.buffer.size;
	}

	/** Mostly asked for with the same count again and again: the last view is kept. */
	view(count: number): Uint8Array {
		if (this.#view?.length !== count) this.#view = new Uint8Array(this.buffer as unknown as ArrayBuffer, 0, count);
		return this.#view;
	}

	close(): void {
		this.#view = undefined;
		this.buffer.close();
	}
}
