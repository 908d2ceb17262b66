/** `PUT /local_storage_multipart/parts/…`: where devices put the parts of files (facts B.7). */
import { randomUUID } from "node:crypto";
import { bytesAnswer, type Request, type Route } from "./http";

/** Types whose bodies the framework reads as a form: nothing is left of them for the storage. */
const forms = ["application/x-www-form-urlencoded", "multipart/form-data"];

/** A file that was put together from its parts. */
export interface StoredFile {
	readonly storagePath: string;
	readonly content: Uint8Array;
	readonly modified: number;
}

export class PartStore {
	/** By name; what was put last. */
	readonly parts = new Map<string, Uint8Array>();
	readonly #files = new Map<string, StoredFile>();
	readonly #clock: () => number;

	constructor(clock: () => number) {
		this.#clock = clock;
	}

	/** Names of `count` parts that are to come. */
	begin(count: number): readonly string[] {
		return Array.from({ length: count }, () => randomUUID());
	}

	/** The file of these parts: under its path, if `etags` are what the storage has said to each of them, in order. */
	finish(names: readonly string[], etags: readonly string[]): string {
		const storagePath = randomUUID();
		const parts = names.map((name) => this.parts.get(name));
		const right = etags.length === names.length && names.every((name, at) => etags[at] === name);
		if (right && parts.every((part) => part !== undefined)) {
			const content = Buffer.concat(parts as Uint8Array[]);
			this.#files.set(storagePath, { storagePath, content, modified: this.#clock() });
		}
		return storagePath;
	}

	stored(path: string): StoredFile | undefined {
		return this.#files.get(path);
	}

	/** Public: no authorization. */
	routes(): readonly Route[] {
		const handle = ({ headers, body }: Request, [path = ""]: readonly string[]) => {
			const type = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
			this.parts.set(path, forms.includes(type) ? new Uint8Array(0) : body);
			return bytesAnswer(200, new Uint8Array(0), {
				"Content-Type": "text/html; charset=utf-8",
				Etag: path.split("/").at(-1) ?? "",
			});
		};
		return [{ name: "upload", method: "PUT", path: /^\/local_storage_multipart\/parts\/(.+)$/, handle }];
	}
}
