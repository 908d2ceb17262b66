/** gzip as simple as it can be: stored blocks. */
import { crc32 } from "fleetling/update/readers/crc32";
import type { Random } from "../../../modules/websocket/test/random";
import { concat } from "./changes";

/** A gzip member (RFC 1952) of `content` in stored blocks (RFC 1951 section 3.2.4); `random` puts mistakes into some. */
export function stored(content: Uint8Array, random?: Random): Uint8Array {
	const flags = random?.once(8) ? random.below(256) : 0;
	const parts: Uint8Array[] = [new Uint8Array([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255])];
	const longest = random?.pick([1, 100, 1000, 65_535]) ?? 65_535;
	for (let at = 0; at < content.byteLength || at === 0; at += longest) {
		const length = Math.min(longest, content.byteLength - at);
		const last = at + longest >= content.byteLength ? 1 : 0;
		const type = random?.once(40) ? random.below(8) : last;
		const said = random?.once(40) ? random.below(65_536) : length;
		parts.push(new Uint8Array([type, said & 255, said >> 8, ~said & 255, (~said >> 8) & 255]), content.subarray(at, at + length));
	}
	const tail = new DataView(new ArrayBuffer(8));
	tail.setUint32(0, crc32(content) >>> 0, true);
	tail.setUint32(4, content.byteLength, true);
	parts.push(new Uint8Array(tail.buffer));
	return concat(parts);
}
