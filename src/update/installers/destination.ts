import { FleetlingError } from "fleetling/error/error";
import type { Directory } from "../../common/files";
import { isFileName } from "../readers/names";
import { quoted } from "../readers/quoted";
import { stagingFolder } from "./staging";

/** Characters in a path on the device. littlefs takes names of 255; its SDK binding, paths in the C stack. */
const longestPath = 200;

/** What names on the device may have besides what the artifact format allows. */
const moreCharacters = "+@ ";

/** Where a single file goes, from what the package says: below the directory that the device keeps its files in. */
export class Destination {
	/** Relative to the files directory. */
	readonly path: string;
	readonly #folders: readonly string[];

	/**
	 * `folder` may be absolute: the device's files directory is its root. Nothing leads out of it, and nothing into the
	 * staging folder.
	 */
	constructor(folder: string, name: string) {
		const parts = folder.split("/").filter((part) => part !== "");
		for (const part of parts)
			if (part === "." || part === ".." || !isName(part)) throw refused(`the directory ${quoted(folder)}`);
		if (parts[0] === stagingFolder) throw refused(`the directory ${quoted(folder)}`);
		if (name === "." || name === ".." || !isName(name) || (parts.length === 0 && name === stagingFolder))
			throw refused(`a file called ${quoted(name)}`);
		this.#folders = parts;
		this.path = [...parts, name].join("/");
		if (this.path.length > longestPath) throw refused(`a path of ${this.path.length} characters`);
	}

	/** Whether something other than a file is in the way. */
	checkFree(files: Directory): void {
		if (files.status(this.path).isDirectory()) throw refused(`a file ${quoted(this.path)}, which is a directory on the device,`);
	}

	/** Makes the directories on the way. */
	makeFolders(files: Directory): void {
		let path = "";
		for (const folder of this.#folders) {
			path = path === "" ? folder : `${path}/${folder}`;
			files.createDirectory(path);
		}
	}
}

function isName(name: string): boolean {
	for (let at = 0; at < name.length; at++)
		if (!isFileName(name.charAt(at)) && !moreCharacters.includes(name.charAt(at))) return false;
	return name !== "";
}

function refused(what: string): FleetlingError {
	return new FleetlingError(
		"artifact.bad-payload",
		`the package wants ${what} to be written, which this device does not do; name a place below its files directory`,
	);
}
