/** A manager's session with a device, as the management API and the clients that use it have one. */
import { EventEmitter } from "node:events";
import { decode, encode, isMap, type ProtoMsg } from "./protomsg";

export interface ManagerOptions {
	readonly id: string;
	readonly user: string;
	readonly send: (message: ProtoMsg) => void;
	readonly gone: () => void;
}

/** What a device answers instead of what was asked for. */
export class DeviceError extends Error {
	override name = "DeviceError";
	/** Of HTTP, where the device says one: the API answers with it. */
	readonly code: number | undefined;

	constructor(text: string, code: number | undefined) {
		super(text);
		this.code = code;
	}
}

export class ManagerSession {
	readonly id: string;
	readonly user: string;
	/** Everything that has come. */
	readonly messages: Required<ProtoMsg>[] = [];
	/** Called for each message instead of keeping it for `receive`. */
	onMessage: ((message: Required<ProtoMsg>) => void) | undefined;
	readonly #options: ManagerOptions;
	readonly #unread: Required<ProtoMsg>[] = [];
	readonly #arrivals = new EventEmitter<{ arrival: [] }>();

	constructor(options: ManagerOptions) {
		this.id = options.id;
		this.user = options.user;
		this.#options = options;
	}

	send(message: ProtoMsg): void {
		this.#options.send(message);
	}

	/** The connection: a message of the device's for this session. */
	received(message: Required<ProtoMsg>): void {
		this.messages.push(message);
		if (this.onMessage !== undefined) this.onMessage(message);
		else {
			this.#unread.push(message);
			this.#arrivals.emit("arrival");
		}
	}

	/** The next message, in order; the service waits for 60 s. */
	async receive(timeout = 60_000): Promise<Required<ProtoMsg>> {
		const next = this.#unread.shift();
		if (next !== undefined) return next;
		await new Promise<void>((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`nothing came from the device within ${timeout} ms`)), timeout);
			// It may be the session that has ended.
			timer.unref();
			this.#arrivals.once("arrival", () => {
				clearTimeout(timer);
				resolve();
			});
		});
		return this.receive(timeout);
	}

	/** What the device says it speaks. */
	async handshake(versions: readonly number[] = [1]): Promise<readonly number[]> {
		this.send({ proto: 0xffff, typ: "open", body: encode({ versions }) });
		const { typ, body } = await this.receive();
		if (typ === "error") throw errorOf(body);
		if (typ !== "accept") throw new Error(`"${typ}" instead of "accept"`);
		const accept = decode(body);
		if (!isMap(accept) || accept.version !== 1 || !Array.isArray(accept.protocols)) throw new Error("an accept of another form");
		return accept.protocols as readonly number[];
	}

	/** Tells the device that the session is over, and is gone. */
	close(): void {
		this.send({ proto: 0xffff, typ: "close" });
		this.vanish();
	}

	/** Is gone without a word: whatever comes from the device is dropped. */
	vanish(): void {
		this.#options.gone();
	}

	ended(): void {
		this.#arrivals.removeAllListeners();
	}
}

/** An error's body. */
export function errorOf(body: Uint8Array): DeviceError {
	const fields = decode(body);
	if (!isMap(fields) || typeof fields.err !== "string") throw new Error("an error without its text");
	return new DeviceError(fields.err, typeof fields.code === "number" ? fields.code : undefined);
}
