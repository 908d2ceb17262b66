/** Reads from a device's flash file, while the device runs, which slot is selected and whether it is confirmed. */
import { closeSync, openSync, readSync } from "node:fs";
import { decodePartitions, findPartition, type Partition, tableLength, tableOffset } from "../image/partitions";

/** esp_ota_img_states_t */
const states = ["new", "pending-verify", "valid", "invalid", "aborted"] as const;
export type SelectedState = (typeof states)[number] | "undefined";

export interface Selected {
	/** Label of the slot that would boot, e.g. "ota_0". */
	readonly label: string;
	readonly state: SelectedState;
}

function read(file: number, offset: number, length: number): Buffer {
	const bytes = Buffer.alloc(length);
	readSync(file, bytes, 0, length, offset);
	return bytes;
}

/** The entry with the highest sequence number counts (esp_ota_select_entry_t: ota_seq, label[20], state, crc). */
function newest(file: number, otadata: Partition): { readonly sequence: number; readonly state: number } | undefined {
	const entries = [0, 0x1000]
		.map((offset) => read(file, otadata.offset + offset, 32))
		.map((entry) => ({ sequence: entry.readUInt32LE(0), state: entry.readUInt32LE(24) }))
		.filter(({ sequence }) => sequence !== 0xffffffff && sequence !== 0);
	return entries.sort((a, b) => b.sequence - a.sequence)[0];
}

export function selectedSlot(path: string): Selected | undefined {
	const file = openSync(path, "r");
	try {
		const partitions = decodePartitions(read(file, tableOffset, tableLength));
		const slots = partitions.filter((partition) => partition.label.startsWith("ota_"));
		const entry = newest(file, findPartition(partitions, "otadata"));
		if (!entry || slots.length === 0) return undefined;
		return { label: `ota_${(entry.sequence - 1) % slots.length}`, state: states[entry.state] ?? "undefined" };
	} finally {
		closeSync(file);
	}
}
