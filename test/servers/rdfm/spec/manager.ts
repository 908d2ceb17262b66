/** A manager's terminal, as rdfm-mgmt and the web page open one. */
import { type RawData, WebSocket } from "ws";
import { RemoteTerminal } from "../../terminal";
import type { RdfmServer } from "../server";

export class ManagerShell extends RemoteTerminal {
	readonly socket: WebSocket;
	/** Milliseconds from the opening to the first output. */
	firstOutput: number | undefined;
	end: { readonly code: number; readonly reason: string } | undefined;
	readonly #begun = Date.now();

	constructor(server: RdfmServer, mac: string) {
		super();
		const url = `${server.url.replace("http", "ws")}/api/v1/devices/${mac}/shell`;
		this.socket = new WebSocket(url, { rejectUnauthorized: false });
		this.socket.on("error", () => undefined);
		this.socket.on("message", (data: RawData) => {
			this.firstOutput ??= Date.now() - this.#begun;
			this.text += (data as Buffer).toString("utf8");
		});
		this.socket.on("close", (code, reason) => {
			this.end = { code, reason: reason.toString() };
		});
	}

	get over(): boolean {
		return this.end !== undefined;
	}

	/** Sends bytes, as terminals do. */
	type(text: string): void {
		this.socket.send(Buffer.from(text));
	}

	resize(rows: number, columns: number): void {
		this.socket.send(`resize ${rows} ${columns}`);
	}

	close(): void {
		this.socket.close(1000);
	}
}
