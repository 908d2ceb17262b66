import type { Partition } from "../../common/device";
import { missing, type Root } from "./view";

/** An erased partition begins with this, and so does one whose dump was begun and not finished. */
const blank = 0xffff_ffff;

/**
 * What the firmware left when it crashed, as ESP-IDF stores it: its first word is its length, checksum included
 * (components/espcoredump, core_dump_header_t). `espcoredump.py` reads it as it is.
 */
export function coreDump(partition: Partition): Root {
	return (rest) => {
		const head = new Uint8Array(4);
		if (rest.length > 0 || partition.size < head.length) throw missing(["coredump", ...rest]);
		partition.read(head, 0);
		const size = new DataView(head.buffer).getUint32(0, true);
		if (size === blank || size <= head.length || size > partition.size) throw missing(["coredump"]);
		return {
			size,
			fixed: true,
			read: (bytes, position) => partition.read(bytes, position),
			check: () => undefined,
			close: () => undefined,
		};
	};
}
