/** Flash files for the host device, as a factory would flash them. */
import { closeSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { encodePartitions, findPartition, type Partition, PartitionError, parsePartitions, tableOffset } from "./partitions";

export interface FlashOptions {
	/** File to make; an older one is replaced in one step. */
	readonly path: string;
	/** CSV text, or the partitions. */
	readonly partitions: string | readonly Partition[];
	/** Contents of partitions by their labels: firmware images, storage. */
	readonly contents?: Readonly<Record<string, Uint8Array>>;
	/** Size of the chip; the end of the last partition, rounded up to 1 MiB, when absent. */
	readonly size?: number;
}

const mebibyte = 1 << 20;
/** The flash model wants whole blocks. */
const blockSize = 0x10000;

const endOf = (partitions: readonly Partition[]): number => Math.max(...partitions.map(({ offset, size }) => offset + size));

/** Bytes of the smallest chip that these partitions fit into. */
export function chipSize(partitions: readonly Partition[]): number {
	return Math.ceil(endOf(partitions) / mebibyte) * mebibyte;
}

function fill(file: number, size: number): void {
	const blank = Buffer.alloc(mebibyte, 0xff);
	for (let at = 0; at < size; at += blank.length) writeSync(file, blank, 0, Math.min(blank.length, size - at), at);
}

/** Makes a flash file: blank, with the partition table and what is given for the partitions. Throws PartitionError. */
export function makeFlash({ path, partitions, contents = {}, size }: FlashOptions): void {
	const table = typeof partitions === "string" ? parsePartitions(partitions) : partitions;
	const chip = size ?? chipSize(table);
	if (chip % blockSize !== 0 || chip < endOf(table))
		throw new PartitionError(`a flash of ${chip} bytes is no multiple of 64 KiB or too small for the partitions`);
	for (const [label, data] of Object.entries(contents)) {
		const room = findPartition(table, label).size;
		if (data.byteLength > room)
			throw new PartitionError(`${label} has ${room} bytes, not the ${data.byteLength} that it is to hold`);
	}
	const temporary = `${path}.${process.pid}`;
	const file = openSync(temporary, "w");
	try {
		ftruncateSync(file, chip);
		fill(file, chip);
		writeSync(file, encodePartitions(table), 0, undefined, tableOffset);
		for (const [label, data] of Object.entries(contents))
			writeSync(file, data, 0, data.byteLength, findPartition(table, label).offset);
		renameSync(temporary, path);
	} catch (error) {
		rmSync(temporary, { force: true });
		throw error;
	} finally {
		closeSync(file);
	}
}
