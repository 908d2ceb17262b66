import { FleetlingError } from "fleetling/error/error";
import TextEncoder from "text/encoder";
import { limits } from "../../common/deadlines";
import type { Directory, OpenFile } from "../../common/files";
import { missing, type Root, type View, viewOf } from "./view";

/** The files of the device, under `/files`. */
export function filesRoot(directory: Directory): Root {
	return (rest) => {
		const path = rest.join("/");
		if (path === "") return list(directory, path);
		const status = directory.status(path);
		if (status.isDirectory()) return list(directory, path);
		if (!status.isFile()) throw missing(["files", ...rest]);
		return new FileView(directory, path);
	};
}

/** A file while it is read; it must stay as it is meanwhile. */
class FileView implements View {
	readonly fixed = true;
	readonly size: number;
	readonly #directory: Directory;
	readonly #path: string;
	readonly #file: OpenFile;

	constructor(directory: Directory, path: string) {
		this.#directory = directory;
		this.#path = path;
		this.#file = directory.openFile({ path });
		this.size = this.#file.status().size;
	}

	read(bytes: Uint8Array, position: number): void {
		if (this.#file.read(bytes, position) !== bytes.length) throw this.#changed();
	}

	/** By its name: a file that was deleted or replaced can still be read on some file systems as long as it is open. */
	check(): void {
		const status = this.#directory.status(this.#path);
		if (!status.isFile() || status.size !== this.size) throw this.#changed();
	}

	close(): void {
		this.#file.close();
	}

	#changed(): FleetlingError {
		return new FleetlingError(
			"management.file-changed",
			`"${this.#path.slice(0, limits.fact)}" was changed or deleted while it was read; ask for it again`,
		);
	}
}

/** Names, and sizes of files; directories end with a slash. */
function list(directory: Directory, path: string): View {
	const lines: string[] = [];
	let more = 0;
	for (const name of directory.scan(path)) {
		if (lines.length >= limits.listing) {
			more++;
			continue;
		}
		const status = directory.status(path === "" ? name : `${path}/${name}`);
		lines.push(status.isDirectory() ? `${name}/\n` : `${name} ${status.size}\n`);
	}
	if (more > 0) lines.push(`and ${more} more\n`);
	if (lines.length === 0) lines.push("(empty)\n");
	return viewOf(new Uint8Array(new TextEncoder().encode(lines.join(""))));
}
