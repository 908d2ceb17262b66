/** Where the bytes of a capture go: headers of TCP and IP, TLS by kind of record, and what HTTP says. */
import { type Packet, packetsOf } from "./packets";
import { sum } from "./statistics";

export interface Breakdown {
	readonly packets: number;
	/** All of it, and all of it without TCP timestamps. */
	readonly bytes: number;
	readonly plainBytes: number;
	/** Of `bytes`. */
	readonly headers: number;
	/** Packets that carry nothing but their headers. */
	readonly empty: number;
	readonly handshake: number;
	readonly alerts: number;
	/** What TLS adds to the records that hold HTTP. */
	readonly records: number;
	readonly request: number;
	readonly answer: number;
}

const header = 5;
const type = { changeCipherSpec: 20, alert: 21, handshake: 22, application: 23 } as const;
/** AES-GCM in TLS 1.2: 8 bytes of nonce before, 16 of tag behind the text. */
const expansion = header + 8 + 16;

/** The bytes of one direction of one connection, repetitions left out. */
function stream(packets: readonly Packet[]): Buffer {
	const parts: Buffer[] = [];
	let next: number | undefined;
	for (const { sequence, payload } of packets) {
		if (payload.length === 0) continue;
		if (next !== undefined && sequence !== next) continue;
		parts.push(payload);
		next = (sequence + payload.length) >>> 0;
	}
	return Buffer.concat(parts);
}

interface Records {
	handshake: number;
	alerts: number;
	records: number;
	text: number;
}

function take(bytes: Buffer, totals: Records): void {
	for (let at = 0; at + header <= bytes.length; ) {
		const size = header + bytes.readUInt16BE(at + 3);
		const kind = bytes[at];
		if (kind === type.application) {
			totals.records += expansion;
			totals.text += size - expansion;
		} else if (kind === type.alert) totals.alerts += size;
		else totals.handshake += size;
		at += size;
	}
}

export function breakDown(capture: Buffer, port: number): Breakdown {
	const packets = packetsOf(capture, port);
	const totals = {
		toServer: { handshake: 0, alerts: 0, records: 0, text: 0 },
		toClient: { handshake: 0, alerts: 0, records: 0, text: 0 },
	};
	for (const connection of new Set(packets.map((packet) => packet.connection))) {
		const own = packets.filter((packet) => packet.connection === connection);
		take(stream(own.filter(({ toServer }) => toServer)), totals.toServer);
		take(stream(own.filter(({ toServer }) => !toServer)), totals.toClient);
	}
	const { toServer, toClient } = totals;
	const payload = sum(packets.map((packet) => packet.payload.length));
	const headers = sum(packets.map((packet) => packet.headers));
	return {
		packets: packets.length,
		bytes: headers + payload,
		plainBytes: sum(packets.map(({ plainHeaders }) => plainHeaders)) + payload,
		headers,
		empty: packets.filter((packet) => packet.payload.length === 0).length,
		handshake: toServer.handshake + toClient.handshake,
		alerts: toServer.alerts + toClient.alerts,
		records: toServer.records + toClient.records,
		request: toServer.text,
		answer: toClient.text,
	};
}
