/** What the slots of a device's flash hold, read from the file while the device runs. */
import { closeSync, openSync, readSync } from "node:fs";
import { decodePartitions, findPartition, type Partition, tableLength, tableOffset } from "../../targets/host/image/partitions";
import type { Slot } from "./page/messages";

/** esp_ota_img_states_t, in the page's words. */
const states = ["not started", "on trial", "confirmed", "failed", "failed"] as const;

/** In front of esp_app_desc_t: the image's header and that of its first segment. */
const descriptionOffset = 24 + 8;
const descriptionMagic = 0xabcd5432;
const imageMagic = 0xe9;

interface Entry {
	readonly sequence: number;
	readonly state: number;
}

export class FlashView {
	readonly #path: string;
	#partitions: readonly Partition[] | undefined;

	constructor(path: string) {
		this.#path = path;
	}

	/** `running` is the label of the slot whose firmware runs, `writing` whether an update is being written. */
	slots(running: string, writing: boolean): readonly Slot[] {
		const file = openSync(this.#path, "r");
		const read = (offset: number, length: number): Buffer => {
			const bytes = Buffer.alloc(length);
			readSync(file, bytes, 0, length, offset);
			return bytes;
		};
		try {
			this.#partitions ??= decodePartitions(read(tableOffset, tableLength));
			const slots = this.#partitions.filter(({ label }) => label.startsWith("ota_"));
			const { offset } = findPartition(this.#partitions, "otadata");
			const entries = [0, 0x1000].map((sector) => entryOf(read(offset + sector, 32))).filter((entry) => entry !== undefined);
			return slots.map((slot, index): Slot => {
				const version = versionOf(read(slot.offset, 256));
				const own = entries
					.filter(({ sequence }) => (sequence - 1) % slots.length === index)
					.sort((a, b) => b.sequence - a.sequence)[0];
				const isRunning = slot.label === running;
				const base = { label: slot.label, running: isRunning, ...(version === undefined ? {} : { version }) };
				if (writing && !isRunning) return { ...base, state: "being written" };
				if (version === undefined) return { ...base, state: "empty" };
				// The factory's image runs without an entry: no bootloader has to be told about it.
				const state = own === undefined ? (isRunning ? "confirmed" : "inactive") : (states[own.state] ?? "inactive");
				return { ...base, state };
			});
		} finally {
			closeSync(file);
		}
	}
}

/** esp_ota_select_entry_t: ota_seq, a label, the state, a checksum. */
function entryOf(bytes: Buffer): Entry | undefined {
	const sequence = bytes.readUInt32LE(0);
	return sequence === 0 || sequence === 0xffffffff ? undefined : { sequence, state: bytes.readUInt32LE(24) };
}

function versionOf(head: Buffer): string | undefined {
	if (head.readUInt8(0) !== imageMagic || head.readUInt32LE(descriptionOffset) !== descriptionMagic) return undefined;
	return head.toString("utf8", descriptionOffset + 16, descriptionOffset + 48).replace(/\0.*/s, "");
}
