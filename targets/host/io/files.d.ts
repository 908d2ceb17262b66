import type { FileStatus, OpenFile } from "fleetling/common/files";

/** The device's file system: a folder beside its flash, which nothing leads out of. A Directory of common/files.ts. */
export default class Files {
	/** Whether there is one: a test program without flash has none but what `use` gives it. */
	static readonly available: boolean;
	/** Bytes that files can still take; undefined for test programs. */
	static free(): number | undefined;
	/** For test programs, which have no flash: the folder of the machine that stands for the file system. */
	static use(folder: string): void;
	static openFile(options: { readonly path: string; readonly mode?: "r" | "r+" | "w" | "w+" }): OpenFile;
	static delete(path: string): boolean;
	static move(from: string, to: string): void;
	static status(path: string): FileStatus;
	static createDirectory(path: string): boolean;
	static scan(path: string): Iterable<string>;
}
