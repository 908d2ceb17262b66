import { FleetlingError } from "fleetling/error/error";
import type { Directory, OpenFile } from "../../common/files";
import { quoted } from "../readers/quoted";

/** Where files wait that are not in use yet, and those that may have to come back. Hidden, as far as names can hide. */
export const stagingFolder = ".update";

const copyBytes = 512;

/** What the file system says has no code of ours. */
export function storageFault(cause: unknown, text: string): FleetlingError {
	return FleetlingError.from(cause, "storage.failed", `${text}; check the space on the device's file system`);
}

/**
 * Files on their way into storage. They are written into a folder of their own, in the same file system as their
 * destination, so that a single `move` puts them in place. What a power cut left there is removed before the next use.
 */
export class Staging {
	readonly #files: Directory;
	#taken = 0;
	#users = 0;

	constructor(files: Directory) {
		this.#files = files;
	}

	/** @throws update.too-large when so many bytes do not fit beside what is there */
	checkSpace(size: number, name: string): void {
		if (this.#users === 0) this.#clean();
		const free = this.#files.free?.();
		if (free === undefined || size <= free) return;
		throw new FleetlingError(
			"update.too-large",
			`the file ${quoted(name)} has ${size} bytes and the device has space for ${free}; delete something, or make it smaller`,
		);
	}

	/** Opens a new file to write; `release` is due for each. */
	open(): { readonly path: string; readonly file: OpenFile } {
		try {
			if (this.#users === 0) this.#clean();
			const path = `${stagingFolder}/${this.#taken++}`;
			const file = this.#files.openFile({ path, mode: "w" });
			this.#users++;
			return { path, file };
		} catch (cause) {
			throw storageFault(cause, "a file for the update could not be opened");
		}
	}

	/** A copy of `path` that waits; undefined when there is no such file. */
	copy(path: string): string | undefined {
		if (!this.#files.status(path).isFile()) return undefined;
		const buffer = new Uint8Array(copyBytes);
		const to = this.open();
		let from: OpenFile | undefined;
		let whole = false;
		try {
			from = this.#files.openFile({ path, mode: "r" });
			let at = 0;
			for (let count = from.read(buffer, at); count > 0; count = from.read(buffer, at)) {
				to.file.write(count === copyBytes ? buffer : buffer.subarray(0, count), at);
				at += count;
			}
			to.file.flush();
			whole = true;
		} finally {
			from?.close();
			to.file.close();
			if (!whole) this.release(to.path);
		}
		return to.path;
	}

	/** The file at `path`, if it is still there, is not needed any more. */
	release(path: string): void {
		if (this.#users > 0) this.#users--;
		this.#files.delete(path);
	}

	#clean(): void {
		if (this.#files.createDirectory(stagingFolder)) return;
		// Not while they are listed: deleting under a running scan is undefined in littlefs.
		const names = [...this.#files.scan(stagingFolder)];
		for (const name of names) this.#files.delete(`${stagingFolder}/${name}`);
	}
}
