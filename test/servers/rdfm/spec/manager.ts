/** A manager's terminal, as rdfm-mgmt and the web page open one. */
import { type RawData, WebSocket } from "ws";
import type { RdfmServer } from "../server";

export class ManagerShell {
	readonly socket: WebSocket;
	/** Everything that was shown. */
	text = "";
	/** Milliseconds from the opening to the first output. */
	firstOutput: number | undefined;
	end: { readonly code: number; readonly reason: string } | undefined;
	readonly #begun = Date.now();

	constructor(server: RdfmServer, mac: string) {
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

	/** Waits until `shows` holds. */
	async until(shows: () => boolean, what: string, timeout = 20_000): Promise<void> {
		const late = Date.now() + timeout;
		while (!shows()) {
			if (Date.now() > late) throw new Error(`no ${what} within ${timeout} ms; the terminal shows:\n${this.text}`);
			await new Promise((done) => setTimeout(done, 10));
		}
	}

	/** Waits until the terminal has shown `text`. */
	shows(text: string, timeout?: number): Promise<void> {
		return this.until(() => this.text.includes(text), JSON.stringify(text), timeout);
	}

	ended(timeout?: number): Promise<void> {
		return this.until(() => this.end !== undefined, "end", timeout);
	}

	/** Sends bytes, as terminals do. */
	type(text: string): void {
		this.socket.send(Buffer.from(text));
	}

	/** Types a line and waits for what it is answered with. */
	async run(line: string, answer: string, timeout?: number): Promise<void> {
		this.text = "";
		this.type(`${line}\r`);
		await this.shows(answer, timeout);
	}

	resize(rows: number, columns: number): void {
		this.socket.send(`resize ${rows} ${columns}`);
	}

	close(): void {
		this.socket.close(1000);
	}
}
