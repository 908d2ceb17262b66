/**
 * ESP application images, as esptool's elf2image makes them and ESP-IDF's bootloader takes them: header, segments,
 * checksum, appended SHA-256; the application description is at the start of the first segment.
 */
import { createHash } from "node:crypto";

export interface SegmentData {
	/** Where it is to be in memory. When absent, a place in the window through which the chip sees code in flash. */
	readonly address?: number;
	readonly data: Uint8Array;
}

export interface ImageOptions {
	/** At most 31 bytes, as is `projectName`. */
	readonly version: string;
	readonly projectName: string;
	readonly secureVersion?: number;
	/** Time of the build, for the description. Absent: none, so that equal sources make equal images. */
	readonly date?: Date;
	readonly idfVersion?: string;
	/** SHA-256 of the ELF file; of the segments' data when absent. */
	readonly elfSha256?: Uint8Array;
	/** Chip number as in ESP-IDF's esp_chip_id_t; 0 is the classic ESP32. */
	readonly chipId?: number;
	/** Chip revisions as major * 100 + minor. */
	readonly minRevision?: number;
	readonly maxRevision?: number;
	readonly segments: readonly SegmentData[];
}

export interface Segment {
	readonly address: number;
	/** Of the data in the image. */
	readonly offset: number;
	readonly data: Buffer;
}

export interface AppDescription {
	readonly version: string;
	readonly projectName: string;
	readonly secureVersion: number;
	readonly date: string;
	readonly time: string;
	readonly idfVersion: string;
	readonly elfSha256: string;
}

export interface Image {
	readonly chipId: number;
	readonly minRevision: number;
	readonly maxRevision: number;
	readonly entry: number;
	readonly segments: readonly Segment[];
	readonly description: AppDescription;
	/** Hexadecimal, as appended; absent when there is none. */
	readonly sha256?: string;
	/** Bytes of the image; what follows in the file does not belong to it. */
	readonly length: number;
}

export class ImageError extends Error {
	override readonly name = "ImageError";
}

const imageMagic = 0xe9;
const headerLength = 24;
const segmentHeaderLength = 8;
const mostSegments = 16;
const checksumStart = 0xef;
const hashLength = 32;
const descriptionMagic = 0xabcd5432;
const descriptionLength = 256;
const textLength = 32;

/** Windows of the classic ESP32 through which flash is seen as memory, in pages: place in page must be the same in both. */
const pageSize = 0x10000;
const dataWindow = 0x3f400000;
const codeWindow = 0x400d0000;
const windows: readonly (readonly [low: number, high: number])[] = [
	[0x3f400000, 0x3f800000],
	[0x400d0000, 0x40400000],
];
const isMapped = (address: number): boolean => windows.some(([low, high]) => address >= low && address < high);

/** Any address in the chip's memory for instructions: the host does not jump there, but tools print it. */
const entryAddress = 0x40080000;
/** Flash at 40 MHz in dual mode, 4 MB: what ESP-IDF sets for the classic ESP32. Bootloaders read the size elsewhere. */
const flashMode = 2;
const flashSpeedAndSize = 0x20;
const noWritePin = 0xee;
/** The greatest revision that ESP-IDF 6.0 accepts for the classic ESP32. */
const greatestRevision = 399;

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** Day and time as a C compiler's __DATE__ and __TIME__ write them. */
function compilerDate(date: Date): { readonly date: string; readonly time: string } {
	const day = String(date.getUTCDate()).padStart(2, " ");
	return { date: `${months[date.getUTCMonth()]} ${day} ${date.getUTCFullYear()}`, time: date.toISOString().slice(11, 19) };
}

function writeText(buffer: Buffer, text: string, offset: number, length: number, what: string): void {
	if (Buffer.byteLength(text) >= length) throw new ImageError(`${what} "${text}" is longer than ${length - 1} bytes`);
	buffer.write(text, offset, "utf8");
}

function makeDescription(options: ImageOptions): Buffer {
	const description = Buffer.alloc(descriptionLength);
	const elf = createHash("sha256");
	for (const segment of options.segments) elf.update(segment.data);
	const { date, time } = options.date === undefined ? { date: "", time: "" } : compilerDate(options.date);
	description.writeUInt32LE(descriptionMagic, 0);
	description.writeUInt32LE(options.secureVersion ?? 0, 4);
	writeText(description, options.version, 16, textLength, "the version");
	writeText(description, options.projectName, 48, textLength, "the project name");
	writeText(description, time, 80, 16, "the time");
	writeText(description, date, 96, 16, "the date");
	writeText(description, options.idfVersion ?? "host", 112, textLength, "the IDF version");
	Buffer.from(options.elfSha256 ?? elf.digest()).copy(description, 144, 0, hashLength);
	// No limits for the revision of fuse blocks.
	description.writeUInt16LE(0, 176);
	description.writeUInt16LE(0xffff, 178);
	description.writeUInt8(Math.log2(pageSize), 180);
	return description;
}

function makeHeader(options: ImageOptions, segmentCount: number): Buffer {
	const header = Buffer.alloc(headerLength);
	header.writeUInt8(imageMagic, 0);
	header.writeUInt8(segmentCount, 1);
	header.writeUInt8(flashMode, 2);
	header.writeUInt8(flashSpeedAndSize, 3);
	header.writeUInt32LE(entryAddress, 4);
	header.writeUInt8(noWritePin, 8);
	header.writeUInt16LE(options.chipId ?? 0, 12);
	header.writeUInt16LE(options.minRevision ?? 0, 15);
	header.writeUInt16LE(options.maxRevision ?? greatestRevision, 17);
	header.writeUInt8(1, 23);
	return header;
}

/** XOR of all bytes, four at a time. */
function xorAll(data: Uint8Array): number {
	const words = new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + (data.byteLength & ~3)));
	let sum = 0;
	for (const word of words) sum ^= word;
	for (const byte of data.subarray(data.byteLength & ~3)) sum ^= byte;
	return (sum ^ (sum >>> 8) ^ (sum >>> 16) ^ (sum >>> 24)) & 0xff;
}

/** Makes an image. The description is the first segment, `segments` follow in their order, each padded to a multiple of four. */
export function makeImage(options: ImageOptions): Buffer {
	// esptool takes the description from the last segment in the data window: it must be the only one there.
	const description = { address: dataWindow + headerLength + segmentHeaderLength, data: makeDescription(options) };
	const segments: readonly SegmentData[] = [description, ...options.segments];
	if (segments.length > mostSegments)
		throw new ImageError(`an image has at most ${mostSegments - 1} segments beside its description`);
	const parts: Buffer[] = [makeHeader(options, segments.length)];
	let length = headerLength;
	let checksum = checksumStart;
	for (const segment of segments) {
		const data = Buffer.alloc((segment.data.byteLength + 3) & ~3);
		data.set(segment.data);
		const place = (length + segmentHeaderLength) % pageSize;
		const address = segment.address ?? codeWindow + length + segmentHeaderLength;
		if (isMapped(address) && address % pageSize !== place)
			throw new ImageError(
				`a segment at 0x${address.toString(16)} would have to be ${address % pageSize} bytes into a page of the image`,
			);
		const header = Buffer.alloc(segmentHeaderLength);
		header.writeUInt32LE(address, 0);
		header.writeUInt32LE(data.length, 4);
		parts.push(header, data);
		checksum ^= xorAll(data);
		length += segmentHeaderLength + data.length;
	}
	const end = Buffer.alloc(16 - (length % 16));
	end.writeUInt8(checksum, end.length - 1);
	parts.push(end);
	const body = Buffer.concat(parts);
	return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

const readText = (buffer: Buffer, offset: number, length: number): string =>
	buffer.toString("utf8", offset, offset + length).replace(/\0.*/s, "");

function parseDescription(data: Buffer | undefined): AppDescription {
	if (data === undefined || data.length < descriptionLength || data.readUInt32LE(0) !== descriptionMagic)
		throw new ImageError("the image has no application description");
	return {
		secureVersion: data.readUInt32LE(4),
		version: readText(data, 16, textLength),
		projectName: readText(data, 48, textLength),
		time: readText(data, 80, 16),
		date: readText(data, 96, 16),
		idfVersion: readText(data, 112, textLength),
		elfSha256: data.toString("hex", 144, 176),
	};
}

function parseSegments(image: Buffer, count: number): { readonly segments: Segment[]; readonly end: number } {
	const segments: Segment[] = [];
	let at = headerLength;
	for (let i = 0; i < count; i++) {
		if (at + segmentHeaderLength > image.length) throw new ImageError(`the image ends before segment ${i}`);
		const address = image.readUInt32LE(at);
		const length = image.readUInt32LE(at + 4);
		at += segmentHeaderLength;
		if (length % 4 !== 0) throw new ImageError(`segment ${i} has ${length} bytes, not a multiple of four`);
		if (at + length > image.length) throw new ImageError(`the image ends inside segment ${i}`);
		segments.push({ address, offset: at, data: image.subarray(at, at + length) });
		at += length;
	}
	return { segments, end: at };
}

/** Reads and verifies an image; bytes behind it do not matter. Throws ImageError. */
export function parseImage(image: Buffer): Image {
	if (image.length < headerLength) throw new ImageError("the image is shorter than its header");
	if (image.readUInt8(0) !== imageMagic) throw new ImageError("the image does not start with 0xE9");
	const count = image.readUInt8(1);
	if (count === 0 || count > mostSegments) throw new ImageError(`the image says it has ${count} segments`);
	const { segments, end } = parseSegments(image, count);
	const hashOffset = Math.floor(end / 16) * 16 + 16;
	if (hashOffset > image.length) throw new ImageError("the image ends before its checksum");
	const checksum = segments.reduce((sum, { data }) => sum ^ xorAll(data), checksumStart);
	if (image.readUInt8(hashOffset - 1) !== checksum) throw new ImageError("the checksum of the image is wrong");
	const parsed = {
		chipId: image.readUInt16LE(12),
		minRevision: image.readUInt16LE(15),
		maxRevision: image.readUInt16LE(17),
		entry: image.readUInt32LE(4),
		segments,
		description: parseDescription(segments[0]?.data),
	};
	if (image.readUInt8(23) !== 1) return { ...parsed, length: hashOffset };
	const hash = image.subarray(hashOffset, hashOffset + hashLength);
	if (!createHash("sha256").update(image.subarray(0, hashOffset)).digest().equals(hash))
		throw new ImageError("the SHA-256 of the image is wrong");
	return { ...parsed, sha256: hash.toString("hex"), length: hashOffset + hashLength };
}
