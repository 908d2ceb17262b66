/** `GET /api/devices/v1/deviceconnect/connect` and what the service does between a device and its managers: facts 1.7. */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { Answer, Request, Route } from "../rdfm/http";
import { nextEvent } from "../rdfm/waiting";
import type { Device } from "./devices";
import { Refusal } from "./http";
import { ManagerSession } from "./manager";
import { decodeMessage, encodeMessage, type ProtoMsg } from "./protomsg";
import type { Tokens } from "./tokens";

const path = "/api/devices/v1/deviceconnect/connect";
const subprotocol = "protomsg/msgpack";
const messageLimit = 8 * 1024 * 1024;

/** How a connection ended. `by` is who said goodbye first; nobody when it just broke. */
export interface ConnectionEnd {
	readonly code: number;
	readonly reason: string;
	readonly by: "device" | "server" | "nobody";
}

interface ConnectionEvents {
	message: [Required<ProtoMsg>];
	end: [ConnectionEnd];
}

/** One device's WebSocket. */
export class DeviceConnection {
	readonly events = new EventEmitter<ConnectionEvents>();
	readonly device: Device;
	/** Subprotocols that the device has offered. */
	readonly offered: readonly string[];
	/** Everything that has come, and what was for no session that there is. */
	readonly messages: Required<ProtoMsg>[] = [];
	readonly strays: Required<ProtoMsg>[] = [];
	/** Payloads of pongs. */
	readonly pongs: string[] = [];
	end: ConnectionEnd | undefined;
	readonly #socket: WebSocket;
	readonly #sessions = new Map<string, ManagerSession>();
	readonly #wait: number;
	#closing = false;
	#deadline: NodeJS.Timeout | undefined;
	#ping: NodeJS.Timeout | undefined;

	constructor(device: Device, offered: readonly string[], socket: WebSocket, wait: number) {
		this.device = device;
		this.offered = offered;
		this.#socket = socket;
		this.#wait = wait;
		socket.on("message", (data: RawData) => this.#received(data as Buffer));
		socket.on("pong", (payload) => {
			this.pongs.push(payload.toString());
			this.#heard();
			this.#tick();
		});
		socket.on("ping", () => {
			this.#heard();
			this.#tick();
		});
		socket.on("error", () => undefined);
		socket.on("close", (code, reason) => this.#ended(code, reason.toString()));
		this.#heard();
		this.#tick();
	}

	get isOpen(): boolean {
		return this.end === undefined && !this.#closing;
	}

	/** A manager's session; none has been told to the device before something is said in it. */
	open(user: string): ManagerSession {
		const id = randomUUID();
		const session = new ManagerSession({
			...{ id, user },
			// The service puts in whose it is, whatever the manager has said.
			send: (message) => this.send({ ...message, sid: id, props: { ...message.props, user_id: user } }),
			gone: () => this.#sessions.delete(id),
		});
		this.#sessions.set(id, session);
		return session;
	}

	/** A request of the service's own: it belongs to no session. */
	command(typ: "check-update" | "send-inventory", user: string): void {
		this.send({ proto: 4, typ, props: { user_id: user } });
	}

	send(message: ProtoMsg): void {
		this.raw(encodeMessage(message));
	}

	/** Anything at all. */
	raw(data: Uint8Array | string): void {
		this.#socket.send(data, { binary: typeof data !== "string" });
		this.#tick();
	}

	/** Says goodbye as the service does when it has no more to say. */
	close(code = 1000, reason = ""): void {
		if (!this.isOpen) return;
		this.#closing = true;
		this.#socket.close(code, reason);
	}

	/** What a restart of the service looks like: no goodbye. */
	drop(): void {
		this.#socket.terminate();
	}

	/** Reads nothing any more: what piles up is the device's. */
	pause(paused: boolean): void {
		if (paused) this.#socket.pause();
		else this.#socket.resume();
	}

	until(what: string, fits: (message: Required<ProtoMsg>) => boolean, timeout = 20_000): Promise<Required<ProtoMsg>> {
		const past = this.messages.find(fits);
		if (past !== undefined) return Promise.resolve(past);
		const late = (): string => `no ${what}, only ${this.messages.map(({ proto, typ }) => `${proto}/${typ}`).join(" ")}`;
		return nextEvent<Required<ProtoMsg>>(this.events, "message", fits, timeout, late);
	}

	untilEnd(timeout = 20_000): Promise<ConnectionEnd> {
		if (this.end !== undefined) return Promise.resolve(this.end);
		return nextEvent<ConnectionEnd>(
			this.events,
			"end",
			() => true,
			timeout,
			() => "the connection was still open",
		);
	}

	#received(data: Buffer): void {
		if (!this.isOpen) return;
		this.#heard();
		let message: Required<ProtoMsg>;
		try {
			message = decodeMessage(data);
		} catch {
			this.close(1011, "internal error");
			return;
		}
		this.messages.push(message);
		const session = this.#sessions.get(message.sid);
		if (session === undefined) this.strays.push(message);
		else session.received(message);
		this.events.emit("message", message);
	}

	/** Any message, ping or pong moves the time at which a silent device is given up. */
	#heard(): void {
		clearTimeout(this.#deadline);
		this.#deadline = setTimeout(() => {
			this.close(1011, "internal error");
			this.#socket.terminate();
		}, this.#wait);
		this.#deadline.unref();
	}

	/** The next ping: half of that time after the last message that went out, ping or pong. */
	#tick(): void {
		clearTimeout(this.#ping);
		this.#ping = setTimeout(() => {
			if (!this.isOpen) return;
			this.#socket.ping(String(Math.floor(this.#wait / 1000)));
			this.#tick();
		}, this.#wait / 2);
		this.#ping.unref();
	}

	#ended(code: number, reason: string): void {
		clearTimeout(this.#deadline);
		clearTimeout(this.#ping);
		const by = this.#closing ? "server" : code === 1006 ? "nobody" : "device";
		this.end = { code, reason, by };
		for (const session of [...this.#sessions.values()]) session.ended();
		this.events.emit("end", this.end);
	}
}

export class DeviceConnect {
	readonly events = new EventEmitter<{ connected: [DeviceConnection] }>();
	readonly connections: DeviceConnection[] = [];
	/** Milliseconds after which a silent device is given up; it is pinged in half of that. */
	wait = 60_000;
	/** Answered to whoever wants to connect, in place of a connection. */
	refusal: Refusal | undefined;
	/** Whether the subprotocol is selected; a proxy might take it out. */
	selects = true;
	readonly #tokens: Tokens;
	readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: messageLimit });

	constructor(tokens: Tokens) {
		this.#tokens = tokens;
	}

	/** For requests that want no WebSocket. */
	routes(): readonly Route[] {
		const handle = (request: Request): Answer => {
			this.#tokens.verify(request);
			const text = "websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header";
			return jsonError(400, text);
		};
		return [{ name: "other", method: "GET", path: new RegExp(`^${path}$`), handle }];
	}

	/** The connection of a device, now or as soon as it is there. */
	connected(mac: string, timeout = 20_000): Promise<DeviceConnection> {
		const present = this.connections.find(({ device, isOpen }) => isOpen && device.identity.mac === mac);
		return present === undefined ? this.next(mac, timeout) : Promise.resolve(present);
	}

	/** The next one that it makes. */
	next(mac: string, timeout = 20_000): Promise<DeviceConnection> {
		const fits = ({ device }: DeviceConnection): boolean => device.identity.mac === mac;
		const late = (): string => `${mac} did not connect within ${timeout} ms`;
		return nextEvent<DeviceConnection>(this.events, "connected", fits, timeout, late);
	}

	/** Returns false when the path is none of its own. */
	upgrade(incoming: IncomingMessage, stream: Duplex, head: Buffer): boolean {
		if (incoming.url !== path) return false;
		let device: Device;
		try {
			device = this.#tokens.verify({ headers: incoming.headers } as Request);
			if (this.refusal !== undefined) throw this.refusal;
		} catch (error) {
			refuse(stream, error instanceof Refusal ? error : new Refusal(500, "internal error"));
			return true;
		}
		// The library takes tokens only, as RFC 6455 has it; the real service's takes the slash that is in this one.
		const offered = (incoming.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
		delete incoming.headers["sec-websocket-protocol"];
		if (this.selects && offered.includes(subprotocol))
			this.#sockets.once("headers", (headers) => void headers.push(`Sec-WebSocket-Protocol: ${subprotocol}`));
		this.#sockets.handleUpgrade(incoming, stream, head, (socket) => {
			const connection = new DeviceConnection(device, offered, socket, this.wait);
			this.connections.push(connection);
			this.events.emit("connected", connection);
		});
		return true;
	}
}

/** Errors of this service have no number of a request. */
function jsonError(status: number, error: string): Answer {
	const body = Buffer.from(error === "" ? "" : JSON.stringify({ error }));
	const type = body.length > 0 ? { "Content-Type": "application/json; charset=utf-8" } : {};
	return { status, headers: { ...type, "Content-Length": String(body.byteLength) }, body };
}

function refuse(stream: Duplex, { status, message, headers: more }: Refusal): void {
	const { headers, body } = jsonError(status, message);
	const lines = Object.entries({ ...headers, ...more, Connection: "close" }).map(([name, value]) => `${name}: ${String(value)}`);
	stream.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Refused\r\n${lines.join("\r\n")}\r\n\r\n`), body]));
}
