import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { Cancellation } from "../../common/cancellation";
import { limits } from "../../common/deadlines";
import type { Fields } from "../../common/json";
import type { TaggedLog } from "../../common/log";
import { sleep } from "../../common/time";
import type { Web } from "../../common/web";
import type { FileTree } from "../../management/files/tree";
import type { Facility, Line } from "../../management/registry";
import type { Outgoing } from "./outgoing";
import { Transfer } from "./transfer";

export interface RDFMFilesOptions {
	/** The server's base address. */
	readonly url: string;
	readonly web: Web;
	readonly log: TaggedLog;
	readonly files: FileTree;
}

/** Statuses that the administrator gets to see: as POSIX numbers its errors. The server knows 0 and others only. */
const statuses: Partial<Readonly<Record<ErrorCode, number>>> = frozen({
	"management.no-file": 2,
	"management.busy": 16,
	"http.busy": 16,
	"management.bad-path": 22,
	"server.bad-answer": 22,
	"net.timeout": 110,
});
/** An input or output error. */
const otherStatus = 5;

/** Between two tries to get a connection, and to get a reply on its way, in milliseconds. */
const pause = 100;

/**
 * Files that managers fetch. The server asks for the size, then has the file put in parts to addresses of a storage, and
 * waits for each answer for ever: there is one, whatever happens, as long as there is a connection to give it through.
 *
 * One file at a time, one part after the other, through a connection that polls and updates use, too: it is held for a part,
 * and not waited for any longer than a person would.
 */
export class RDFMFiles implements Facility<Outgoing> {
	readonly capability = "filesystem";
	readonly #options: RDFMFilesOptions;
	/** Begun and not answered. */
	#orders = 0;
	#last: Promise<void> = Promise.resolve();
	#cancellation = new Cancellation();

	constructor(options: RDFMFilesOptions) {
		this.#options = options;
	}

	take(name: string, fields: Fields, line: Line<Outgoing>): boolean {
		if (name === "fs_file_probe") this.#probe(fields.text("id"), fields, line);
		else if (name === "fs_file_download") this.#order(fields.text("id"), fields, line);
		else return false;
		return true;
	}

	/** Nobody waits for an answer any more. */
	closed(): void {
		this.#cancellation.cancel(new FleetlingError("server.stopped", "the management link was closed"));
		this.#cancellation = new Cancellation();
	}

	#probe(id: string, fields: Fields, line: Line<Outgoing>): void {
		// In a turn of its own: here the stack holds all of the link's layers already.
		void sleep(0).then(() => {
			let status = 0;
			let size = 0;
			try {
				size = this.#options.files.sizeOf(fields.text("file"));
			} catch (error) {
				status = this.#failed(error);
			}
			return answer(line, { method: "fs_file_probe_reply", id, status, size });
		});
	}

	#order(id: string, fields: Fields, line: Line<Outgoing>): void {
		if (this.#orders > limits.fileQueue) {
			const status = this.#failed(new FleetlingError("management.busy", "too many files are asked for at the same time"));
			void answer(line, { method: "fs_file_download_reply", id, status, etags: [] });
			return;
		}
		this.#orders++;
		const cancellation = this.#cancellation;
		this.#last = this.#last
			.then(() => sleep(0))
			.then(() => this.#send(fields, cancellation))
			.then(
				(etags) => ({ status: 0, etags }),
				(error: unknown) => ({ status: this.#failed(error), etags: [] }),
			)
			.then(({ status, etags }) => {
				this.#orders--;
				return answer(line, { method: "fs_file_download_reply", id, status, etags });
			});
	}

	/** The one function that waits: each costs a device 1 KB. */
	async #send(fields: Fields, cancellation: Cancellation): Promise<readonly string[]> {
		const { url, web, files, log } = this.#options;
		cancellation.throwIfCancelled();
		const transfer = new Transfer(url, files, fields);
		try {
			log.info(`a manager fetches ${transfer.file.slice(0, limits.fact)}, ${transfer.size} bytes`);
			for (let request = transfer.next(); request !== undefined; request = transfer.next()) {
				const got = await web.exchange(request, cancellation).catch((error: unknown) => {
					if (!transfer.waits(error)) throw error;
				});
				if (got === undefined) await sleep(pause, cancellation);
				else transfer.took(got);
			}
			return transfer.etags;
		} finally {
			transfer.close();
		}
	}

	#failed(error: unknown): number {
		this.#options.log.failure(error, "warn");
		return (error instanceof FleetlingError ? statuses[error.code] : undefined) ?? otherStatus;
	}
}

/** A link that is full for the moment is waited for; one that is gone wants no answer. */
async function answer(line: Line<Outgoing>, message: Outgoing): Promise<void> {
	while (line.isOpen && !line.send(message)) await sleep(pause);
}
