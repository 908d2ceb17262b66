import { FleetlingError } from "fleetling/error/error";
import Time from "time";
import { deadlines, limits } from "../../common/deadlines";
import type { Fields } from "../../common/json";
import type { Answer, BodySource, WebRequest } from "../../common/web";
import type { FileTree } from "../../management/files/tree";
import type { View } from "../../management/files/view";
import { packageAddress } from "./address";
import { failure } from "./failures";

/** A file on its way to a storage: which part is next, and what the storage has called those that it has. */
export class Transfer {
	readonly etags: string[] = [];
	readonly file: string;
	/** Bytes that are sent. */
	readonly size: number;
	readonly #server: string;
	readonly #view: View;
	readonly #urls: readonly string[];
	readonly #partSize: number;
	#begun = Time.ticks;

	/**
	 * @param server base address of the server
	 * @throws FleetlingError for an order that makes no sense, and see FileTree.open
	 */
	constructor(server: string, files: FileTree, order: Fields) {
		this.#server = server;
		this.#urls = order.texts("upload_urls", limits.fileParts);
		this.#partSize = order.integer("part_size", 1);
		this.file = order.text("file");
		const view = files.open(this.file);
		this.#view = view;
		const room = this.#partSize * this.#urls.length;
		// A log has got longer since the server asked for its size; what is new of it comes the next time.
		this.size = view.fixed ? view.size : Math.min(view.size, room);
		if (this.size <= room && this.size > room - this.#partSize) return;
		view.close();
		throw new FleetlingError("management.file-changed", `the file has ${view.size} bytes by now; ask for it again`);
	}

	/**
	 * What is to be sent next; undefined when everything has been. No content type: as a form the server stores nothing and
	 * says that all is well, and S3 has signed none. No token: the link is all the right there is.
	 */
	next(): WebRequest | undefined {
		const link = this.#urls[this.etags.length];
		if (link === undefined) return undefined;
		const start = this.etags.length * this.#partSize;
		const source = new Part(this.#view, start, Math.min(this.#partSize, this.size - start));
		const patience = deadlines.exchange + (source.length / limits.slowestRate) * 1000;
		return { method: "PUT", url: packageAddress(this.#server, link), source, patience, waits: false };
	}

	/** @throws FleetlingError unless the storage has the part, and the file is still what it was */
	took({ status, headers, body }: Answer): void {
		if (status < 200 || status > 299) throw failure("the storage", "upload", { status, headers, body });
		const etag = headers.get("etag");
		if (etag === undefined) throw new FleetlingError("server.bad-answer", "the storage did not name the part that it has got");
		this.#view.check();
		this.etags.push(etag);
		this.#begun = Time.ticks;
	}

	/** Whether the part is worth another try: there was no connection, and it has not been waited for too long. */
	waits(error: unknown): boolean {
		const busy = error instanceof FleetlingError && error.code === "http.busy";
		return busy && Time.delta(this.#begun) <= deadlines.fileSeat;
	}

	/** Idempotent. */
	close(): void {
		this.#view.close();
	}
}

/** A part of a file as the body of a request. Its memory is taken when it is sent, not while it waits. */
class Part implements BodySource {
	readonly length: number;
	readonly #view: View;
	readonly #start: number;

	constructor(view: View, start: number, length: number) {
		this.#view = view;
		this.#start = start;
		this.length = length;
	}

	get buffer(): Uint8Array {
		return new Uint8Array(Math.min(limits.fileBlock, Math.max(this.length, 1)));
	}

	read(bytes: Uint8Array, position: number): void {
		this.#view.read(bytes, this.#start + position);
	}
}
