import { FleetlingError } from "fleetling/error/error";
import type { IncomingFile } from "../../../management/files/intake";
import { protocols } from "./frame";
import type { Outlet, Source } from "./outlet";
import type { Holding } from "./sessions";

export interface UploadOptions {
	readonly outlet: Outlet;
	readonly session: string;
	readonly file: IncomingFile;
	/** It is over; with an error when the manager has to be told of one. */
	readonly over: (error?: FleetlingError) => void;
}

/**
 * A file on its way to the device. What has been written is acknowledged when the line is free, so that of several chunks that
 * have come meanwhile only the last is.
 *
 * Acknowledged is where the last chunk begins, as the reference client does it: the server takes its upload for done with the
 * acknowledgement of its length, which it gets when the file is in its place and not before.
 */
export class Upload implements Source, Holding {
	readonly session: string;
	readonly #options: UploadOptions;
	/** Where the next chunk begins. */
	#next = 0;
	/** To be acknowledged; undefined when nothing is. */
	#due: number | undefined = 0;
	#whole = false;
	#seen = -1;
	#ended = false;

	constructor(options: UploadOptions) {
		this.session = options.session;
		this.#options = options;
		options.outlet.add(this);
		options.outlet.wake();
	}

	/** The next part; one without bytes is the end. */
	chunk(offset: number | string | undefined, bytes: Uint8Array): void {
		if (this.#ended || this.#whole) return;
		const { file, outlet } = this.#options;
		try {
			if (offset !== this.#next) throw misplaced(offset, this.#next);
			file.write(bytes);
			if (bytes.length === 0) {
				file.finish();
				this.#whole = true;
			}
			this.#next += bytes.length;
			this.#due = offset;
			outlet.wake();
		} catch (error) {
			this.end(FleetlingError.from(error, "storage.failed", "the file could not be written"));
		}
	}

	turn(): boolean {
		const { outlet, session } = this.#options;
		if (this.#ended || this.#due === undefined) return false;
		if (!outlet.send({ protocol: protocols.files, type: "ack", session, properties: { offset: this.#due } })) return true;
		this.#due = undefined;
		if (this.#whole) this.end();
		return false;
	}

	look(): void {
		if (this.#seen === this.#next) this.end(new FleetlingError("net.timeout", "nothing more has come for too long"));
		this.#seen = this.#next;
	}

	lost(): void {
		this.end();
	}

	/** Ends it, with an error that the manager is told of or without. What is not whole is gone. Idempotent. */
	end(error?: FleetlingError): void {
		if (this.#ended) return;
		this.#ended = true;
		const { outlet, file, over } = this.#options;
		outlet.remove(this);
		file.abandon();
		over(error);
	}
}

function misplaced(offset: number | string | undefined, next: number): FleetlingError {
	const text = `a part of a file came from ${offset ?? "nowhere"} on where ${next} was next; send it again from its beginning`;
	return new FleetlingError("server.bad-answer", text);
}
