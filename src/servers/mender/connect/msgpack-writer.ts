import TextEncoder from "text/encoder";

const firstSize = 192;

/** Writes MessagePack: as small as it can be, except where the reader is known to want one certain form. */
export class MessagePackWriter {
	#bytes: Uint8Array;
	#length = 0;

	/** @param buffer to write into; it is replaced by a larger one when it is too small */
	constructor(buffer: Uint8Array = new Uint8Array(firstSize)) {
		this.#bytes = buffer;
	}

	/** What was written: a view that holds until more is. */
	get result(): Uint8Array {
		return this.#bytes.subarray(0, this.#length);
	}

	/** Entries follow: a key and a value each. At most 15. */
	map(entries: number): this {
		return this.number(0x80 | entries, 1);
	}

	/** At most 15. */
	array(values: number): this {
		return this.number(0x90 | values, 1);
	}

	text(text: string): this {
		const bytes = new Uint8Array(new TextEncoder().encode(text));
		const { length } = bytes;
		if (length < 32) this.number(0xa0 | length, 1);
		else if (length < 0x100) this.number(0xd9, 1).number(length, 1);
		else this.number(0xda, 1).number(length, 2);
		this.room(length).set(bytes);
		return this;
	}

	/** A whole number that is not negative. */
	integer(value: number): this {
		if (value < 0x80) return this.number(value, 1);
		if (value < 0x100) return this.number(0xcc, 1).number(value, 1);
		if (value < 0x1_0000) return this.uint16(value);
		if (value < 0x1_0000_0000) return this.number(0xce, 1).number(value, 4);
		return this.number(0xcf, 1).number(value, 8);
	}

	/** In the form that Go gives to its uint16, however small. */
	uint16(value: number): this {
		return this.number(0xcd, 1).number(value, 2);
	}

	/** In the form that Go takes for an int64 where it does not say what it wants. Not negative. */
	int64(value: number): this {
		return this.number(0xd3, 1).number(value, 8);
	}

	boolean(value: boolean): this {
		return this.number(value ? 0xc3 : 0xc2, 1);
	}

	bytes(bytes: Uint8Array): this {
		this.binary(bytes.length).set(bytes);
		return this;
	}

	/** Bytes that the caller fills in. */
	binary(length: number): Uint8Array {
		if (length < 0x100) this.number(0xc4, 1).number(length, 1);
		else this.number(0xc5, 1).number(length, 2);
		return this.room(length);
	}

	private number(value: number, width: number): this {
		const room = this.room(width);
		for (let at = width - 1, rest = value; at >= 0; at--, rest = Math.floor(rest / 256)) room[at] = rest % 256;
		return this;
	}

	private room(length: number): Uint8Array {
		const end = this.#length + length;
		if (end > this.#bytes.length) {
			const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
			larger.set(this.result);
			this.#bytes = larger;
		}
		const room = this.#bytes.subarray(this.#length, end);
		this.#length = end;
		return room;
	}
}
