/** A person, or a program that speaks Improv, at the other end of a device's serial console. */
import { closeSync, constants, openSync } from "node:fs";
import { ReadStream } from "node:tty";

/** One packet of Improv (improv-wifi.com/serial), as a client sends it. */
export function improvPacket(type: number, data: readonly number[]): Buffer {
	const bytes = Buffer.concat([Buffer.from("IMPROV\x01"), Buffer.from([type, data.length, ...data])]);
	const sum = bytes.reduce((all, byte) => all + byte, 0) & 0xff;
	return Buffer.concat([bytes, Buffer.from([sum, 10])]);
}

export interface ImprovPacket {
	readonly type: number;
	readonly data: Buffer;
}

/** Reads as the protocol's own client does: a packet counts at the beginning of a line only, and with the right sum. */
function packetsIn(bytes: Buffer): ImprovPacket[] {
	const packets: ImprovPacket[] = [];
	for (let at = 0; at < bytes.length; ) {
		if (bytes.toString("latin1", at, at + 7) === "IMPROV\x01" && at + 9 <= bytes.length) {
			const length = bytes.readUInt8(at + 8);
			const end = at + 9 + length;
			if (end >= bytes.length) break;
			const sum = bytes.subarray(at, end).reduce((all, byte) => all + byte, 0) & 0xff;
			if (sum === bytes.readUInt8(end)) packets.push({ type: bytes.readUInt8(at + 7), data: bytes.subarray(at + 9, end) });
			at = end;
		}
		const feed = bytes.indexOf(10, at);
		if (feed < 0) break;
		at = feed + 1;
	}
	return packets;
}

/** The texts of a result: each behind its length. */
export function textsIn({ data }: ImprovPacket): string[] {
	const texts: string[] = [];
	for (let at = 2; at < data.length; at += 1 + data.readUInt8(at))
		texts.push(data.toString("utf8", at + 1, at + 1 + data.readUInt8(at)));
	return texts;
}

export class Terminal {
	readonly #fd: number;
	readonly #stream: ReadStream;
	readonly #waiters = new Set<() => void>();
	#bytes = Buffer.alloc(0);

	constructor(path: string) {
		this.#fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
		this.#stream = new ReadStream(this.#fd);
		this.#stream.on("data", (data) => {
			this.#bytes = Buffer.concat([this.#bytes, data]);
			for (const wake of this.#waiters) wake();
		});
		// The device is switched off while somebody is attached.
		this.#stream.on("error", () => undefined);
	}

	get bytes(): Buffer {
		return this.#bytes;
	}

	/** Without what only moves the cursor and clears lines. */
	get text(): string {
		return this.#bytes.toString("utf8").replaceAll("\r", "").replaceAll("\x1b[K", "");
	}

	get packets(): readonly ImprovPacket[] {
		return packetsIn(this.#bytes);
	}

	forget(): void {
		this.#bytes = Buffer.alloc(0);
	}

	type(text: string | Buffer): void {
		this.#stream.write(text);
	}

	async until(what: string, condition: () => boolean, timeout = 30_000): Promise<void> {
		const deadline = Date.now() + timeout;
		while (!condition()) {
			if (Date.now() > deadline) throw new Error(`not within ${timeout / 1000} s: ${what}\n${this.text}`);
			await new Promise<void>((resolve) => {
				const timer = setTimeout(done, 200);
				const waiters = this.#waiters;
				waiters.add(done);
				function done(): void {
					clearTimeout(timer);
					waiters.delete(done);
					resolve();
				}
			});
		}
	}

	shows(text: string | RegExp, timeout?: number): Promise<void> {
		return this.until(String(text), () => (typeof text === "string" ? this.text.includes(text) : text.test(this.text)), timeout);
	}

	/** Types a line and waits for what it is to show. */
	async run(line: string, answer: string | RegExp): Promise<void> {
		this.forget();
		this.type(`${line}\r`);
		await this.shows(answer);
	}

	/** Waits for `count` packets since `forget`. */
	async receives(count: number): Promise<readonly ImprovPacket[]> {
		await this.until(`${count} packets`, () => this.packets.length >= count);
		return this.packets;
	}

	close(): void {
		this.#stream.destroy();
		try {
			closeSync(this.#fd);
		} catch {
			// The stream has closed it.
		}
	}
}
