/**
 * Sockets: TCP, TLS over it, HTTP over either. The TCP socket of every connection is kept so that it can be reset, and so that
 * the whole server can vanish and come back on the same port with the same TLS session keys.
 */
import {
	createServer as createHttpServer,
	type Server as HttpServer,
	type IncomingMessage,
	type ServerResponse,
} from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, TLSSocket, type TlsOptions, type Server as TlsServer } from "node:tls";
import { reset as resetSocket } from "../proxy/reset";
import type { ConnectionRecord } from "./records";

/** One connection and the way to end it hard. */
export interface Connection {
	readonly record: ConnectionRecord;
	/** Closes the connection at once; with `reset` the peer gets RST instead of FIN. */
	abort(reset: boolean): void;
}

/** Settings of a listener. */
export interface ListenerOptions {
	readonly host: string;
	readonly tls: TlsOptions | undefined;
	/** Idle time after which a kept connection is closed, in milliseconds. */
	readonly idleTimeout: number;
	readonly onConnection: (record: ConnectionRecord) => void;
	readonly onRequest: (incoming: IncomingMessage, outgoing: ServerResponse, connection: Connection) => void;
	/** A request for another protocol; returns false when it is none that is known. */
	readonly onUpgrade: (incoming: IncomingMessage, stream: Duplex, head: Buffer) => boolean;
	readonly onTlsError: (error: Error) => void;
}

/** Listens on one port. */
export class Listener {
	readonly #options: ListenerOptions;
	readonly #tcp: TcpServer;
	readonly #tls: TlsServer | undefined;
	readonly #http: HttpServer;
	/** Open TCP sockets, and by the socket that HTTP runs over, their connections. */
	readonly #sockets = new Set<Socket>();
	readonly #connections = new WeakMap<Socket, Connection>();
	readonly #idle = new WeakMap<Socket, NodeJS.Timeout>();
	/** TCP sockets whose TLS handshake is under way, by the peer's port. */
	readonly #handshakes = new Map<number, Socket>();
	#port = 0;
	#lastId = 0;

	constructor(options: ListenerOptions) {
		this.#options = options;
		// Idle connections are dropped here: Node adds a time of its own to the one it is given.
		this.#http = createHttpServer({ requestTimeout: 0, keepAliveTimeout: 0 }, (incoming, outgoing) => {
			const connection = this.#connections.get(incoming.socket);
			if (!connection) throw new Error("a request on a connection that was never announced");
			connection.record.requests += 1;
			clearTimeout(this.#idle.get(incoming.socket));
			outgoing.once("finish", () => this.#rest(incoming.socket));
			options.onRequest(incoming, outgoing, connection);
		});
		this.#http.on("upgrade", (incoming: IncomingMessage, stream: Duplex, head: Buffer) => {
			clearTimeout(this.#idle.get(incoming.socket));
			const connection = this.#connections.get(incoming.socket);
			if (connection) connection.record.requests += 1;
			if (!options.onUpgrade(incoming, stream, head))
				stream.end("HTTP/1.1 404 NOT FOUND\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
		});
		// TLS 1.2 and 1.3, no ALPN, like the real server (facts B.1).
		this.#tls = options.tls && createTlsServer({ minVersion: "TLSv1.2", ...options.tls });
		this.#tls?.on("secureConnection", (secure: TLSSocket) => this.#secured(secure));
		this.#tls?.on("tlsClientError", options.onTlsError);
		this.#tcp = createTcpServer({ noDelay: true }, (raw) => this.#accepted(raw));
	}

	get port(): number {
		return this.#port;
	}

	/** Starts listening; port 0 takes a free one, later calls return to the port of the first. */
	listen(port: number): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#tcp.once("error", reject);
			this.#tcp.listen(this.#port || port, this.#options.host, () => {
				this.#tcp.off("error", reject);
				this.#port = (this.#tcp.address() as AddressInfo).port;
				resolve();
			});
		});
	}

	/** Stops listening and ends every connection. */
	close(): Promise<void> {
		return new Promise((resolve) => {
			if (!this.#tcp.listening) {
				resolve();
				return;
			}
			this.#tcp.close(() => resolve());
			for (const socket of this.#sockets) socket.destroy();
		});
	}

	/** Makes sessions and tickets of earlier connections worthless: the next handshake of every client is a full one. */
	forgetSessions(ticketKeys: Buffer): void {
		this.#tls?.setTicketKeys(ticketKeys);
	}

	/** An answer is out: without another request the connection ends. */
	#rest(socket: Socket): void {
		if (!socket.destroyed)
			this.#idle.set(
				socket,
				setTimeout(() => socket.destroySoon(), this.#options.idleTimeout),
			);
	}

	#accepted(raw: Socket): void {
		this.#sockets.add(raw);
		raw.on("error", () => raw.destroy());
		raw.once("close", () => this.#sockets.delete(raw));
		if (!this.#tls) {
			this.#serve(raw, raw);
			return;
		}
		const { remotePort = 0 } = raw;
		this.#handshakes.set(remotePort, raw);
		raw.once("close", () => this.#handshakes.delete(remotePort));
		this.#tls.emit("connection", raw);
	}

	#secured(secure: TLSSocket): void {
		const raw = this.#handshakes.get(secure.remotePort ?? 0);
		if (raw) this.#serve(secure, raw);
		else secure.destroy();
	}

	#serve(socket: Socket, raw: Socket): void {
		socket.on("error", () => socket.destroy());
		this.#lastId += 1;
		const common = { id: this.#lastId, opened: Date.now(), requests: 0 };
		const record: ConnectionRecord =
			socket instanceof TLSSocket
				? { ...common, tls: { version: socket.getProtocol() ?? "", resumed: socket.isSessionReused() } }
				: common;
		const abort = (reset: boolean): void => {
			if (reset) resetSocket(raw);
			else raw.destroy();
		};
		socket.once("close", () => {
			clearTimeout(this.#idle.get(socket));
			record.closed = Date.now();
		});
		this.#connections.set(socket, { record, abort });
		this.#options.onConnection(record);
		this.#http.emit("connection", socket);
	}
}
