import type { Directory, FileStatus, OpenFile } from "fleetling/common/files";

/** A file system in memory. Counts what is open, and fails when told to. */
export class MemoryFiles implements Directory {
	readonly files = new Map<string, number[]>();
	readonly folders = new Set<string>();
	/** Files that are open. */
	open = 0;
	/** Bytes that fit; a write beyond them fails as littlefs does. */
	space = Number.POSITIVE_INFINITY;
	/** Bytes that it says are free; it does not know unless this is set. */
	said: number | undefined;

	constructor(files: Readonly<Record<string, string>> = {}) {
		for (const [path, text] of Object.entries(files)) {
			this.files.set(
				path,
				[...text].map((letter) => letter.charCodeAt(0)),
			);
			for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) this.folders.add(path.slice(0, at));
		}
	}

	free(): number | undefined {
		return this.said;
	}

	text(path: string): string | undefined {
		const bytes = this.files.get(path);
		return bytes?.map((byte) => String.fromCharCode(byte)).join("");
	}

	openFile({ path, mode = "r" }: Parameters<Directory["openFile"]>[0]): OpenFile {
		this.#check(path);
		if (mode.startsWith("w")) this.files.set(path, []);
		const bytes = this.files.get(path);
		if (bytes === undefined) throw new Error("no such file");
		this.open++;
		let closed = false;
		return {
			read: (buffer, position) => {
				const view = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
				const part = bytes.slice(position, position + view.byteLength);
				view.set(part);
				return part.length;
			},
			write: (buffer, position) => {
				const view = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
				const used = [...this.files.values()].reduce((sum, content) => sum + content.length, 0);
				if (used + view.byteLength > this.space) throw new Error("no space left");
				for (const [at, byte] of view.entries()) bytes[position + at] = byte;
			},
			status: () => status(1, bytes.length),
			setSize: (length) => void bytes.splice(length),
			flush: () => undefined,
			close: () => {
				if (!closed) this.open--;
				closed = true;
			},
		};
	}

	delete(path: string): boolean {
		return this.files.delete(path) || this.folders.delete(path);
	}

	move(from: string, to: string): void {
		const bytes = this.files.get(from);
		if (bytes === undefined) throw new Error("no such file");
		this.#check(to);
		this.files.delete(from);
		this.files.set(to, bytes);
	}

	status(path: string): FileStatus {
		const bytes = this.files.get(path);
		if (bytes !== undefined) return status(1, bytes.length);
		return status(this.folders.has(path) ? 2 : 0, 0);
	}

	createDirectory(path: string): boolean {
		this.#check(path);
		if (this.folders.has(path)) return false;
		this.folders.add(path);
		return true;
	}

	scan(path: string): string[] {
		const start = path === "" ? "" : `${path}/`;
		const below = [...this.files.keys(), ...this.folders].filter((name) => name.startsWith(start) && name !== path);
		return below.map((name) => name.slice(start.length)).filter((name) => !name.includes("/"));
	}

	/** The parent of what is made has to be there, and be a folder. */
	#check(path: string): void {
		const slash = path.lastIndexOf("/");
		if (slash >= 0 && !this.folders.has(path.slice(0, slash))) throw new Error(`no such folder: ${path.slice(0, slash)}`);
	}
}

function status(kind: number, size: number): FileStatus {
	return { size, isFile: () => kind === 1, isDirectory: () => kind === 2 };
}
