/** Writes the module archive that a firmware image carries; targets/host/xs/archive.c reads it and documents the format. */
import type { Creation, Resolved } from "./manifest";
import { loadScript } from "./scripts";

const archiveVersion = 1;

class Writer {
	readonly #parts: Buffer[] = [];

	number(value: number): void {
		const bytes = Buffer.alloc(4);
		bytes.writeUInt32LE(value);
		this.#parts.push(bytes);
	}

	text(value: Buffer): void {
		this.#parts.push(value, Buffer.alloc(4 - (value.length % 4)));
	}

	finish(): Buffer {
		const all = Buffer.concat(this.#parts);
		all.writeUInt32LE(all.length, 8);
		return all;
	}
}

const creationOrder = (creation: Creation): readonly number[] => [
	...[
		creation.static,
		creation.chunk.initial,
		creation.chunk.incremental,
		creation.heap.initial,
		creation.heap.incremental,
		creation.stack,
	],
	...[
		creation.keys.initial,
		creation.keys.incremental,
		creation.keys.name,
		creation.keys.symbol,
		creation.parser.buffer,
		creation.parser.table,
	],
];

/** mcconfig makes "mc/config" from the manifests' `config` and its own arguments. */
const configModule = (config: Readonly<Record<string, unknown>>): string =>
	`export default Object.freeze(${JSON.stringify(config)}, true);\n`;

export interface ArchiveOptions {
	readonly main?: string;
	readonly config?: Readonly<Record<string, unknown>>;
	/** Replaces parts of the manifests' memory limits. */
	readonly creation?: Partial<Creation>;
}

export function makeArchive(resolved: Resolved, options: ArchiveOptions = {}): Buffer {
	const writer = new Writer();
	const names = [...resolved.preload, ...[...resolved.modules.keys()].filter((name) => !resolved.preload.includes(name))];
	const creation = { ...resolved.creation, ...options.creation };

	writer.number(Buffer.from("XSMA").readUInt32LE());
	writer.number(archiveVersion);
	writer.number(0);
	writer.number(names.length + 1);
	for (const value of creationOrder(creation)) writer.number(value);
	const main = Buffer.from(options.main ?? creation.main);
	writer.number(main.length);
	writer.text(main);
	const write = (name: string, preload: boolean, source: string, map: string): void => {
		const parts = [name, source, map].map((text) => Buffer.from(text));
		writer.number(preload ? 1 : 0);
		for (const part of parts) writer.number(part.length);
		for (const part of parts) writer.text(part);
	};
	write("mc/config", true, configModule({ ...resolved.config, ...options.config }), "");
	for (const name of names) {
		const path = resolved.modules.get(name);
		if (path === undefined) throw new Error(`preload "${name}": no such module`);
		const script = loadScript(path);
		write(name, resolved.preload.includes(name), script.source, script.map);
	}
	return writer.finish();
}
