import { frozen } from "fleetling/frozen/frozen";

/**
 * What an artifact may cost the device that reads it, each bound with its reason. All are in bytes unless they count
 * something. Everything above a bound is refused by name: nothing is ever cut off in silence.
 */
export const artifactLimits = frozen({
	// `{"format":"mender","version":3}` has 31; another writer may indent it.
	version: 256,

	// 32 lines with names of 100 characters. The manifest is read line by line, so this bounds the time, not the memory.
	manifest: 8_192,

	// SHA-256 in hexadecimal, two spaces, "data/0000/" and the longest file name.
	manifestLine: 64 + 2 + 10 + 255,

	// Files of all payloads together. Each costs about 250 bytes of the machine's memory on 32 bits until the package has ended.
	files: 32,

	// RSA-4096 has 684 characters in base64; some add a line end.
	signature: 1_024,

	// header-info, type-info and meta-data, one at a time. Mender's own are below 700; a header that lists 60 device types
	// has 2,000. The text and what it is parsed into are in memory together: about four times this, for a moment.
	headerText: 4_096,

	// JSON.parse calls itself for each level, and the native stack of a device has 10 KB. The format needs three levels.
	jsonDepth: 8,

	// Keys, values and names in headers, in characters.
	text: 256,

	// Generators make one payload; the format allows 10,000. Each has an installer open until the end.
	payloads: 4,

	// POSIX limits a file name to 255, and so do littlefs and ext4.
	name: 255,

	// The record of a long name is its length, "path=" and the name; writers add times and owners.
	pax: 1_024,

	// Zeros behind an archive: two blocks by POSIX, up to 10 KiB by GNU tar. Without a bound 1 KB of gzip would keep a
	// device busy with 1 MB of them.
	trailer: 65_536,

	// The head of a gzip member: 10 bytes, and a file name at most.
	gzipHead: 1_024,

	// The first bytes of a payload file that an installer gets to see before it decides: a block of tar, and more than
	// the 288 bytes that tell what an image is.
	payloadHead: 512,
} as const);
