/**
 * Files on the device, with the shape of ECMA-419's file system: what Moddable's "embedded:storage/files" is on a chip, and
 * "fleetling/host/files" on the host. Paths are relative to the directory, parts separated by "/", without "." and "..":
 * nothing leads out of it.
 */

export interface FileStatus {
	/** Bytes; 0 for a directory. */
	readonly size: number;
	isFile(): boolean;
	isDirectory(): boolean;
}

export interface OpenFile {
	/** Fills `buffer` from `position` on; returns the number of bytes, fewer at the end of the file only. */
	read(buffer: ArrayBuffer | Uint8Array, position: number): number;
	/** Writes all of `buffer` at `position`, or throws. */
	write(buffer: ArrayBuffer | Uint8Array, position: number): void;
	status(): FileStatus;
	/** Cuts the file off, or adds zeros. */
	setSize(length: number): void;
	/** What was written survives a power cut afterwards. */
	flush(): void;
	/** Idempotent. */
	close(): void;
}

export interface Directory {
	/** "r": to read. "r+": to read and write. "w", "w+": the same, empty and made if need be. */
	openFile(options: { readonly path: string; readonly mode?: "r" | "r+" | "w" | "w+" }): OpenFile;
	/** A file or an empty directory. Whether there was one. */
	delete(path: string): boolean;
	/** Gives a file another name in one act: a file that has it already is replaced, a power cut leaves the one or the other. */
	move(from: string, to: string): void;
	/** Of what is not there: neither file nor directory. */
	status(path: string): FileStatus;
	/** Whether it was made; false when it was there. Its parent has to exist. */
	createDirectory(path: string): boolean;
	/** Bytes that files can still take, roughly: file systems use some for themselves. Undefined where that is not known. */
	free?(): number | undefined;
	/** Names of what is in a directory, "" is this one. Moddable's takes undefined for a name. */
	scan(path: string): Iterable<string>;
}
