/** Frames that come in, from the connection to whoever reads. */
import { FleetlingError } from "fleetling/error/error";
import type { Connection, Scanner } from "fleetling/http/connection";
import { printable } from "fleetling/http/printable";
import TextDecoder from "text/decoder";
import { type CloseStatus, decodeClose, invalidText } from "./closing";
import { type FrameLimits, FrameParser, opcodes } from "./frames";
import type { ReadableInfo } from "./options";
import WSBytes from "./wsbytes";

const longestControl = 125;
const httpStart = "HTTP/1.";
const longestStatusLine = 64;

/** What a receiver tells its owner. An exception that leaves one of them leaves `process`, too. */
export interface ReceiverOwner {
	announced(count: number, info: ReadableInfo): void;
	/** `payload` is valid until this returns. */
	controlled(kind: "ping" | "pong", payload: Uint8Array): void;
	/** The server has sent a Close frame. What follows it is no longer looked at. */
	dismissed(status: CloseStatus): void;
}

/**
 * Takes frames apart as far as they have arrived, and no further than the reader has read: control frames are gathered
 * and told, bytes of messages are announced and stay in the connection until `read` moves them to the reader's buffer.
 */
export class Receiver implements Scanner {
	/** Bytes that have been announced and not been read. */
	unread = 0;
	/** Nothing is told until this is false again. */
	paused = false;
	/** Messages are dropped instead of announced. */
	dropping: boolean;
	/** Nothing is looked at any more. */
	done = false;

	/** Where the text that comes in stands: see WSBytes.utf8. */
	#text = 0;
	readonly #parser: FrameParser;
	readonly #connection: Connection;
	readonly #owner: ReceiverOwner;
	readonly #peer: string;
	/** Payload of a control frame as far as it has come. */
	readonly #control = new Uint8Array(longestControl);
	#gathered = 0;

	constructor(connection: Connection, limits: FrameLimits, peer: string, owner: ReceiverOwner, dropping: boolean) {
		this.#connection = connection;
		this.#parser = new FrameParser(limits, peer);
		this.#owner = owner;
		this.#peer = peer;
		this.dropping = dropping;
	}

	/** @throws WebSocketError for what breaks a rule; FleetlingError websocket.lost, or what the connection throws */
	process(): void {
		const parser = this.#parser;
		while (!this.done && this.unread === 0 && !this.paused) {
			if (!parser.inPayload && !this.#connection.scan(this)) return;
			if (!parser.inPayload) continue;
			const moved = parser.isControl ? this.gather() : this.dropping ? this.drop() : this.announce();
			if (!moved) return;
		}
	}

	/**
	 * Moves announced bytes into `buffer`, as many as it holds.
	 *
	 * @returns number of bytes
	 * @throws as `process`: then none of the bytes may be used
	 */
	read(buffer: ArrayBuffer | Uint8Array): number {
		const wanted = Math.min(buffer.byteLength, this.unread);
		let filled = 0;
		while (filled < wanted) {
			const count = this.#connection.read(buffer, filled, wanted - filled);
			if (count === 0) break;
			filled += count;
		}
		// A socket that has less than it announced: what is missing will be announced again.
		this.unread = filled < wanted ? 0 : this.unread - filled;
		if (filled === 0) return 0;
		const parser = this.#parser;
		if (!parser.binary) {
			this.#text = WSBytes.utf8(this.#text, buffer, filled);
			if (this.#text < 0) throw invalidText(this.#peer, "a text message");
		}
		parser.advance(filled);
		if (parser.remaining === 0) this.endFrame();
		return filled;
	}

	/** Takes headers, and payloads that nobody wants, from the connection. */
	feed(bytes: Uint8Array, start: number, end: number): number {
		const parser = this.#parser;
		if (parser.inPayload) {
			const count = Math.min(end - start, parser.remaining);
			parser.advance(count);
			return start + count;
		}
		try {
			return parser.feed(bytes, start, end);
		} catch (error) {
			throw this.http(bytes, start, end) ?? error;
		}
	}

	/** Servers whose handler fails write an HTTP response to where frames should be. */
	private http(bytes: Uint8Array, start: number, end: number): FleetlingError | undefined {
		const text = new TextDecoder().decode(bytes.subarray(start, Math.min(end, start + longestStatusLine)));
		if (!text.startsWith(httpStart)) return undefined;
		const [line = ""] = text.split("\r", 1);
		return new FleetlingError(
			"websocket.lost",
			`${this.#peer} ended its frames with "${printable(line)}": its handler failed; connect again, and look into the server's log`,
		);
	}

	private gather(): boolean {
		const parser = this.#parser;
		while (parser.remaining > 0) {
			const count = this.#connection.read(this.#control, this.#gathered, parser.remaining);
			if (count === 0) return false;
			this.#gathered += count;
			parser.advance(count);
		}
		const payload = this.#control.subarray(0, this.#gathered);
		this.#gathered = 0;
		parser.next();
		if (parser.opcode === opcodes.close) {
			this.done = true;
			this.#owner.dismissed(decodeClose(payload, this.#peer));
		} else this.#owner.controlled(parser.opcode === opcodes.ping ? "ping" : "pong", payload);
		return true;
	}

	private announce(): boolean {
		const parser = this.#parser;
		const { remaining, fin, binary } = parser;
		const count = Math.min(remaining, this.#connection.pending);
		if (count === 0 && remaining > 0) return false;
		const more = !fin || count < remaining;
		this.unread = count;
		if (count === 0) this.endFrame();
		// An empty fragment in the middle of a message says nothing to a reader.
		if (count > 0 || !more) this.#owner.announced(count, { more, left: fin ? remaining - count : undefined, binary });
		return true;
	}

	private drop(): boolean {
		const parser = this.#parser;
		while (parser.remaining > 0) {
			if (!this.#connection.scan(this)) return false;
		}
		parser.next();
		return true;
	}

	private endFrame(): void {
		const { fin, binary } = this.#parser;
		if (fin && !binary && this.#text !== 0) throw invalidText(this.#peer, "a text message that ends within a character");
		this.#parser.next();
	}
}
