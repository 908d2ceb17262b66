/** Between the terminal in the page and the server's route for managers, both WebSockets: nothing is read or changed on the way. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, WebSocket, WebSocketServer } from "ws";

/** What one message from the page may hold. */
const largestMessage = 64 * 1024;
/** Bytes on their way to the page beyond which the device has to wait. */
const mostWaiting = 256 * 1024;
/** For ends that have no code that could be passed on. */
const lostCode = 4000;

export class ShellBridge {
	readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: largestMessage });
	readonly #open: () => WebSocket;
	readonly #onCount: (count: number) => void;
	#count = 0;

	/** `open` opens the route; `onCount` hears how many shells there are. */
	constructor(open: () => WebSocket, onCount: (count: number) => void) {
		this.#open = open;
		this.#onCount = onCount;
	}

	upgrade(incoming: IncomingMessage, stream: Duplex, head: Buffer): void {
		this.#sockets.handleUpgrade(incoming, stream, head, (page) => this.#join(page));
	}

	#join(page: WebSocket): void {
		const server = this.#open();
		const early: { readonly data: RawData; readonly binary: boolean }[] = [];
		let lost = "the connection to the server was lost";
		this.#changed(1);
		server.on("open", () => {
			for (const { data, binary } of early.splice(0)) server.send(data, { binary });
		});
		server.on("error", (error) => {
			lost = error.message;
		});
		server.on("message", (data: RawData, binary: boolean) => {
			page.send(data, { binary }, () => server.resume());
			if (page.bufferedAmount > mostWaiting) server.pause();
		});
		server.on("close", (code, reason) => {
			this.#changed(-1);
			const passes = code === 1000 || code >= 3000;
			// A reason has at most 123 bytes (RFC 6455, 5.5).
			page.close(passes ? code : lostCode, passes ? reason : lost.slice(0, 100));
		});
		page.on("message", (data: RawData, binary: boolean) => {
			if (server.readyState === WebSocket.OPEN) server.send(data, { binary });
			else early.push({ data, binary });
		});
		page.on("error", () => undefined);
		page.on("close", () => {
			server.resume();
			if (server.readyState === WebSocket.CONNECTING) server.terminate();
			else server.close(1000);
		});
	}

	#changed(by: 1 | -1): void {
		this.#count += by;
		this.#onCount(this.#count);
	}

	close(): void {
		for (const page of this.#sockets.clients) page.terminate();
	}
}
