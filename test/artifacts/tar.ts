/** Tar archives in POSIX form, written and taken apart. */

const block = 512;

export interface TarEntry {
	readonly name: string;
	readonly content: Buffer;
}

/** Where a member is in its archive. */
export interface TarRegion {
	readonly name: string;
	/** Offset of its header. */
	readonly header: number;
	/** Offset of its data. */
	readonly start: number;
	readonly size: number;
}

const padding = (size: number): number => (block - (size % block)) % block;

function header(name: string, size: number, type: string): Buffer {
	const bytes = Buffer.alloc(block);
	bytes.write(name.slice(0, 100), 0, "latin1");
	bytes.write("0000600\0" + "0000000\0" + "0000000\0", 100);
	bytes.write(`${size.toString(8).padStart(11, "0")}\0${"0".repeat(11)}\0`, 124);
	bytes.write("        ", 148);
	bytes.write(type, 156);
	bytes.write("ustar\x0000", 257, "latin1");
	const sum = bytes.reduce((total, byte) => total + byte, 0);
	bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
	return bytes;
}

function record(name: string): Buffer {
	const rest = ` path=${name}\n`;
	let length = rest.length + 2;
	while (String(length).length + rest.length !== length) length++;
	return Buffer.from(`${length}${rest}`);
}

export function writeTar(entries: readonly TarEntry[]): Buffer {
	const parts: Buffer[] = [];
	const add = (name: string, content: Buffer, type: string): void => {
		parts.push(header(name, content.length, type), content, Buffer.alloc(padding(content.length)));
	};
	for (const { name, content } of entries) {
		if (name.length > 100) add(`PaxHeaders.0/${name}`, record(name), "x");
		add(name, content, "0");
	}
	return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

/** The members of an archive; extended headers are members of type "x" and left out. */
export function tarRegions(archive: Buffer): TarRegion[] {
	const regions: TarRegion[] = [];
	for (let at = 0; at + block <= archive.length && archive[at] !== 0; ) {
		const text = (start: number, length: number): string =>
			archive.toString("latin1", at + start, at + start + length).replace(/\0.*$/s, "");
		const size = Number.parseInt(text(124, 12), 8);
		if (text(156, 1) !== "x") regions.push({ name: text(0, 100), header: at, start: at + block, size });
		at += block + size + padding(size);
	}
	return regions;
}

export function tarContent(archive: Buffer, { start, size }: TarRegion): Buffer {
	return archive.subarray(start, start + size);
}
