/** Takes a ClientHello apart (RFC 8446 section 4.1.2). Throws where it is not one. */
export interface Hello {
	readonly version: number;
	readonly cipherSuites: readonly number[];
	readonly extensions: ReadonlyMap<number, readonly number[]>;
	readonly serverName: string | undefined;
	readonly groups: readonly number[];
	readonly signatures: readonly number[];
}

class Cursor {
	readonly #bytes: readonly number[];
	#at = 0;

	constructor(bytes: readonly number[]) {
		this.#bytes = bytes;
	}

	get left(): number {
		return this.#bytes.length - this.#at;
	}

	take(count: number): readonly number[] {
		if (count > this.left) throw new Error("ends early");
		this.#at += count;
		return this.#bytes.slice(this.#at - count, this.#at);
	}

	number(bytes: number): number {
		return this.take(bytes).reduce((value, byte) => value * 256 + byte, 0);
	}

	/** A vector whose length takes so many bytes. */
	vector(bytes: number): Cursor {
		return new Cursor(this.take(this.number(bytes)));
	}

	rest(): readonly number[] {
		return this.take(this.left);
	}

	numbers(bytes: number): readonly number[] {
		const list: number[] = [];
		while (this.left > 0) list.push(this.number(bytes));
		return list;
	}
}

const listIn = (extension: readonly number[] | undefined): readonly number[] =>
	extension === undefined ? [] : new Cursor(extension).vector(2).numbers(2);

function nameIn(extension: readonly number[] | undefined): string | undefined {
	if (extension === undefined) return undefined;
	const list = new Cursor(extension).vector(2);
	if (list.number(1) !== 0) throw new Error("not a host name");
	return String.fromCharCode(...list.vector(2).rest());
}

export function parseHello(bytes: readonly number[]): Hello {
	const record = new Cursor(bytes);
	if (record.number(1) !== 22) throw new Error("not a handshake record");
	record.number(2);
	const message = record.vector(2);
	if (message.number(1) !== 1) throw new Error("not a ClientHello");
	const hello = message.vector(3);
	const version = hello.number(2);
	hello.take(32);
	hello.vector(1);
	const cipherSuites = hello.vector(2).numbers(2);
	hello.vector(1);
	const extensions = new Map<number, readonly number[]>();
	const list = hello.vector(2);
	while (list.left > 0) extensions.set(list.number(2), list.vector(2).rest());
	return {
		version,
		cipherSuites,
		extensions,
		serverName: nameIn(extensions.get(0)),
		groups: listIn(extensions.get(10)),
		signatures: listIn(extensions.get(13)),
	};
}
