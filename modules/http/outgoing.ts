import { FleetlingError } from "fleetling/error/error";
import TextEncoder from "text/encoder";
import type { Connection } from "./connection";
import { formatHead } from "./head";
import { joinBytes } from "./limits";
import type { RequestOptions } from "./types";

/** A request on its way out: what has been composed, and how much of a body its caller still has to write. */
export class Outgoing {
	readonly #pieces: Uint8Array[];
	#offset = 0;
	#left: number;

	constructor({ method = "GET", path, headers = [], body, bodyLength }: RequestOptions, authority: string, keepAlive: boolean) {
		const encoder = new TextEncoder();
		let content: Uint8Array | undefined;
		if (typeof body === "string") content = encoder.encode(body);
		else if (body !== undefined) content = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
		const length = content?.length ?? bodyLength;
		const bytes = encoder.encode(formatHead({ method, path, authority, headers, length, keepAlive }));
		this.#left = bodyLength ?? 0;
		if (content === undefined || content.length === 0) this.#pieces = [bytes];
		else if (bytes.length + content.length <= joinBytes) {
			const joined = new Uint8Array(bytes.length + content.length);
			joined.set(bytes);
			joined.set(content, bytes.length);
			this.#pieces = [joined];
		} else this.#pieces = [bytes, content];
	}

	/** Whether every byte has been handed to the connection. */
	get complete(): boolean {
		return this.#pieces.length === 0 && this.#left === 0;
	}

	/** How many bytes of the body the caller can write now. */
	room(connection: Connection): number {
		return this.#pieces.length === 0 ? Math.min(this.#left, connection.writable) : 0;
	}

	/** Sends what has been composed as far as the connection takes it; returns whether it took any. */
	flush(connection: Connection): boolean {
		let any = false;
		for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
			const count = Math.min(piece.length - this.#offset, connection.writable);
			if (count === 0) break;
			any = true;
			connection.write(count === piece.length ? piece : piece.subarray(this.#offset, this.#offset + count));
			this.#offset += count;
			if (this.#offset < piece.length) continue;
			this.#pieces.shift();
			this.#offset = 0;
		}
		return any;
	}

	/** @throws FleetlingError http.bad-request when `bytes` are more than `room` */
	write(connection: Connection, bytes: ArrayBuffer | Uint8Array): void {
		const room = this.room(connection);
		const count = bytes.byteLength;
		if (count > room) {
			throw new FleetlingError("http.bad-request", `${count} bytes were written to the body of a request that takes ${room} now`);
		}
		if (count === 0) return;
		this.#left -= count;
		connection.write(bytes);
	}
}
