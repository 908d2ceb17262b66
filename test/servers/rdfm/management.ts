/** `GET /api/v1/devices/ws` (facts C): who may open a management WebSocket, and what follows from what devices say there. */
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { DeviceLink, type Ending, endings } from "./device-link";
import type { DeviceMessage } from "./device-messages";
import type { DeviceStore } from "./devices";
import { type Answer, FrameworkError, htmlAnswer, type Route, reasons, splitTarget } from "./http";
import { deviceRoute, type Tokens } from "./tokens";
import type { DeviceUpdate } from "./updates";
import { nextEvent } from "./waiting";

export interface ManagementWorld {
	readonly devices: DeviceStore;
	readonly tokens: Tokens;
	readonly updates: DeviceUpdate[];
	/** Milliseconds from ping to ping. */
	readonly pingInterval: () => number;
	/** What follows a Close frame of the server's. */
	readonly epilogue: () => string;
}

/** What another part of the server does with a device's messages; undefined when they are none of its own. */
export interface MessageHandler {
	opened?(link: DeviceLink): void;
	handle(message: DeviceMessage, link: DeviceLink): { readonly ending?: Ending } | undefined;
}

/** An opening handshake that was refused, or a link; what a test wants to know. */
export interface Refusal {
	readonly at: number;
	readonly status: number;
}

export class Management {
	readonly events = new EventEmitter<{ link: [DeviceLink]; duplicate: [string]; refused: [Refusal] }>();
	/** Every link there was, in order; those refused as duplicates are not among them. */
	readonly links: DeviceLink[] = [];
	readonly refusals: Refusal[] = [];
	/** Macs of connections refused with 4002, with their times. */
	readonly duplicates: { readonly mac: string; readonly at: number }[] = [];
	/** Answers with which the next handshakes are refused, one each. */
	readonly refuseNext: Answer[] = [];
	readonly #world: ManagementWorld;
	readonly #handlers: MessageHandler[] = [];
	readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });

	constructor(world: ManagementWorld) {
		this.#world = world;
	}

	add(handler: MessageHandler): void {
		this.#handlers.push(handler);
	}

	/** The open link of a device. */
	linkOf(mac: string): DeviceLink | undefined {
		return this.links.find((link) => link.mac === mac && link.end === undefined);
	}

	/** The open link of a device, now or as soon as it has reported its capabilities. */
	async connected(mac: string, timeout = 20_000): Promise<DeviceLink> {
		const text = (): string => `${mac} opened no management link within ${timeout} ms`;
		const open = this.linkOf(mac);
		const link = open ?? (await nextEvent<DeviceLink>(this.events, "link", (other) => other.mac === mac, timeout, text));
		await link.until("capability_report", () => true, timeout);
		return link;
	}

	/** The next link that a device opens. */
	next(mac: string, timeout = 20_000): Promise<DeviceLink> {
		const text = (): string => `${mac} opened no further management link within ${timeout} ms`;
		return nextEvent<DeviceLink>(this.events, "link", (link) => link.mac === mac, timeout, text);
	}

	/** Makes the server believe in a device's connection for two pings after it has gone. */
	hold(mac: string): void {
		const link = this.linkOf(mac);
		if (link === undefined) throw new Error(`${mac} has no management link`);
		link.hold();
	}

	/** The same path without an upgrade. */
	routes(): readonly Route[] {
		const handle = (): Answer => {
			throw new FrameworkError(400);
		};
		const { tokens, devices } = this.#world;
		const gated = deviceRoute(tokens, (mac) => devices.touch(mac), handle);
		return [{ name: "other", method: "GET", path: /^\/api\/v1\/devices\/ws$/, handle: gated }];
	}

	/** Returns false when the path is not its own. */
	upgrade(incoming: IncomingMessage, stream: Duplex, head: Buffer): boolean {
		if (splitTarget(incoming.url ?? "").path !== "/api/v1/devices/ws") return false;
		const verdict = this.refuseNext.shift() ?? this.#judge(incoming.headers.authorization);
		if ("status" in verdict) {
			this.refusals.push({ at: Date.now(), status: verdict.status });
			refuse(stream, verdict);
			this.events.emit("refused", { at: Date.now(), status: verdict.status });
			return true;
		}
		this.#world.devices.touch(verdict.device_id);
		this.#sockets.handleUpgrade(incoming, stream, head, (socket) => this.#open(verdict.device_id, socket, stream));
		return true;
	}

	#judge(header: string | undefined): ReturnType<Tokens["judge"]> {
		try {
			return this.#world.tokens.judge(header);
		} catch (error) {
			return htmlAnswer(error instanceof FrameworkError ? error.status : 500);
		}
	}

	#open(mac: string, socket: WebSocket, stream: Duplex): void {
		// The old connection wins, and the new one gets no greeting.
		if (this.linkOf(mac) !== undefined) {
			socket.on("error", () => undefined);
			socket.close(...endings.duplicate);
			stream.write(this.#world.epilogue());
			this.duplicates.push({ mac, at: Date.now() });
			this.events.emit("duplicate", mac);
			return;
		}
		const link = new DeviceLink({
			...{ mac, socket, stream },
			pingInterval: this.#world.pingInterval(),
			epilogue: this.#world.epilogue(),
			handle: (message, self) => this.#handle(message, self),
		});
		this.links.push(link);
		this.#connected(mac, true);
		link.events.once("end", () => this.#connected(mac, false));
		link.send({ method: "alert", alert: { message: "connected" } });
		for (const handler of this.#handlers) handler.opened?.(link);
		this.events.emit("link", link);
	}

	#connected(mac: string, connected: boolean): void {
		const device = this.#world.devices.find(mac);
		if (device) device.connected = connected;
	}

	#handle(message: DeviceMessage, link: DeviceLink): Ending | undefined {
		if (message.method === "capability_report") {
			link.capabilities = message.capabilities;
			const device = this.#world.devices.find(link.mac);
			if (device) device.capabilities = message.capabilities;
			return undefined;
		}
		if (message.method === "update_progress") {
			progress(this.#world.updates, link.mac, message.progress);
			return undefined;
		}
		if (message.method === "update_version") {
			const device = this.#world.devices.find(link.mac);
			if (!device) throw new TypeError("no such device");
			device.metadata = { ...device.metadata, "rdfm.software.version": message.version };
			return undefined;
		}
		for (const handler of this.#handlers) {
			const outcome = handler.handle(message, link);
			if (outcome !== undefined) return outcome.ending;
		}
		return message.method === "fs_file_probe_reply" || message.method === "fs_file_download_reply"
			? endings.invalidFile
			: endings.invalid;
	}
}

/** No range check; exactly 100 deletes the device's rows. */
function progress(updates: DeviceUpdate[], mac: string, percent: number): void {
	for (let at = updates.length - 1; at >= 0; at--) {
		const update = updates[at];
		if (update?.mac !== mac) continue;
		if (percent === 100) updates.splice(at, 1);
		else update.progress = percent;
	}
}

/** An answer instead of a WebSocket. */
export function refuse(stream: Duplex, { status, headers, body }: Answer): void {
	const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
	stream.write(`HTTP/1.1 ${status} ${(reasons[status] ?? "Unknown").toUpperCase()}\r\n${lines.join("")}\r\n`);
	stream.end(body);
}
