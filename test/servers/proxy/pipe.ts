/** One direction of a proxied connection: reads, disturbs, counts, writes, with back-pressure from end to end. */
import type { Socket } from "node:net";
import type { Action, Disturbances } from "./disturbances";
import type { Direction } from "./handshakes";

/** What a pipe needs of its connection. */
export interface PipeWorld {
	readonly connection: number;
	readonly direction: Direction;
	readonly disturbances: Disturbances;
	/** Called with every piece as it goes out. */
	readonly passed: (bytes: Buffer) => void;
	/** Awaited when the source has ended and everything has been handed on, before the destination is ended. */
	readonly ending: () => Promise<void>;
	/** Ends both sides. */
	readonly cut: (reset: boolean) => void;
	/** Resolves when the proxy releases what it stalls, or the connection has ended. */
	readonly released: () => Promise<void>;
}

/** Pieces of a slowed stream are sent this often, in milliseconds. */
const slowInterval = 20;

/** Bytes that an action needs before it can take place. */
interface Gathering {
	readonly action: Extract<Action, { kind: "corrupt" | "duplicate" | "drop" }>;
	readonly wanted: number;
	bytes: Buffer;
}

/** Moves bytes from one socket to the other. */
export class Pipe {
	readonly #source: Socket;
	readonly #destination: Socket;
	readonly #world: PipeWorld;
	#offset = 0;
	#bytesPerSecond = Number.POSITIVE_INFINITY;
	#gathering: Gathering | undefined;
	#ended = false;

	constructor(source: Socket, destination: Socket, world: PipeWorld) {
		this.#source = source;
		this.#destination = destination;
		this.#world = world;
	}

	/** Runs until the source ends or either socket fails. Never rejects. */
	async run(): Promise<void> {
		try {
			for await (const chunk of this.#source.iterator({ destroyOnReturn: false })) {
				await this.#handle(chunk as Buffer);
				if (this.#ended) return;
			}
			await this.#flush();
			await this.#world.ending();
			this.#destination.end();
		} catch {
			// The source was reset: so is the other side.
			this.#world.cut(true);
		}
	}

	async #handle(chunk: Buffer): Promise<void> {
		const { connection, direction, disturbances } = this.#world;
		let rest = chunk;
		while (rest.length > 0 && !this.#ended) {
			const strike = this.#gathering ? undefined : disturbances.strike(connection, direction, rest, this.#offset);
			// What an action waits for is handed over apart, so that the rest is searched for further places.
			const wanted = this.#gathering ? this.#gathering.wanted - this.#gathering.bytes.length : rest.length;
			const head = rest.subarray(0, strike?.index ?? wanted);
			rest = rest.subarray(head.length);
			this.#offset += head.length;
			disturbances.passed(connection, direction, head);
			await this.#pass(head);
			if (strike) await this.#act(strike.action);
		}
	}

	async #act(action: Action): Promise<void> {
		switch (action.kind) {
			case "cut":
				this.#ended = true;
				this.#world.cut(action.reset ?? false);
				return;
			case "stall":
				await this.#wait(action.milliseconds);
				return;
			case "slow":
				this.#bytesPerSecond = action.bytesPerSecond;
				return;
			default:
				this.#gathering = { action, wanted: action.bytes ?? 1, bytes: Buffer.alloc(0) };
		}
	}

	/** Sends bytes on, or hands them to the action that waits for them. */
	async #pass(bytes: Buffer): Promise<void> {
		const gathering = this.#gathering;
		if (!gathering) return this.#send(bytes);
		gathering.bytes = Buffer.concat([gathering.bytes, bytes]);
		if (gathering.bytes.length >= gathering.wanted) await this.#flush();
	}

	/** Lets the waiting action take place with what there is. */
	async #flush(): Promise<void> {
		if (!this.#gathering) return;
		const { action, bytes } = this.#gathering;
		this.#gathering = undefined;
		if (action.kind === "corrupt") await this.#send(Buffer.from(bytes.map((byte) => byte ^ (action.mask ?? 0xff))));
		if (action.kind === "duplicate") await this.#send(Buffer.concat([bytes, bytes]));
	}

	async #send(bytes: Buffer): Promise<void> {
		const slow = Number.isFinite(this.#bytesPerSecond);
		const size = Math.max(1, slow ? Math.floor((this.#bytesPerSecond * slowInterval) / 1000) : bytes.length);
		for (let at = 0; at < bytes.length && !this.#destination.destroyed; at += size) {
			const piece = bytes.subarray(at, at + size);
			this.#world.passed(piece);
			// Waiting for each piece keeps back-pressure, and a cut that follows loses nothing of what came before.
			await new Promise<void>((resolve) => this.#destination.write(piece, () => resolve()));
			if (slow) await this.#wait((piece.length * 1000) / this.#bytesPerSecond);
		}
	}

	/** Waits for a time, or less if the connection ends; without a time until released. */
	async #wait(milliseconds: number | undefined): Promise<void> {
		if (milliseconds === undefined) return this.#world.released();
		await pause(milliseconds, [this.#source, this.#destination]);
	}
}

/** Waits for a time, or until one of the sockets closes; leaves no listener behind. */
function pause(milliseconds: number, sockets: readonly Socket[]): Promise<void> {
	if (sockets.some((socket) => socket.closed)) return Promise.resolve();
	return new Promise((resolve) => {
		const settle = (): void => {
			clearTimeout(timer);
			for (const socket of sockets) socket.off("close", settle);
			resolve();
		};
		const timer = setTimeout(settle, milliseconds);
		for (const socket of sockets) socket.on("close", settle);
	});
}
