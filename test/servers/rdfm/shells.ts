/** Facts E: a manager's WebSocket, the device's for the same session, and the server between them. */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { type Answer, FrameworkError, htmlAnswer, splitTarget } from "./http";
import { type Management, refuse } from "./management";
import type { Tokens } from "./tokens";

const managerPath = /^\/api\/v1\/devices\/([^/]+)\/shell$/;
const devicePath = /^\/api\/v1\/devices\/([^/]+)\/shell\/attach\/([^/]+)$/;
const uuidForm = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** How long a device has to attach, in milliseconds. */
const attachTime = 5_000;

/** What comes on a socket whose function has failed: no Close frame, but HTTP among the frames. */
const crash = "HTTP/1.1 500 INTERNAL SERVER ERROR\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n";

/** A message as it came. */
interface Message {
	readonly data: RawData;
	readonly binary: boolean;
}

export interface ShellRecord {
	readonly uuid: string;
	readonly mac: string;
	/** Milliseconds since 1970. */
	readonly asked: number;
	attached?: number;
	/** How the device's side was closed. */
	deviceEnd?: { readonly code: number; readonly reason: string };
	/** Texts that the device sent: managers fail on them. */
	deviceTexts: number;
}

interface Session {
	readonly record: ShellRecord;
	readonly manager: WebSocket;
	/** What the manager has said before the device was there. */
	readonly early: Message[];
	device?: WebSocket;
}

export class Shells {
	readonly events = new EventEmitter<{ attached: [ShellRecord]; ended: [ShellRecord] }>();
	readonly records: ShellRecord[] = [];
	readonly #management: Management;
	readonly #tokens: Tokens;
	readonly #sessions = new Map<string, Session>();
	readonly #sockets = new WebSocketServer({ noServer: true });

	constructor(management: Management, tokens: Tokens) {
		this.#management = management;
		this.#tokens = tokens;
	}

	/** Returns false when the path is none of its own. */
	upgrade(incoming: IncomingMessage, stream: Duplex, head: Buffer): boolean {
		const { path } = splitTarget(incoming.url ?? "");
		const [, managed] = managerPath.exec(path) ?? [];
		const [, , uuid] = devicePath.exec(path) ?? [];
		if (managed === undefined && uuid === undefined) return false;
		const refusal = uuid === undefined ? undefined : this.#refusal(incoming.headers.authorization);
		if (refusal !== undefined) {
			refuse(stream, refusal);
			return true;
		}
		this.#sockets.handleUpgrade(incoming, stream, head, (socket) => {
			socket.on("error", () => undefined);
			if (managed !== undefined) this.#open(decodeURIComponent(managed), socket);
			else this.#attach(uuid ?? "", socket, stream);
		});
		return true;
	}

	/** A fresh token is needed for each session. Whose it is does not matter. */
	#refusal(header: string | undefined): Answer | undefined {
		try {
			const verdict = this.#tokens.judge(header);
			return "status" in verdict ? verdict : undefined;
		} catch (error) {
			return htmlAnswer(error instanceof FrameworkError ? error.status : 500);
		}
	}

	#open(mac: string, manager: WebSocket): void {
		const link = this.#management.linkOf(mac);
		if (link === undefined) {
			manager.close(4001, `device ${mac} not connected to the management WS`);
			return;
		}
		if (link.capabilities.shell !== true) {
			manager.close(4003, "shell attach request failed: device does not support the required method: shell_attach");
			return;
		}
		const uuid = randomUUID();
		const session: Session = { record: { uuid, mac, asked: Date.now(), deviceTexts: 0 }, manager, early: [] };
		this.#sessions.set(uuid, session);
		this.records.push(session.record);
		const late = setTimeout(() => manager.close(4001, "device did not connect within 5s"), attachTime);
		this.events.on("attached", (record) => {
			if (record === session.record) clearTimeout(late);
		});
		manager.on("message", (data: RawData, binary: boolean) => {
			if (session.device === undefined) session.early.push({ data, binary });
			else session.device.send(data, { binary });
		});
		manager.on("close", () => {
			clearTimeout(late);
			this.#sessions.delete(uuid);
			session.device?.close(1000);
		});
		link.send({ method: "shell_attach", mac_addr: mac, uuid });
	}

	#attach(text: string, device: WebSocket, stream: Duplex): void {
		if (!uuidForm.test(text)) {
			stream.end(crash, () => device.terminate());
			return;
		}
		const session = this.#sessions.get(text.toLowerCase());
		if (session === undefined || session.device !== undefined) {
			device.close(4001, "invalid shell session identifier");
			return;
		}
		const { record, manager, early } = session;
		session.device = device;
		record.attached = Date.now();
		device.on("message", (data: RawData, binary: boolean) => {
			if (!binary) record.deviceTexts += 1;
			manager.send(data, { binary });
		});
		device.on("close", (code, reason) => {
			record.deviceEnd = { code, reason: reason.toString() };
			manager.close(1000);
			this.events.emit("ended", record);
		});
		for (const { data, binary } of early.splice(0)) device.send(data, { binary });
		this.events.emit("attached", record);
	}
}
