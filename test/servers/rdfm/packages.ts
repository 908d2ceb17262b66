/** Packages: what was uploaded, where it is served, what is offered. */
import { createHash, randomUUID } from "node:crypto";
import { posix } from "node:path";

/** A package's metadata: strings as uploaded, and what the storage driver adds. */
export type PackageMetadata = Readonly<Record<string, string | number>>;

/** One uploaded package. */
export interface Package {
	readonly id: number;
	/** Milliseconds since 1970. */
	readonly created: number;
	/** SHA-256 of the uploaded bytes, lower-case hex. */
	readonly sha256: string;
	readonly metadata: PackageMetadata;
	/** Path below `/local_storage/`. */
	readonly storagePath: string;
	/** The bytes that are served; a test may replace them to serve something other than what was offered. */
	content: Uint8Array;
	/** When the stored file last changed, milliseconds since 1970: part of its ETag. */
	modified: number;
	/** Hash put into offers. */
	offeredHash: string;
}

/** The packages by id and by storage path. */
export class PackageStore {
	readonly #clock: () => number;
	readonly #packages = new Map<number, Package>();
	#lastId = 0;

	constructor(clock: () => number) {
		this.#clock = clock;
	}

	all(): readonly Package[] {
		return [...this.#packages.values()];
	}

	get(id: number): Package | undefined {
		return this.#packages.get(id);
	}

	/** By the path below `/local_storage/`; only exact paths match, so there is nothing to traverse. */
	stored(path: string): Package | undefined {
		return this.all().find((candidate) => candidate.storagePath === path);
	}

	/**
	 * Stores a package. Undefined if the directory would lie outside the storage.
	 * @param directory the upload's `rdfm.storage.directory`
	 */
	add(content: Uint8Array, metadata: PackageMetadata, directory = "."): Package | undefined {
		const place = posix.normalize(directory).replace(/\/$/, "");
		if (place === ".." || place.startsWith("../") || posix.isAbsolute(place)) return undefined;
		const uuid = randomUUID();
		const sha256 = createHash("sha256").update(content).digest("hex");
		this.#lastId += 1;
		const added: Package = {
			id: this.#lastId,
			created: this.#clock(),
			sha256,
			metadata: {
				...metadata,
				"rdfm.storage.local.uuid": uuid,
				"rdfm.storage.local.length": content.byteLength,
				"rdfm.storage.local.directory": place,
			},
			storagePath: posix.join(place, uuid),
			content,
			modified: this.#clock(),
			offeredHash: sha256,
		};
		this.#packages.set(added.id, added);
		return added;
	}

	delete(id: number): void {
		this.#packages.delete(id);
	}
}
