/** TCP segments of a capture with what they carry, and what their headers would be without the timestamp option. */

export interface Packet {
	/** "address:port" of the client's end: one for each connection. */
	readonly connection: string;
	readonly toServer: boolean;
	readonly sequence: number;
	/** Bytes of the IP and TCP headers, and what is left of them without timestamps. */
	readonly headers: number;
	readonly plainHeaders: number;
	readonly payload: Buffer;
	readonly kind: "opening" | "data" | "acknowledgement" | "closing";
}

const fileHeader = 24;
const recordHeader = 16;
const ethernetHeader = 14;
const flags = { fin: 1, syn: 2, rst: 4 } as const;
const timestampOption = 8;

/** Length of TCP options when timestamps, and what pads them, are left out: a multiple of four. */
function optionsWithoutTimestamps(options: Buffer): number {
	let length = 0;
	for (let at = 0; at < options.length; ) {
		const kind = options[at] ?? 0;
		if (kind === 0) break;
		const size = kind === 1 ? 1 : Math.max(2, options[at + 1] ?? 2);
		if (kind !== 1 && kind !== timestampOption) length += size;
		at += size;
	}
	return Math.ceil(length / 4) * 4;
}

function kindOf(bits: number, payload: number): Packet["kind"] {
	if (bits & flags.syn) return "opening";
	if (payload > 0) return "data";
	return bits & (flags.fin | flags.rst) ? "closing" : "acknowledgement";
}

/** IPv4 on an Ethernet-like link in a little-endian pcap file: what tcpdump writes of loopback here. */
export function packetsOf(capture: Buffer, port: number): readonly Packet[] {
	const packets: Packet[] = [];
	for (let at = fileHeader; at + recordHeader <= capture.length; ) {
		const captured = capture.readUInt32LE(at + 8);
		const ip = capture.subarray(at + recordHeader + ethernetHeader, at + recordHeader + captured);
		at += recordHeader + captured;
		const ipHeader = ((ip[0] ?? 0) & 15) * 4;
		const tcp = ip.subarray(ipHeader, ip.readUInt16BE(2));
		const tcpHeader = ((tcp[12] ?? 0) >> 4) * 4;
		const [source, destination] = [tcp.readUInt16BE(0), tcp.readUInt16BE(2)];
		if (source !== port && destination !== port) continue;
		const payload = tcp.subarray(tcpHeader);
		packets.push({
			connection: String(destination === port ? source : destination),
			toServer: destination === port,
			sequence: tcp.readUInt32BE(4),
			headers: ipHeader + tcpHeader,
			plainHeaders: ipHeader + 20 + optionsWithoutTimestamps(tcp.subarray(20, tcpHeader)),
			payload,
			kind: kindOf(tcp[13] ?? 0, payload.length),
		});
	}
	return packets;
}
