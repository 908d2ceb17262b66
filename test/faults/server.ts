/** A server of one package, as a storage host is: parts, ETag, If-Range; with a length, or in chunks. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Server } from "node:net";

/** Bytes of a chunk: several lie within a sector and a record of TLS, and some across. */
export const chunkBytes = 10_007;

interface Part {
	readonly status: 200 | 206 | 416;
	readonly start: number;
}

export class PackageServer {
	readonly package: Buffer;
	readonly sha256: string;
	readonly #etag: string;
	readonly #server: Server;

	private constructor(bytes: Buffer, tls?: { readonly key: string; readonly cert: string }) {
		this.package = bytes;
		this.sha256 = createHash("sha256").update(bytes).digest("hex");
		this.#etag = `"${this.sha256.slice(0, 32)}"`;
		const listener: RequestListener = (request, response) => this.#answer(request, response);
		this.#server = tls ? createSecureServer(tls, listener) : createServer(listener);
		// A client that is cut off or sends garbage is what this is about.
		this.#server.on("clientError", (_error, socket) => socket.destroy());
		this.#server.on("tlsClientError", () => undefined);
	}

	static async start(bytes: Buffer, tls?: { readonly key: string; readonly cert: string }): Promise<PackageServer> {
		const server = new PackageServer(bytes, tls);
		await new Promise<void>((listening) => server.#server.listen(0, "127.0.0.1", listening));
		return server;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	#part(request: IncomingMessage): Part {
		const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? Number.NaN);
		const condition = request.headers["if-range"] ?? this.#etag;
		if (Number.isNaN(start) || condition !== this.#etag) return { status: 200, start: 0 };
		return start < this.package.length ? { status: 206, start } : { status: 416, start };
	}

	#answer(request: IncomingMessage, response: ServerResponse): void {
		response.on("error", () => undefined);
		const { status, start } = this.#part(request);
		const total = this.package.length;
		const isChunked = request.url === "/chunked";
		if (request.method !== "GET" || (!isChunked && request.url !== "/fixed") || status === 416) {
			response.writeHead(status === 416 ? 416 : 404, { "Content-Length": 0 }).end();
			return;
		}
		const body = this.package.subarray(start);
		response.writeHead(status, {
			"Content-Type": "application/octet-stream",
			ETag: this.#etag,
			...(status === 206 && { "Content-Range": `bytes ${start}-${total - 1}/${total}` }),
			...(!isChunked && { "Content-Length": body.length }),
		});
		if (!isChunked) {
			response.end(body);
			return;
		}
		// Node makes each write a chunk.
		for (let at = 0; at < body.length; at += chunkBytes) response.write(body.subarray(at, at + chunkBytes));
		response.end();
	}

	stop(): Promise<void> {
		const server = this.#server as Server & { closeAllConnections(): void };
		server.closeAllConnections();
		return new Promise((closed) => server.close(() => closed()));
	}
}
