/** otadata, written down from its description and independent of the model: two sectors with one entry of 32 bytes each. */
import { crc32 } from "./crc";

export const states = { new: 0, pending: 1, valid: 2, invalid: 3, aborted: 4, undefined: 0xffffffff } as const;
export type State = (typeof states)[keyof typeof states];

export const sectorSize = 0x1000;

export interface Entry {
	readonly sequence: number;
	readonly state: State;
}

/** Sequence, 20 bytes of label that nobody uses, state, CRC of the sequence alone. */
export function encodeEntry({ sequence, state }: Entry): Buffer {
	const entry = Buffer.alloc(32, 0xff);
	entry.writeUInt32LE(sequence, 0);
	entry.writeUInt32LE(state, 24);
	entry.writeUInt32LE(crc32(entry.subarray(0, 4)), 28);
	return entry;
}

/** The entry at the start of a sector; undefined when it is blank or its CRC is wrong. */
export function decodeEntry(sector: Buffer): Entry | undefined {
	const sequence = sector.readUInt32LE(0);
	if (sequence === 0xffffffff || sector.readUInt32LE(28) !== crc32(sector.subarray(0, 4))) return undefined;
	return { sequence, state: sector.readUInt32LE(24) as State };
}

export function decodeOtadata(flash: Buffer, offset: number): readonly [Entry | undefined, Entry | undefined] {
	return [decodeEntry(flash.subarray(offset, offset + sectorSize)), decodeEntry(flash.subarray(offset + sectorSize))];
}
