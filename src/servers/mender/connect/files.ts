import { FleetlingError } from "fleetling/error/error";
import { limits } from "../../../common/deadlines";
import type { TaggedLog } from "../../../common/log";
import type { Intake } from "../../../management/files/intake";
import type { FileTree } from "../../../management/files/tree";
import type { View } from "../../../management/files/view";
import { Download } from "./download";
import { sendFailure } from "./errors";
import { type Frame, makeBody, parseBody, protocols } from "./frame";
import type { Outlet } from "./outlet";
import type { Holding, Sessions } from "./sessions";
import { Upload } from "./upload";

export interface FilesOptions {
	readonly outlet: Outlet;
	readonly sessions: Sessions;
	readonly log: TaggedLog;
	readonly files: FileTree;
	/** Absent where nothing can be written. */
	readonly intake?: Intake | undefined;
}

/** What an error is about. */
type Request = Pick<Frame, "protocol" | "type" | "session">;

/** Of a regular file. The device has neither owners nor permissions; what is sent to it loses its own. */
const mode = 0o644;

/** Files to and from managers: one at a time, because its buffer is the largest that managing takes. */
export class Files {
	readonly #options: FilesOptions;
	#transfer: Download | Upload | undefined;
	/** A text that was asked about: it is made anew each time, and has to be as long as was said. */
	#asked: Asked | undefined;

	constructor(options: FilesOptions) {
		this.#options = options;
	}

	take(frame: Frame): void {
		const { session, type, properties, body } = frame;
		const transfer = this.#transfer?.session === session ? this.#transfer : undefined;
		try {
			if (type === "stat") this.#stat(frame);
			else if (type === "get_file") this.#get(frame);
			else if (type === "put_file") this.#put(frame);
			else if (type === "error") transfer?.end();
			else if (type === "ack" && transfer instanceof Download) transfer.acknowledged(properties.get("offset"));
			else if (type === "file_chunk" && transfer instanceof Upload) transfer.chunk(properties.get("offset"), body);
			// Those that were on their way when their transfer ended have had their answer.
			else if (type !== "ack" && type !== "file_chunk") throw unknown(type);
		} catch (error) {
			this.#failed(frame, FleetlingError.from(error, "storage.failed", "the device's files cannot be reached"));
		}
	}

	#stat({ session, ...frame }: Frame): void {
		const { outlet, sessions, files } = this.#options;
		const path = pathOf({ session, ...frame });
		const view = files.open(path);
		const { size } = view;
		this.#asked?.lost();
		if (view.fixed) view.close();
		else {
			const gone = (): void => {
				this.#asked = undefined;
			};
			this.#asked = new Asked({ session, path, view, sessions, gone });
		}
		outlet.send({ protocol: protocols.files, type: "file_info", session }, makeBody({ path, size, mode }));
	}

	#get(frame: Frame): void {
		const { outlet, sessions, log, files } = this.#options;
		const { protocol, type, session } = frame;
		const path = pathOf(frame);
		this.#checkFree();
		const view = this.#asked?.take(session, path) ?? files.open(path);
		log.info(`a manager fetches ${path.slice(0, limits.fact)}, ${view.size} bytes`);
		const over = (error?: FleetlingError): void => this.#over({ protocol, type, session }, download, error);
		const download = new Download({ outlet, session, view, over });
		this.#transfer = download;
		sessions.hold(session, download);
	}

	#put(frame: Frame): void {
		const { outlet, sessions, log, intake } = this.#options;
		const { protocol, type, session } = frame;
		const fields = parseBody(frame);
		const path = pathOf(frame);
		if (intake === undefined)
			throw new FleetlingError("management.read-only", "this device has no file system that anything can be written to");
		this.#checkFree();
		const [source, size] = [fields.get("src_path"), fields.get("size")];
		const file = intake.begin({
			path,
			source: typeof source === "string" ? source : undefined,
			size: typeof size === "number" ? size : undefined,
		});
		log.info(`a manager writes ${file.path.slice(0, limits.fact)}`);
		const over = (error?: FleetlingError): void => this.#over({ protocol, type, session }, upload, error);
		const upload = new Upload({ outlet, session, file, over });
		this.#transfer = upload;
		sessions.hold(session, upload);
	}

	#checkFree(): void {
		if (this.#transfer !== undefined)
			throw new FleetlingError("management.busy", "another file is on its way to or from this device; try again later");
	}

	#over(request: Request, transfer: Download | Upload, error: FleetlingError | undefined): void {
		if (this.#transfer === transfer) this.#transfer = undefined;
		this.#options.sessions.release(transfer.session, transfer);
		if (error !== undefined) this.#failed(request, error);
	}

	#failed({ protocol, type, session }: Request, error: FleetlingError): void {
		const { outlet, log } = this.#options;
		log.failure(error, "warn");
		sendFailure(outlet, { protocol, type, session }, error);
	}
}

interface AskedOptions {
	readonly session: string;
	readonly path: string;
	readonly view: View;
	readonly sessions: Sessions;
	readonly gone: () => void;
}

/** Kept until it is fetched, or nobody is there any more. */
class Asked implements Holding {
	readonly #options: AskedOptions;
	/** Whether it was there when it was looked at last. */
	#old = false;
	#over = false;

	constructor(options: AskedOptions) {
		this.#options = options;
		options.sessions.hold(options.session, this);
	}

	/** Hands it over to whom it is kept for. */
	take(session: string, path: string): View | undefined {
		const { view } = this.#options;
		if (this.#options.session !== session || this.#options.path !== path) return undefined;
		this.#release();
		return view;
	}

	look(): void {
		if (this.#old) this.lost();
		this.#old = true;
	}

	lost(): void {
		if (this.#over) return;
		this.#options.view.close();
		this.#release();
	}

	#release(): void {
		const { sessions, session, gone } = this.#options;
		this.#over = true;
		sessions.release(session, this);
		gone();
	}
}

/** @throws FleetlingError server.bad-answer, management.bad-path */
function pathOf(frame: Frame): string {
	const path = parseBody(frame).get("path");
	if (typeof path === "string" && path !== "") return path;
	throw new FleetlingError("management.bad-path", "the request names no file");
}

function unknown(type: string): FleetlingError {
	return new FleetlingError("server.bad-answer", `there is no message "${type}" about files`);
}
