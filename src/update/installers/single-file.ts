import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import type { Directory, OpenFile } from "../../common/files";
import type { Installed, Installer, Payload } from "../installer";
import { consistsOf } from "../readers/names";
import { quoted } from "../readers/quoted";
import { Destination } from "./destination";
import { Staging, storageFault } from "./staging";

export interface SingleFileOptions {
	/** Largest file in bytes; 1 MiB when absent, so that a mistake does not fill a small file system. */
	readonly most?: number;
}

/** The payload type in Mender's and RDFM's artifacts. */
export const singleFileType = "single-file";

const defaultMost = 1 << 20;

/** What the small files in front of the file say. The first three have to be there. */
const fields = frozen(["dest_dir", "filename", "permissions", "rollback_support"] as const);
type Field = (typeof fields)[number];

/** A path on a device is not longer. */
const fieldBytes = 256;

/** Makes installers for `single-file` that put files into `files`. */
export function singleFiles(files: Directory, options: SingleFileOptions = {}): () => Installer {
	const staging = new Staging(files);
	return () => new SingleFileInstaller(files, staging, options.most ?? defaultMost);
}

/**
 * Installs one file, as the update modules called single-file of Mender and RDFM do: `dest_dir`, `filename` and
 * `permissions` come as small files first, RDFM's `rollback_support` ("true" or "false") may follow, then the file.
 *
 * It is written aside and moved into place by `activate`, in one act. With rollback support the file that was there is
 * kept until `commit`. Permissions must be an octal number and have no effect: file systems of chips have none.
 */
class SingleFileInstaller implements Installer {
	readonly #files: Directory;
	readonly #staging: Staging;
	readonly #most: number;
	readonly #values = new Map<Field, string>();
	#field: Field | undefined;
	#text = "";
	#destination: Destination | undefined;
	#file: OpenFile | undefined;
	#path: string | undefined;
	#position = 0;

	constructor(files: Directory, staging: Staging, most: number) {
		this.#files = files;
		this.#staging = staging;
		this.#most = most;
	}

	begin({ name = "", size = 0 }: Payload): void {
		if (this.#destination !== undefined) throw bad(`holds ${quoted(name)} behind its file: it is to be one file`);
		const field = fields.find((known) => known === name && !this.#values.has(known));
		if (field === undefined) {
			this.#beginFile(name, size);
			return;
		}
		if (size > fieldBytes) throw bad(`has ${size} bytes in ${quoted(name)}; at most ${fieldBytes} are read`);
		this.#field = field;
		this.#text = "";
	}

	write(bytes: Uint8Array): void {
		if (this.#field !== undefined) {
			for (let at = 0; at < bytes.byteLength; at++) this.#text += String.fromCharCode(bytes[at] ?? 0);
			return;
		}
		try {
			this.#file?.write(bytes, this.#position);
		} catch (cause) {
			throw storageFault(cause, "the file could not be written");
		}
		this.#position += bytes.byteLength;
	}

	endFile(): void {
		if (this.#field !== undefined) {
			this.#values.set(this.#field, checkField(this.#field, this.#text));
			this.#field = undefined;
			return;
		}
		try {
			this.#file?.flush();
			this.#file?.close();
		} catch (cause) {
			throw storageFault(cause, "the file could not be written");
		}
		this.#file = undefined;
	}

	finish(): Installed {
		const destination = this.#destination;
		const path = this.#path;
		if (destination === undefined || path === undefined) throw bad("holds no file: there is nothing to install");
		const files = this.#files;
		const staging = this.#staging;
		const canRevert = this.#values.get("rollback_support") === "true";
		destination.checkFree(files);
		this.#path = undefined;
		let old: string | undefined;
		let over = false;
		const done = (): void => {
			if (over) return;
			over = true;
			staging.release(path);
			if (old !== undefined) staging.release(old);
		};
		try {
			// Now rather than in `activate`: what can fail for want of space fails before anything changes.
			if (canRevert) old = staging.copy(destination.path);
			destination.makeFolders(files);
		} catch (cause) {
			done();
			throw storageFault(cause, `${quoted(destination.path)} could not be prepared`);
		}
		const installed: Installed = {
			version: "",
			slot: "",
			immediate: true,
			activate: () => files.move(path, destination.path),
			commit: done,
			discard: done,
		};
		if (!canRevert) return installed;
		const revert = (): void => {
			// One of several files may be reverted twice: when another cannot be put in place, and with all of them.
			if (over) return;
			if (old === undefined) files.delete(destination.path);
			else files.move(old, destination.path);
			done();
		};
		return { ...installed, revert };
	}

	abort(): void {
		const path = this.#path;
		this.#path = undefined;
		this.#file?.close();
		this.#file = undefined;
		if (path !== undefined) this.#staging.release(path);
	}

	#beginFile(name: string, size: number): void {
		const missing = fields.find((field) => field !== "rollback_support" && !this.#values.has(field));
		if (missing !== undefined) throw bad(`has ${quoted(name)} before its ${quoted(missing)}`);
		const filename = this.#values.get("filename") ?? "";
		if (name !== filename) throw bad(`says its file is called ${quoted(filename)} and holds ${quoted(name)}`);
		this.#destination = new Destination(this.#values.get("dest_dir") ?? "", filename);
		if (size > this.#most)
			throw new FleetlingError(
				"update.too-large",
				`the file ${quoted(name)} has ${size} bytes and this device takes ${this.#most} at most; make it smaller`,
			);
		this.#staging.checkSpace(size, name);
		const { path, file } = this.#staging.open();
		this.#path = path;
		this.#file = file;
	}
}

/** What a field may say, in one line. Where a file may go is for Destination to know. */
const meanings: Readonly<Record<Field, (value: string) => boolean>> = frozen({
	dest_dir: (value) => value !== "",
	filename: (value) => value !== "",
	permissions: (value) => (value.length === 3 || value.length === 4) && consistsOf(value, "01234567"),
	rollback_support: (value) => value === "true" || value === "false",
});

function checkField(field: Field, text: string): string {
	const value = text.endsWith("\n") ? text.slice(0, -1) : text;
	if (!meanings[field](value)) throw bad(`has a ${quoted(field)} that cannot be meant: ${quoted(value)}`);
	return value;
}

function bad(text: string): FleetlingError {
	return new FleetlingError("artifact.bad-payload", `the package of type ${singleFileType} ${text}; write it again`);
}
