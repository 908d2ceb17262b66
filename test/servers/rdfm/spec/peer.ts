/** A device's end of the management WebSocket, as lenient as `ws` is. */
import { EventEmitter, once } from "node:events";
import { type RawData, WebSocket } from "ws";
import type { RdfmServer } from "../server";
import { nextEvent } from "../waiting";

export type Heard = Readonly<Record<string, unknown>>;

export class ManagementPeer {
	readonly socket: WebSocket;
	readonly heard: Heard[] = [];
	readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
	readonly #events = new EventEmitter<{ heard: [number] }>();

	constructor(server: RdfmServer, authorization: string, options: object = {}) {
		const url = `${server.url.replace("http", "ws")}/api/v1/devices/ws`;
		this.socket = new WebSocket(url, { headers: { Authorization: authorization }, ...options });
		this.socket.on("message", (data: RawData) => {
			this.heard.push(JSON.parse(data.toString()) as Heard);
			this.#events.emit("heard", this.heard.length);
		});
		this.socket.on("error", () => undefined);
		// Not with `once` of events, which rejects for the error that comes before.
		this.ended = new Promise((resolve) => {
			this.socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
		});
	}

	async opened(): Promise<this> {
		await once(this.socket, "open");
		return this;
	}

	say(message: unknown): void {
		this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
	}

	/** What came of one method. */
	of(method: string): readonly Heard[] {
		return this.heard.filter((message) => message.method === method);
	}

	/** The message of that method with that number, counted from 1, past or to come. */
	async hears(method: string, count = 1): Promise<Heard> {
		const enough = (): boolean => this.of(method).length >= count;
		if (!enough())
			await nextEvent(
				this.#events,
				"heard",
				enough,
				5_000,
				() => `${count} times ${method}: heard ${JSON.stringify(this.heard)}`,
			);
		return this.of(method)[count - 1] ?? {};
	}
}
