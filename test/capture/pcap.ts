/**
 * A small reader of pcap files (the classic format, both byte orders, micro- and nanoseconds): what crossed one TCP port,
 * measured in IP packets as they stand in their own headers, so that a short snap length does no harm.
 */

/** Sums of one direction. */
export interface Flow {
	readonly packets: number;
	/** IP bytes: IP header, TCP header, payload. */
	readonly bytes: number;
	/** TCP payload alone. */
	readonly payload: number;
}

/** What a capture shows of one port. */
export interface PortTraffic {
	/** Connections opened: SYN without ACK towards the port, repetitions of the same one not counted. */
	readonly connections: number;
	readonly toServer: Flow;
	readonly toClient: Flow;
	/**
	 * Bytes if every packet had to fit into 1,500: loopback's own packets are far larger, so that a long flight shows fewer
	 * headers there than on a wire.
	 */
	readonly bytesAt1500: number;
}

/** A TCP segment as far as its headers tell. */
export interface Segment {
	readonly sourcePort: number;
	readonly destinationPort: number;
	readonly sequence: number;
	readonly syn: boolean;
	readonly ack: boolean;
	/** Length of the whole IP packet, and of its headers (IP and TCP). */
	readonly length: number;
	readonly headers: number;
}

const fileHeader = 24;
const recordHeader = 16;
const tcp = 6;

/** Magic numbers as read in little-endian order; the swapped ones mean big-endian. */
const littleEndian = new Set([0xa1b2c3d4, 0xa1b23c4d]);
const bigEndian = new Set([0xd4c3b2a1, 0x4d3cb2a1]);

/** Length of the link header and where it says what follows, by link type (Ethernet, raw IP, Linux cooked 1 and 2, BSD loopback). */
const links: Readonly<Record<number, number>> = { 0: 4, 1: 14, 101: 0, 113: 16, 276: 20 };

/** The TCP segments of a capture; other packets and torn records at the end are passed over. */
export function* segments(capture: Buffer): Generator<Segment> {
	if (capture.length < fileHeader) throw new Error("not a pcap file: shorter than its header");
	const magic = capture.readUInt32LE(0);
	if (!littleEndian.has(magic) && !bigEndian.has(magic)) throw new Error("not a pcap file: unknown magic number");
	const read = (offset: number): number =>
		littleEndian.has(magic) ? capture.readUInt32LE(offset) : capture.readUInt32BE(offset);
	const linkType = read(20) & 0xffff;
	const link = links[linkType];
	if (link === undefined) throw new Error(`link type ${linkType} is not known here`);
	for (let at = fileHeader; at + recordHeader <= capture.length; ) {
		const captured = read(at + 8);
		const packet = capture.subarray(at + recordHeader, at + recordHeader + captured);
		if (packet.length < captured) return;
		const segment = segmentOf(packet.subarray(link), read(at + 12) - link);
		if (segment) yield segment;
		at += recordHeader + captured;
	}
}

/** @param onWire the packet's real length, for headers that give none (segmentation offload leaves 0 there) */
function segmentOf(packet: Buffer, onWire: number): Segment | undefined {
	const version = (packet[0] ?? 0) >> 4;
	const inner = version === 4 ? fourOf(packet) : version === 6 ? sixOf(packet) : undefined;
	if (!inner || inner.protocol !== tcp || packet.length < inner.header + 14) return undefined;
	const segment = packet.subarray(inner.header);
	const flags = segment[13] ?? 0;
	return {
		sourcePort: segment.readUInt16BE(0),
		destinationPort: segment.readUInt16BE(2),
		sequence: segment.readUInt32BE(4),
		syn: (flags & 0x02) !== 0,
		ack: (flags & 0x10) !== 0,
		length: inner.length || onWire,
		headers: inner.header + ((segment[12] ?? 0) >> 4) * 4,
	};
}

interface Inner {
	readonly header: number;
	readonly length: number;
	readonly protocol: number;
}

const fourOf = (packet: Buffer): Inner | undefined =>
	packet.length < 20
		? undefined
		: { header: ((packet[0] ?? 0) & 15) * 4, length: packet.readUInt16BE(2), protocol: packet[9] ?? 0 };

/** Extension headers are not followed: TCP on loopback has none. */
const sixOf = (packet: Buffer): Inner | undefined => {
	if (packet.length < 40) return undefined;
	const payload = packet.readUInt16BE(4);
	return { header: 40, length: payload === 0 ? 0 : 40 + payload, protocol: packet[6] ?? 0 };
};

/** Sums a capture for the server's port. */
export function measurePort(capture: Buffer, port: number): PortTraffic {
	const flows = { toServer: { packets: 0, bytes: 0, payload: 0 }, toClient: { packets: 0, bytes: 0, payload: 0 } };
	const opened = new Set<string>();
	let bytesAt1500 = 0;
	for (const segment of segments(capture)) {
		if (segment.sourcePort !== port && segment.destinationPort !== port) continue;
		const flow = segment.destinationPort === port ? flows.toServer : flows.toClient;
		const payload = segment.length - segment.headers;
		flow.packets += 1;
		flow.bytes += segment.length;
		flow.payload += payload;
		bytesAt1500 += payload + segment.headers * Math.max(1, Math.ceil(payload / (1500 - segment.headers)));
		if (segment.syn && !segment.ack) opened.add(`${segment.sourcePort} ${segment.sequence}`);
	}
	return { connections: opened.size, ...flows, bytesAt1500 };
}
