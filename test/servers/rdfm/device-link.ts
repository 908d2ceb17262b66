/** One device's management WebSocket (facts C): what comes is judged and kept, and it ends as the real server ends it. */
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { type DeviceMessage, readDeviceMessage } from "./device-messages";
import type { Json } from "./json";
import { nextEvent } from "./waiting";

/** Close codes with their reasons (facts C). */
export const endings = {
	textOnly: [1003, "device socket requires text-mode encoding"],
	silent: [1008, "Ping/Pong timeout"],
	invalid: [4001, "invalid request"],
	invalidExecution: (id: string) => [4001, `Invalid execution ${id}`] as const,
	invalidFile: [4001, "invalid filesystem response"],
	duplicate: [4002, "duplicate connections not allowed"],
} as const;

export type Ending = readonly [code: number, reason: string];

/** How a connection ended. `by` is who said goodbye first; nobody when it just broke. */
export interface LinkEnd {
	readonly code: number;
	readonly reason: string;
	readonly by: "device" | "server" | "nobody";
}

interface LinkEvents {
	message: [DeviceMessage];
	end: [LinkEnd];
}

export interface DeviceLinkOptions {
	readonly mac: string;
	readonly socket: WebSocket;
	readonly stream: Duplex;
	/** Milliseconds from ping to ping; the real server's 25 s. */
	readonly pingInterval: number;
	/** What comes after the server's Close frame on the same connection: werkzeug's answer to the request that was a WebSocket. */
	readonly epilogue: string;
	/** Does what a message asks for; a reason to close is returned, an exception is the server's own failure. */
	readonly handle: (message: DeviceMessage, link: DeviceLink) => Ending | undefined;
}

export class DeviceLink {
	readonly events = new EventEmitter<LinkEvents>();
	readonly mac: string;
	/** Milliseconds since 1970. */
	readonly opened = Date.now();
	/** Every message as it came, those that were refused too. */
	readonly texts: string[] = [];
	readonly messages: DeviceMessage[] = [];
	/** In-memory only; none before the report. */
	capabilities: Readonly<Record<string, boolean>> = {};
	end: LinkEnd | undefined;
	readonly #options: DeviceLinkOptions;
	readonly #timer: NodeJS.Timeout;
	#awaitsPong = false;
	#closing = false;
	#held = false;
	#dropped = false;

	constructor(options: DeviceLinkOptions) {
		this.#options = options;
		this.mac = options.mac;
		const { socket } = options;
		socket.on("message", (data: RawData, binary: boolean) => this.#received(data, binary));
		socket.on("pong", () => {
			this.#awaitsPong = false;
		});
		socket.on("error", () => undefined);
		socket.on("close", (code, reason) => this.#ended(code, reason.toString()));
		this.#timer = setInterval(() => this.#ping(), options.pingInterval);
		this.#timer.unref();
	}

	get isOpen(): boolean {
		return this.end === undefined && !this.#closing;
	}

	send(message: { readonly method: string; readonly [key: string]: Json }): void {
		this.raw(JSON.stringify(message));
	}

	/** Anything at all, in frames of at most `fragment` bytes. */
	raw(data: string | Uint8Array, fragment = Number.POSITIVE_INFINITY): void {
		const { socket } = this.#options;
		const binary = typeof data !== "string";
		const bytes = Buffer.from(data as string);
		for (let at = 0; at === 0 || at < bytes.length; at += fragment)
			socket.send(bytes.subarray(at, at + fragment), { binary, fin: at + fragment >= bytes.length });
	}

	/** Says goodbye. */
	close([code, reason]: Ending): void {
		if (!this.isOpen) return;
		this.#closing = true;
		const { socket, stream, epilogue } = this.#options;
		socket.close(code, reason);
		if (epilogue !== "") stream.write(epilogue);
	}

	/** Believes in the connection until a ping has not been answered, although it is gone: what a power cut looks like. */
	hold(): void {
		this.#held = true;
	}

	/** Breaks the connection off. */
	drop(): void {
		this.#dropped = true;
		this.#options.socket.terminate();
	}

	/** What an unhandled exception looks like: no Close frame, but an HTTP answer in the frame stream. */
	crash(): void {
		const { socket, stream } = this.#options;
		if (stream.destroyed) return;
		stream.end(
			"HTTP/1.1 500 INTERNAL SERVER ERROR\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n<!doctype html>",
			() => socket.terminate(),
		);
	}

	/** The first message that fits, past or to come. */
	until<Method extends DeviceMessage["method"]>(
		method: Method,
		fits: (message: Extract<DeviceMessage, { method: Method }>) => boolean = () => true,
		timeout = 20_000,
	): Promise<Extract<DeviceMessage, { method: Method }>> {
		type Wanted = Extract<DeviceMessage, { method: Method }>;
		const wanted = (message: DeviceMessage): boolean => message.method === method && fits(message as Wanted);
		const past = this.messages.find(wanted);
		if (past) return Promise.resolve(past as Wanted);
		const seen = (): string => this.texts.join(" ") || "nothing";
		return nextEvent<DeviceMessage>(
			this.events,
			"message",
			wanted,
			timeout,
			() => `no ${method} within ${timeout} ms; came: ${seen()}`,
		) as Promise<Wanted>;
	}

	untilEnd(timeout = 20_000): Promise<LinkEnd> {
		if (this.end !== undefined) return Promise.resolve(this.end);
		return nextEvent<LinkEnd>(
			this.events,
			"end",
			() => true,
			timeout,
			() => `the link was still open after ${timeout} ms`,
		);
	}

	#received(data: RawData, binary: boolean): void {
		if (!this.isOpen || this.#dropped) return;
		if (binary) {
			this.close(endings.textOnly);
			return;
		}
		const text = data.toString();
		this.texts.push(text);
		const message = readDeviceMessage(text);
		if (message === undefined) {
			this.close(endings.invalid);
			return;
		}
		this.messages.push(message);
		try {
			const ending = this.#options.handle(message, this);
			if (ending !== undefined) this.close(ending);
		} catch {
			this.crash();
		}
		this.events.emit("message", message);
	}

	/** A pong that has not come by the next ping never will. */
	#ping(): void {
		if (!this.isOpen) return;
		if (this.#awaitsPong) {
			this.close(endings.silent);
			return;
		}
		this.#awaitsPong = true;
		this.#options.socket.ping();
	}

	#ended(code: number, reason: string): void {
		if (this.#held) {
			this.#held = false;
			// The next ping finds no answer, and the one after that ends it.
			setTimeout(() => this.#ended(endings.silent[0], endings.silent[1]), this.#options.pingInterval * 2).unref();
			return;
		}
		clearInterval(this.#timer);
		const by = this.#closing ? "server" : code === 1006 ? "nobody" : "device";
		this.end = { code, reason, by };
		this.events.emit("end", this.end);
	}
}
