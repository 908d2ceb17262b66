/** Packets of SNTP (RFC 4330, section 4): pure functions, so that they can be tested anywhere. */

export const packetSize = 48;

/** No warning, version 4, mode 3 (client). */
const clientHead = 0x23;
const modeMask = 0x07;
const serverMode = 4;
/** The server's clock is not set. */
const unsynchronized = 3;
/** 16 and more are reserved, 0 is a message to go away. */
const mostStratum = 15;

const originate = 24;
const transmit = 40;

/** Seconds from 1900 to 1970. */
const epoch = 2_208_988_800;
/** Seconds of 32 bits begin anew in 2036 (section 3): those without the highest bit belong to the time after. */
const era = 2 ** 32;

/** A request. `nonce`, eight random bytes, comes back in the answer: whoever cannot see the request cannot forge one. */
export function question(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
	const packet = new Uint8Array(packetSize);
	packet[0] = clientHead;
	packet.set(nonce, transmit);
	return packet;
}

/** Milliseconds since 1970 from an answer; undefined when it is not the answer to `nonce` or the server does not know the time. */
export function timeOf(packet: Uint8Array, nonce: Uint8Array): number | undefined {
	if (packet.byteLength < packetSize) return undefined;
	const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
	const head = view.getUint8(0);
	const stratum = view.getUint8(1);
	if ((head & modeMask) !== serverMode || head >> 6 === unsynchronized) return undefined;
	if (stratum === 0 || stratum > mostStratum) return undefined;
	for (let at = 0; at < nonce.byteLength; at++) if (packet[originate + at] !== nonce[at]) return undefined;
	const seconds = view.getUint32(transmit);
	if (seconds === 0) return undefined;
	const since1900 = seconds >= era / 2 ? seconds : seconds + era;
	return (since1900 - epoch) * 1000 + Math.floor((view.getUint32(transmit + 4) / era) * 1000);
}
