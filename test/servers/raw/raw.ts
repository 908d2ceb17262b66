/**
 * A TCP peer that does exactly what a test tells it, however wrong: for all that a real server would never send.
 */
import net from "node:net";

export interface RawRequest {
	readonly method: string;
	readonly path: string;
	/** Request line and header section, with the empty line. */
	readonly head: string;
	readonly body: Buffer;
}

export class RawConnection {
	/** Number of this connection at its server, from 0. */
	readonly index: number;
	/** Resolves when the client has gone. */
	readonly closed: Promise<void>;
	readonly #socket: net.Socket;
	#input = Buffer.alloc(0);
	#wake: (() => void) | undefined;
	#ended = false;

	constructor(socket: net.Socket, index: number) {
		this.#socket = socket;
		this.index = index;
		socket.on("data", (data: Buffer) => {
			this.#input = Buffer.concat([this.#input, data]);
			this.#wake?.();
		});
		socket.on("error", () => undefined);
		this.closed = new Promise((resolve) => {
			const end = (): void => {
				this.#ended = true;
				this.#wake?.();
				resolve();
			};
			socket.on("end", end);
			socket.on("close", end);
		});
	}

	/** Number of bytes that have arrived and belong to no request yet. */
	get pending(): number {
		return this.#input.length;
	}

	/** The next request, whole; undefined when the client has gone. */
	async request(): Promise<RawRequest | undefined> {
		for (;;) {
			const end = this.#input.indexOf("\r\n\r\n");
			if (end >= 0) {
				const head = this.#input.subarray(0, end + 4).toString("latin1");
				const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
				if (this.#input.length >= end + 4 + length) {
					const body = this.#input.subarray(end + 4, end + 4 + length);
					this.#input = this.#input.subarray(end + 4 + length);
					const [method = "", path = ""] = head.split(" ", 2);
					return { method, path, head, body };
				}
			}
			if (this.#ended) return undefined;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	/** Sends text as Latin-1. */
	send(data: string | Buffer): void {
		if (!this.#socket.destroyed) this.#socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
	}

	/** Sends in pieces, so that the client sees each of them on its own. */
	async sendInPieces(data: string, size: number, pause = 1): Promise<void> {
		for (let i = 0; i < data.length; i += size) {
			this.send(data.slice(i, i + size));
			await new Promise((resolve) => setTimeout(resolve, pause));
		}
	}

	/** An orderly end. */
	end(): void {
		this.#socket.end();
	}

	/** RST. */
	reset(): void {
		this.#socket.resetAndDestroy();
	}

	/** Takes nothing more, so that the client's data piles up. */
	stopReading(): void {
		this.#socket.pause();
	}
}

export interface RawServer {
	readonly port: number;
	readonly connections: readonly RawConnection[];
	close(): Promise<void>;
}

/** Starts a peer on loopback; `serve` runs once for each connection, and what it throws fails `close`. */
export async function startRaw(serve: (connection: RawConnection) => Promise<void>): Promise<RawServer> {
	const connections: RawConnection[] = [];
	const sockets = new Set<net.Socket>();
	const failures: unknown[] = [];
	const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
		sockets.add(socket);
		socket.on("close", () => sockets.delete(socket));
		const connection = new RawConnection(socket, connections.length);
		connections.push(connection);
		serve(connection).catch((error: unknown) => failures.push(error));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		port: (server.address() as net.AddressInfo).port,
		connections,
		async close() {
			for (const socket of sockets) socket.destroy();
			await new Promise((resolve) => server.close(resolve));
			if (failures.length > 0) throw failures[0];
		},
	};
}

/** A peer that treats each request by its path. */
export function startRawByPath(
	answer: (request: RawRequest, connection: RawConnection) => Promise<void> | void,
): Promise<RawServer> {
	return startRaw(async (connection) => {
		for (let request = await connection.request(); request !== undefined; request = await connection.request()) {
			await answer(request, connection);
		}
		connection.end();
	});
}
