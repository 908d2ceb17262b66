import { frozen } from "fleetling/frozen/frozen";

const polynomial = 0xedb88320;

/** Made once at build time, where modules are preloaded: an array of small numbers is faster in XS than a typed array. */
const table: readonly number[] = frozen(
	Array.from({ length: 256 }, (_, index) => {
		let value = index;
		for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
		return value | 0;
	}),
);

/** The CRC of gzip and Ethernet over `bytes`; `crc` is that of what came before. Slow (JavaScript): for small things. */
export function crc32(bytes: Uint8Array, crc = 0): number {
	let value = ~crc;
	for (let at = 0; at < bytes.byteLength; at++) value = (table[(value ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (value >>> 8);
	return ~value;
}
