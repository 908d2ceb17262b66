import { FleetlingError } from "fleetling/error/error";
import { limits } from "../../../common/deadlines";
import type { View } from "../../../management/files/view";
import { beginFrame, protocols } from "./frame";
import { MessagePackWriter } from "./msgpack-writer";
import type { Outlet, Source } from "./outlet";
import type { Holding } from "./sessions";

/** Room for the head of a message beside what is in it. */
const headBytes = 192;

export interface DownloadOptions {
	readonly outlet: Outlet;
	readonly session: string;
	/** Is closed when it is over. */
	readonly view: View;
	/** It is over; with an error when the manager has to be told of one. */
	readonly over: (error?: FleetlingError) => void;
}

/**
 * A file on its way to a manager: chunk after chunk through one buffer, each when the line is free, and never further ahead of
 * what the manager has acknowledged than the window allows.
 */
export class Download implements Source, Holding {
	readonly session: string;
	readonly #options: DownloadOptions;
	readonly #buffer = new Uint8Array(headBytes + limits.connectChunk);
	/** Bytes that are on their way, and those that have arrived. */
	#sent = 0;
	#acknowledged = 0;
	/** The message that says that there is no more. */
	#told = false;
	/** How far it was when it was looked at last. */
	#seen = -1;
	#ended = false;

	constructor(options: DownloadOptions) {
		this.session = options.session;
		this.#options = options;
		options.outlet.add(this);
		options.outlet.wake();
	}

	/** The manager has so many bytes. What cannot be their number is ignored. */
	acknowledged(offset: number | string | undefined): void {
		if (typeof offset !== "number" || offset > this.#sent || offset < this.#acknowledged) return;
		this.#acknowledged = offset;
		if (this.#told && offset === this.#sent) this.end();
		else this.#options.outlet.wake();
	}

	turn(): boolean {
		if (this.#ended || this.#told) return false;
		const window = limits.connectWindow * limits.connectChunk;
		if (this.#sent - this.#acknowledged >= window) return false;
		try {
			this.#chunk();
		} catch (error) {
			this.end(FleetlingError.from(error, "storage.failed", "the file could not be read"));
		}
		return !this.#told;
	}

	/** A manager who takes nothing for so long must not keep the others from their files. */
	look(): void {
		const progress = this.#sent + this.#acknowledged;
		if (this.#seen === progress) this.end(new FleetlingError("net.timeout", "nothing was acknowledged for too long"));
		this.#seen = progress;
	}

	lost(): void {
		this.end();
	}

	/** Ends it, with an error that the manager is told of or without. Idempotent. */
	end(error?: FleetlingError): void {
		if (this.#ended) return;
		this.#ended = true;
		const { outlet, view, over } = this.#options;
		outlet.remove(this);
		view.close();
		over(error);
	}

	#chunk(): void {
		const { outlet, view, session } = this.#options;
		const length = Math.min(limits.connectChunk, view.size - this.#sent);
		const writer = new MessagePackWriter(this.#buffer);
		const head = { protocol: protocols.files, type: "file_chunk", session, properties: { offset: this.#sent } };
		const body = beginFrame(writer, head, length);
		if (length > 0) view.read(body, this.#sent);
		// Before the last word: a file that has changed meanwhile is none.
		else view.check();
		if (!outlet.sendBytes(writer.result)) return;
		this.#sent += length;
		if (length > 0) return;
		this.#told = true;
		// All of it may have been acknowledged before; of an empty file there is nothing to acknowledge.
		if (this.#acknowledged === this.#sent) this.end();
	}
}
