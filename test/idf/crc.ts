/**
 * The CRC of ESP-IDF's otadata and NVS: CRC-32 (reflected, 0xEDB88320) that starts from zero, since ESP-IDF hands the
 * inverting function of the ROM the value UINT32_MAX.
 */
export function crc32(...parts: readonly Uint8Array[]): number {
	let crc = 0;
	for (const part of parts) {
		for (const byte of part) {
			crc ^= byte;
			for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
		}
	}
	return ~crc >>> 0;
}
