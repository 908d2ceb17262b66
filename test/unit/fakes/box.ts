import type { Installed, Installer } from "fleetling/update/installer";
import type { PackageReader, ReaderContext, ReaderKind } from "fleetling/update/reader";

/** Bytes before and behind what is in a box. */
export const lid = 700;
export const bottom = 90;

/** A form of package that holds an image one for one, with something around it. */
export function box(image: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(lid + image.byteLength + bottom).fill(0x42);
	bytes.set(image, lid);
	return bytes;
}

/** `knowsStart`: whether it says where the image begins, which makes it possible to go on after a restart. */
export function boxes(knowsStart: boolean): ReaderKind {
	return {
		name: "box",
		recognises: (head) => head[0] === 0x42,
		open: (context) => new BoxReader(context, knowsStart),
	};
}

class BoxReader implements PackageReader {
	readonly payloadStart: number | undefined;
	readonly #size: number;
	readonly #installer: Installer;
	#position = 0;
	#head: number[] | undefined = [];

	constructor(context: ReaderContext, knowsStart: boolean) {
		this.payloadStart = knowsStart ? lid : undefined;
		this.#size = (context.size ?? 0) - lid - bottom;
		this.#installer = context.installer("esp32-image");
	}

	write(bytes: Uint8Array): void {
		const from = Math.max(0, lid - this.#position);
		const to = Math.min(bytes.byteLength, lid + this.#size - this.#position);
		this.#position += bytes.byteLength;
		if (from < to) this.#image(bytes.slice(from, to));
	}

	finish(): Installed {
		return this.#installer.finish();
	}

	abort(): void {
		this.#installer.abort();
	}

	/** Installers want to see the first 288 bytes at once. */
	#image(bytes: Uint8Array): void {
		if (this.#head === undefined) {
			this.#installer.write(bytes);
			return;
		}
		this.#head.push(...bytes);
		if (this.#head.length < 288) return;
		const head = new Uint8Array(this.#head);
		this.#head = undefined;
		this.#installer.begin({ type: "esp32-image", size: this.#size }, head);
		this.#installer.write(head);
	}
}
