/**
 * Partition tables: the CSV that ESP-IDF's projects have, and the binary that its tool gen_esp32part.py makes of it.
 */
import { createHash } from "node:crypto";

export interface Partition {
	readonly label: string;
	readonly type: number;
	readonly subtype: number;
	/** In flash, in bytes. */
	readonly offset: number;
	readonly size: number;
	readonly encrypted: boolean;
	readonly readonly: boolean;
}

/** Where the table is in flash, and what it occupies there. */
export const tableOffset = 0x8000;
const tableSector = 0x1000;
/** The table itself is shorter, which leaves room for a signature. */
export const tableLength = 0xc00;
const entryLength = 32;
const entryMagic = 0x50aa;
const md5Magic = 0xebeb;
const labelLength = 16;

const types: Readonly<Record<string, number>> = { app: 0x00, data: 0x01 };

const otaSlots = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`ota_${i}`, 0x10 + i]));
const subtypes: Readonly<Record<number, Readonly<Record<string, number>>>> = {
	0: { factory: 0x00, test: 0x20, ...otaSlots },
	1: {
		ota: 0x00,
		phy: 0x01,
		nvs: 0x02,
		coredump: 0x03,
		nvs_keys: 0x04,
		efuse: 0x05,
		undefined: 0x06,
		esphttpd: 0x80,
		fat: 0x81,
		spiffs: 0x82,
		littlefs: 0x83,
	},
};

/** Applications are mapped into memory by pages of 64 KiB. */
const alignment = (type: number): number => (type === 0x00 ? 0x10000 : 0x1000);
/** One page of the storage is kept free, and with one more it would move all values with every page that is full. */
const smallestStorage = 0x3000;
const otadataSize = 0x2000;

export class PartitionError extends Error {
	override readonly name = "PartitionError";
}

function parseNumber(text: string, line: number): number {
	const match = /^(0x[0-9a-f]+|[0-9]+)([km]?)$/i.exec(text);
	if (!match) throw new PartitionError(`line ${line}: "${text}" is not a number (such as 0x10000, 64K or 1M)`);
	const factors: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 * 1024 };
	return Number(match[1]) * (factors[(match[2] ?? "").toLowerCase()] ?? 1);
}

function parseName(text: string, names: Readonly<Record<string, number>>, line: number): number {
	const value = names[text] ?? parseNumber(text, line);
	if (value > 0xfe) throw new PartitionError(`line ${line}: ${text} is above 0xfe`);
	return value;
}

interface Line {
	readonly number: number;
	readonly fields: readonly string[];
}

function linesOf(csv: string): Line[] {
	return csv
		.split(/\r?\n/)
		.map((text, index) => ({ number: index + 1, text: text.replace(/#.*/, "").trim() }))
		.filter(({ text }) => text !== "")
		.map(({ number, text }) => ({ number, fields: text.split(",").map((field) => field.trim()) }));
}

function flagsOf(text: string, line: number): Pick<Partition, "encrypted" | "readonly"> {
	const flags = text.split(":").filter((flag) => flag !== "");
	const unknown = flags.find((flag) => flag !== "encrypted" && flag !== "readonly");
	if (unknown !== undefined) throw new PartitionError(`line ${line}: unknown flag "${unknown}"`);
	return { encrypted: flags.includes("encrypted"), readonly: flags.includes("readonly") };
}

function parseLine({ number, fields }: Line, end: number): Partition {
	const [label = "", typeName = "", subtypeName = "", offsetText = "", sizeText = "", flagText = ""] = fields;
	if (label.length === 0 || Buffer.byteLength(label) > labelLength)
		throw new PartitionError(`line ${number}: a label has 1 to ${labelLength} characters, not "${label}"`);
	const type = parseName(typeName, types, number);
	if (type === 0x00 && subtypeName === "") throw new PartitionError(`line ${number}: an app partition needs a subtype`);
	const subtype = subtypeName === "" ? 0x06 : parseName(subtypeName, subtypes[type] ?? {}, number);
	const step = alignment(type);
	const offset = offsetText === "" ? Math.ceil(end / step) * step : parseNumber(offsetText, number);
	if (offset < end)
		throw new PartitionError(`line ${number}: ${label} starts at 0x${offset.toString(16)}, before 0x${end.toString(16)}`);
	if (offset % step !== 0)
		throw new PartitionError(`line ${number}: the offset of ${label} is not a multiple of 0x${step.toString(16)}`);
	// A negative size is the end of the partition.
	const size = sizeText.startsWith("-") ? parseNumber(sizeText.slice(1), number) - offset : parseNumber(sizeText, number);
	return { label, type, subtype, offset, size, ...flagsOf(flagText, number) };
}

function checkPartition(partition: Partition): void {
	const { label, type, subtype, size } = partition;
	if (size <= 0) throw new PartitionError(`${label} has no size`);
	if (type === 0x00 && size % 0x1000 !== 0) throw new PartitionError(`the size of ${label} is not a multiple of 0x1000`);
	if (type === 0x01 && subtype === 0x00 && size !== otadataSize) throw new PartitionError(`${label} must have 0x2000 bytes`);
	if (type === 0x01 && subtype === 0x02 && size < smallestStorage && !partition.readonly)
		throw new PartitionError(`${label} needs at least 0x3000 bytes`);
}

/** Partitions of a CSV: name, type, subtype, offset, size, flags. Throws PartitionError with the line. */
export function parsePartitions(csv: string): Partition[] {
	const partitions: Partition[] = [];
	let end = tableOffset + tableSector;
	for (const line of linesOf(csv)) {
		const partition = parseLine(line, end);
		checkPartition(partition);
		if (partitions.some(({ label }) => label === partition.label))
			throw new PartitionError(`line ${line.number}: there are two partitions ${partition.label}`);
		end = partition.offset + partition.size;
		partitions.push(partition);
	}
	if (partitions.length === 0) throw new PartitionError("the table is empty");
	return partitions;
}

/** The table as it is in flash: entries, MD5 of them, end mark, 0xC00 bytes in all. */
export function encodePartitions(partitions: readonly Partition[]): Buffer {
	const table = Buffer.alloc(tableLength, 0xff);
	const used = partitions.length * entryLength;
	if (used + 2 * entryLength > tableLength) throw new PartitionError(`${partitions.length} partitions are too many`);
	partitions.forEach((partition, index) => {
		const entry = table.subarray(index * entryLength, (index + 1) * entryLength);
		entry.fill(0);
		entry.writeUInt16LE(entryMagic, 0);
		entry.writeUInt8(partition.type, 2);
		entry.writeUInt8(partition.subtype, 3);
		entry.writeUInt32LE(partition.offset, 4);
		entry.writeUInt32LE(partition.size, 8);
		entry.write(partition.label, 12, labelLength, "utf8");
		entry.writeUInt32LE((partition.encrypted ? 1 : 0) | (partition.readonly ? 2 : 0), 28);
	});
	table.writeUInt16LE(md5Magic, used);
	createHash("md5")
		.update(table.subarray(0, used))
		.digest()
		.copy(table, used + 16);
	return table;
}

/** Reads a table from flash or from a file. Throws PartitionError when it is none or its MD5 is wrong. */
export function decodePartitions(table: Buffer): Partition[] {
	const partitions: Partition[] = [];
	for (let at = 0; at + entryLength <= Math.min(table.length, tableLength); at += entryLength) {
		const entry = table.subarray(at, at + entryLength);
		const magic = entry.readUInt16LE(0);
		if (magic === md5Magic) {
			const md5 = createHash("md5").update(table.subarray(0, at)).digest();
			if (!md5.equals(entry.subarray(16))) throw new PartitionError("the MD5 of the partition table is wrong");
			continue;
		}
		if (magic === 0xffff && partitions.length > 0) return partitions;
		if (magic !== entryMagic) throw new PartitionError(`entry ${partitions.length} of the partition table is none`);
		const flags = entry.readUInt32LE(28);
		partitions.push({
			label: entry.toString("utf8", 12, 28).replace(/\0.*/s, ""),
			type: entry.readUInt8(2),
			subtype: entry.readUInt8(3),
			offset: entry.readUInt32LE(4),
			size: entry.readUInt32LE(8),
			encrypted: (flags & 1) !== 0,
			readonly: (flags & 2) !== 0,
		});
	}
	throw new PartitionError("the partition table has no end");
}

export function findPartition(partitions: readonly Partition[], label: string): Partition {
	const partition = partitions.find((candidate) => candidate.label === label);
	if (partition === undefined) throw new PartitionError(`there is no partition "${label}"`);
	return partition;
}
