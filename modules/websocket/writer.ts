import { FleetlingError } from "fleetling/error/error";
import type { Connection } from "fleetling/http/connection";
import { Deadline, type DeadlineOwner } from "fleetling/http/deadline";
import TextEncoder from "text/encoder";
import { badUse } from "./failure";
import { opcodes } from "./frames";
import type { WriteOptions } from "./options";
import { Sender } from "./sender";
import WSBytes from "./wsbytes";

/** Messages that go out: the rules for fragments and text, what the caller knows of the room, and a deadline for the network. */
export class Writer {
	readonly #sender: Sender;
	readonly #connection: Connection;
	/** What the caller was last told that it can write. */
	#told = 0;
	/** Kind of the message that goes out in fragments; undefined between messages. */
	#kind: "text" | "binary" | undefined;
	/** Where the text that goes out stands: see WSBytes.utf8. */
	#text = 0;
	/** Whether the network has left bytes behind. */
	#waiting = false;
	readonly #deadline: Deadline;
	readonly #milliseconds: number;

	/** @param owner told when the network has taken nothing for so many milliseconds */
	constructor(connection: Connection, fragmentBytes: number, milliseconds: number, owner: DeadlineOwner) {
		this.#connection = connection;
		this.#sender = new Sender(fragmentBytes);
		this.#milliseconds = milliseconds;
		this.#deadline = new Deadline(owner);
	}

	get room(): number {
		return this.#sender.room;
	}

	/** Whether everything is on its way. */
	get drained(): boolean {
		return this.#sender.pending === 0;
	}

	/** Whether everything is on its way, and the caller believes that less can be written than can. */
	get hasNews(): boolean {
		return this.#sender.pending === 0 && this.#sender.room > this.#told;
	}

	/** What can be written, for the caller to know. */
	tell(): number {
		this.#told = this.#sender.room;
		return this.#told;
	}

	/** @throws FleetlingError websocket.bad-use, websocket.bad-text */
	write(data: string | ArrayBuffer | Uint8Array, options: WriteOptions = {}): void {
		const { binary = typeof data !== "string", more = false } = options;
		let bytes: Uint8Array;
		if (typeof data === "string") bytes = new TextEncoder().encode(data);
		else bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
		const { room } = this.#sender;
		if (room === 0 || bytes.length > room)
			throw badUse(`${bytes.length} bytes were written to a WebSocket that takes ${room} now; wait for onWritable`);
		const kind = this.#kind ?? (binary ? "binary" : "text");
		if (kind === "text") this.checkText(bytes, more);
		this.#sender.data(this.#kind === undefined ? opcodes[kind] : opcodes.continuation, !more, bytes);
		this.#kind = more ? kind : undefined;
	}

	ping(): void {
		this.#sender.ping();
	}

	pong(payload: Uint8Array): void {
		this.#sender.pong(payload);
	}

	/** Says goodbye. What was written before goes out before. */
	close(payload: Uint8Array): void {
		this.#sender.close(payload);
	}

	/** Hands to the network what it takes, and watches that it takes the rest. */
	flush(): void {
		const any = this.#sender.flush(this.#connection);
		if (this.#sender.pending === 0) {
			if (this.#waiting) this.stop();
		} else if (!this.#waiting) {
			this.#waiting = true;
			this.#deadline.start(this.#milliseconds);
		} else if (any) this.#deadline.touch();
	}

	stop(): void {
		this.#waiting = false;
		this.#deadline.stop();
	}

	/** A server closes the connection when it gets text that is none (RFC 6455 section 8.1): better an error here. */
	private checkText(bytes: Uint8Array, more: boolean): void {
		const state = WSBytes.utf8(this.#text, bytes, bytes.length);
		if (state < 0 || (state > 0 && !more))
			throw new FleetlingError("websocket.bad-text", "bytes that are no UTF-8 were to be sent as text; send them as binary");
		this.#text = state;
	}
}
