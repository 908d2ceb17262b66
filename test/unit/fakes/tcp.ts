import type { Network, Resolver, TCPOptions, TCPSocket } from "fleetling/common/device";

/** A socket whose other end is the test. */
export class FakeTCP implements TCPSocket {
	static all: FakeTCP[] = [];
	readonly target: unknown;
	readonly options: TCPOptions;
	readonly written: number[] = [];
	/** Bytes that it takes before it wants to be asked again. */
	room = 0;
	closed = false;
	#unread: number[] = [];

	constructor(options: TCPOptions) {
		this.options = options;
		this.target = options.target;
		FakeTCP.all.push(this);
	}

	static get last(): FakeTCP {
		const last = FakeTCP.all.at(-1);
		if (last === undefined) throw new Error("no connection was begun");
		return last;
	}

	/** It is connected, or takes more. */
	takes(bytes: number): void {
		this.room = bytes;
		this.options.onWritable?.call(this, bytes);
	}

	/** Bytes come. */
	says(bytes: readonly number[] | Uint8Array): void {
		for (const byte of bytes) this.#unread.push(byte);
		this.options.onReadable?.call(this, this.#unread.length);
	}

	/** The other end closes, or something breaks. */
	ends(error?: unknown): void {
		this.options.onError?.call(this, error);
	}

	get unread(): number {
		return this.#unread.length;
	}

	read(buffer: ArrayBuffer | Uint8Array): number {
		const view = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
		const part = this.#unread.splice(0, view.length);
		view.set(part);
		return part.length;
	}

	write(buffer: ArrayBuffer | Uint8Array): number {
		const view = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
		if (view.length > this.room) throw new Error("more than there is room for");
		for (const byte of view) this.written.push(byte);
		this.room -= view.length;
		return this.room;
	}

	close(): void {
		this.closed = true;
	}
}

/** Names that it knows, with their addresses. */
export const names = new Map<string, string>();

class FakeResolver implements Resolver {
	resolve({ host, onResolved, onError }: Parameters<Resolver["resolve"]>[0]): void {
		const address = names.get(host);
		if (address === undefined) onError(host);
		else onResolved(host, address);
	}

	close(): void {}
}

export const fakeNetwork: Pick<Network, "tcp" | "dns"> = { tcp: { io: FakeTCP }, dns: { io: FakeResolver } };
