import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { limits } from "../../common/deadlines";
import type { Directory, OpenFile } from "../../common/files";
import { namesOf } from "./path";

/** The root of the tree below which managers may write: the files of the device. */
const writable = "files";

/** Where a file waits until all of it is there. Updates have a folder of their own. */
const waitingFolder = ".upload";
const waitingFile = `${waitingFolder}/0`;

/** Folders of the client's own. */
const reserved: readonly string[] = frozen([waitingFolder, ".update"]);

export interface Delivery {
	/** Where it is to go, or the directory into which. */
	readonly path: string;
	/** Its name where it comes from, for a `path` that is a directory; folders before it do not matter. */
	readonly source?: string | undefined;
	/** Bytes, where they are known before. */
	readonly size?: number | undefined;
}

/**
 * Takes files from managers, one at a time, into the device's file system. Until a file is whole it is written aside, so that
 * whatever ends its transfer leaves what was there as it was; what a power cut leaves is removed before the next.
 */
export class Intake {
	readonly #files: Directory;
	#busy = false;

	constructor(files: Directory) {
		this.#files = files;
	}

	/**
	 * Begins a file, which is due to be finished or abandoned.
	 *
	 * @throws FleetlingError management.bad-path, management.read-only, management.too-large, management.busy or storage.failed
	 */
	begin(delivery: Delivery): IncomingFile {
		if (this.#busy) throw new FleetlingError("management.busy", "another file is being written; try again when it is there");
		const files = this.#files;
		const path = this.#placeOf(delivery);
		const most = Math.min(limits.uploadBytes, files.free?.() ?? limits.uploadBytes);
		const { size = 0 } = delivery;
		if (size > most) throw tooLarge(most);
		try {
			files.createDirectory(waitingFolder);
			const file = files.openFile({ path: waitingFile, mode: "w" });
			this.#busy = true;
			const done = (): void => {
				this.#busy = false;
			};
			return new IncomingFile({ files, file, path, most, done });
		} catch (cause) {
			throw fault(cause);
		}
	}

	/** Relative to the device's files. */
	#placeOf({ path, source = "" }: Delivery): string {
		const [root, ...names] = namesOf(path);
		if (root !== writable) throw readOnly(path, `only below "/${writable}" can anything be written`);
		const name = source.slice(source.lastIndexOf("/") + 1);
		if (this.#isFolder(names)) {
			if (name === "") throw readOnly(path, "it is a directory");
			names.push(...namesOf(`/${name}`));
			if (this.#isFolder(names)) throw readOnly(`${path}/${name}`, "it is a directory");
		}
		if (reserved.includes(names[0] ?? "")) throw readOnly(path, "the client needs it for itself");
		return names.join("/");
	}

	#isFolder(names: readonly string[]): boolean {
		return names.length === 0 || this.#files.status(names.join("/")).isDirectory();
	}
}

interface IncomingOptions {
	readonly files: Directory;
	readonly file: OpenFile;
	readonly path: string;
	readonly most: number;
	readonly done: () => void;
}

/** One file on its way into the device. */
export class IncomingFile {
	/** Bytes that have been written. */
	size = 0;
	readonly #options: IncomingOptions;
	#open = true;

	constructor(options: IncomingOptions) {
		this.#options = options;
	}

	/** Relative to the device's files. */
	get path(): string {
		return this.#options.path;
	}

	/** @throws FleetlingError management.too-large, storage.failed */
	write(bytes: Uint8Array): void {
		const { file, most } = this.#options;
		if (this.size + bytes.length > most) throw tooLarge(most);
		try {
			file.write(bytes, this.size);
		} catch (cause) {
			throw fault(cause);
		}
		this.size += bytes.length;
	}

	/** All of it is there: it takes the place of what was. @throws FleetlingError storage.failed */
	finish(): void {
		const { files, file, path, done } = this.#options;
		try {
			file.flush();
			file.close();
			let folder = "";
			for (const name of path.split("/").slice(0, -1)) {
				folder = folder === "" ? name : `${folder}/${name}`;
				files.createDirectory(folder);
			}
			files.move(waitingFile, path);
			this.#open = false;
			done();
		} catch (cause) {
			this.abandon();
			throw fault(cause);
		}
	}

	/** Nothing comes of it. Idempotent, and without effect on what is finished. */
	abandon(): void {
		if (!this.#open) return;
		this.#open = false;
		const { files, file, done } = this.#options;
		try {
			file.close();
			files.delete(waitingFile);
		} catch {
			// The next one is written over it.
		}
		done();
	}
}

function readOnly(path: string, reason: string): FleetlingError {
	return new FleetlingError("management.read-only", `"${path.slice(0, limits.fact)}" cannot be written: ${reason}`);
}

function tooLarge(most: number): FleetlingError {
	return new FleetlingError(
		"management.too-large",
		`the device takes a file of up to ${most} bytes now; delete something, or send less`,
	);
}

function fault(cause: unknown): FleetlingError {
	return FleetlingError.from(cause, "storage.failed", "the file could not be written; check the space on the device");
}
