/** Serves the page on loopback, tells it what happens (server-sent events), and does what it asks for. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { WebSocket } from "ws";
import { Door } from "./door";
import type { ActionAnswer, ActionEntry, Fault, LogLine, Snapshot } from "./page/messages";
import { faults } from "./page/messages";
import { inlineScriptHash, type PageFile, pageFiles } from "./page-files";
import { ShellBridge } from "./shell-bridge";
import type { Watch } from "./watch";

/** A refusal that the person reads. */
export class Refused extends Error {
	override name = "Refused";
}

/** What the page can do. Errors of the kind `Refused` are shown as they are. */
export interface Controls {
	offer(version: string, fault: Fault): Promise<void>;
	power(on: boolean): Promise<void>;
	actions(): Promise<readonly ActionEntry[]>;
	execute(action: string): Promise<ActionAnswer>;
	shell(): WebSocket;
}

/** Longest request of the page in bytes; the longest there is names a version. */
const largestRequest = 4096;

const commonHeaders = {
	"Cache-Control": "no-store",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	// The address holds the secret.
	"Referrer-Policy": "no-referrer",
	"X-Content-Type-Options": "nosniff",
} as const;

export class PageServer {
	readonly #controls: Controls;
	readonly #watch: Watch;
	readonly #door = new Door();
	readonly #http: Server;
	readonly #bridge: ShellBridge;
	readonly #listeners = new Set<ServerResponse>();
	#files: ReadonlyMap<string, PageFile> = new Map();
	#scriptHash = "";

	constructor(controls: Controls, watch: Watch) {
		this.#controls = controls;
		this.#watch = watch;
		this.#bridge = new ShellBridge(
			() => controls.shell(),
			(count) => {
				watch.shells = count;
			},
		);
		this.#http = createServer((request, response) => void this.#serve(request, response));
		this.#http.on("upgrade", (request, stream, head) => {
			const admission = this.#door.admit(request, true);
			if ("path" in admission && admission.path === "shell") this.#bridge.upgrade(request, stream, head);
			else stream.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
		});
		watch.events.on("snapshot", (snapshot) => this.#tell(this.#snapshotEvent(snapshot)));
		watch.events.on("lines", (lines) => this.#tell(linesEvent(lines)));
	}

	/** Listens on loopback and returns the page's address. Port 0 takes a free one. */
	async listen(port: number): Promise<string> {
		this.#files = await pageFiles();
		this.#scriptHash = inlineScriptHash(this.#files.get("")?.content.toString("utf8") ?? "");
		await new Promise<void>((resolve, reject) => {
			this.#http.once("error", (error: NodeJS.ErrnoException) => {
				reject(error.code === "EADDRINUSE" ? new Error(`port ${port} is in use: choose another one with --port`) : error);
			});
			this.#http.listen(port, "127.0.0.1", resolve);
		});
		return this.#door.open((this.#http.address() as AddressInfo).port);
	}

	async close(): Promise<void> {
		this.#tell("event: end\ndata: {}\n\n");
		this.#bridge.close();
		for (const listener of this.#listeners) listener.end();
		await new Promise<void>((resolve) => {
			if (!this.#http.listening) resolve();
			else this.#http.close(() => resolve());
			this.#http.closeAllConnections();
		});
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		try {
			const { method = "" } = request;
			const reads = method === "GET" || method === "HEAD";
			const admission = this.#door.admit(request, !reads);
			if ("status" in admission) answer(response, admission.status, "text/plain; charset=utf-8", `${admission.text}\n`);
			else if (reads) await this.#read(admission.path, admission.host, request, response);
			else if (method === "POST") await this.#act(admission.path, request, response);
			else answer(response, 405, "text/plain; charset=utf-8", "This is not done with the page.\n");
		} catch (error) {
			const text = error instanceof Error ? error.message : String(error);
			if (!response.headersSent) answerJson(response, error instanceof Refused ? 409 : 500, { error: text });
			else response.destroy();
		}
	}

	async #read(path: string, host: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
		if (path === "live") return this.#live(request, response);
		if (path === "actions") return answerJson(response, 200, await this.#controls.actions());
		const file = this.#files.get(path);
		if (file === undefined) return answer(response, 404, "text/plain; charset=utf-8", "There is no such file.\n");
		answer(response, 200, file.type, file.content, path === "" ? { "Content-Security-Policy": this.#policy(host) } : {});
	}

	/** Nothing from elsewhere is loaded, run or asked, whatever a device or a server may send. The terminal writes its styles itself. */
	#policy(host: string): string {
		return [
			"default-src 'none'",
			`script-src 'self' ${this.#scriptHash}`,
			"style-src 'self' 'unsafe-inline'",
			"img-src 'self'",
			`connect-src 'self' ws://${host}`,
			"form-action 'none'",
			"base-uri 'none'",
			"frame-ancestors 'none'",
		].join("; ");
	}

	async #act(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
		const body = await bodyOf(request);
		const { version, fault, on, id } = body;
		if (path === "offer") {
			if (typeof version !== "string" || !isFault(fault)) throw new Refused("an offer needs a version and a kind of firmware");
			await this.#controls.offer(version, fault);
			answerJson(response, 200, {});
		} else if (path === "power") {
			if (typeof on !== "boolean") throw new Refused("the power is to be on or off");
			await this.#controls.power(on);
			answerJson(response, 200, {});
		} else if (path === "actions") {
			if (typeof id !== "string") throw new Refused("which action?");
			answerJson(response, 200, await this.#controls.execute(id));
		} else answerJson(response, 404, { error: "there is nothing of that name" });
	}

	/** First all that is known, then what happens. A page that has lost the connection says which line it has seen last. */
	#live(request: IncomingMessage, response: ServerResponse): void {
		response.writeHead(200, { ...commonHeaders, "Content-Type": "text/event-stream" });
		const seen = Number(request.headers["last-event-id"] ?? 0);
		response.write(`retry: 1000\n\n${this.#snapshotEvent(this.#watch.snapshot())}`);
		response.write(linesEvent(this.#watch.linesAfter(Number.isFinite(seen) ? seen : 0)));
		this.#listeners.add(response);
		response.on("close", () => this.#listeners.delete(response));
	}

	#snapshotEvent(snapshot: Snapshot): string {
		return `event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`;
	}

	#tell(event: string): void {
		for (const listener of this.#listeners) listener.write(event);
	}
}

function linesEvent(lines: readonly LogLine[]): string {
	const last = lines.at(-1);
	return last === undefined ? "" : `event: lines\nid: ${last.number}\ndata: ${JSON.stringify(lines)}\n\n`;
}

const isFault = (value: unknown): value is Fault => (faults as readonly unknown[]).includes(value);

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of request) {
		length += (chunk as Buffer).length;
		if (length > largestRequest) throw new Refused("the request is too long");
		chunks.push(chunk as Buffer);
	}
	// A form of another site can send neither this type nor JSON.
	if (request.headers["content-type"] !== "application/json") throw new Refused("the request is not JSON");
	const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
	if (typeof value !== "object" || value === null) throw new Refused("the request is not an object");
	return value as Readonly<Record<string, unknown>>;
}

function answer(
	response: ServerResponse,
	status: number,
	type: string,
	content: string | Buffer,
	headers: Readonly<Record<string, string>> = {},
): void {
	const bytes = Buffer.from(content);
	response.writeHead(status, { ...commonHeaders, "Content-Type": type, "Content-Length": bytes.length, ...headers });
	response.end(bytes);
}

function answerJson(response: ServerResponse, status: number, value: unknown): void {
	answer(response, status, "application/json", JSON.stringify(value));
}
