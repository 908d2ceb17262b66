import TextEncoder from "text/encoder";
import { namesOf } from "./path";
import { missing, type Root, type View, viewOf } from "./view";

/**
 * What managers can read of this device: a tree of its own, whose first names lead to the files of the device and to
 * texts that are made when they are asked for. A directory reads as the list of what is in it.
 */
export class FileTree {
	readonly #roots: Readonly<Record<string, Root>>;

	constructor(roots: Readonly<Record<string, Root>>) {
		this.#roots = roots;
	}

	/**
	 * The view belongs to the caller, who closes it.
	 *
	 * @throws FleetlingError management.bad-path, management.no-file, or what reading it throws
	 */
	open(path: string): View {
		const names = namesOf(path);
		const [first, ...rest] = names;
		if (first === undefined) return this.#list();
		const root = Object.hasOwn(this.#roots, first) ? this.#roots[first] : undefined;
		if (root === undefined) throw missing(names);
		return root(rest);
	}

	/** Bytes that a file has now. @throws see `open` */
	sizeOf(path: string): number {
		const view = this.open(path);
		view.close();
		return view.size;
	}

	#list(): View {
		const names = Object.keys(this.#roots).map((name) => `/${name}\n`);
		return viewOf(new Uint8Array(new TextEncoder().encode(names.join(""))));
	}
}
