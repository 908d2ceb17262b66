/** Where an update that nothing disturbs can be disturbed: found in a recording of it. */
import type { Direction } from "../servers/proxy/handshakes";

export interface FaultPlace {
	readonly name: string;
	readonly direction: Direction;
	/** Byte of the connection, from 0, before which it happens. */
	readonly byte: number;
}

/** What has passed between a device and the server. */
export interface Recording {
	readonly toServer: Buffer;
	readonly toClient: Buffer;
}

const places = (direction: Direction, named: readonly (readonly [name: string, byte: number])[]): FaultPlace[] =>
	named.filter(([, byte]) => byte >= 0).map(([name, byte]) => ({ name, direction, byte }));

/** At every so many percent of what the server sends. */
export function percents({ toClient }: Recording, every: number): FaultPlace[] {
	const count = Math.floor(100 / every);
	return places(
		"toClient",
		Array.from({ length: count }, (_, index) => {
			const percent = index * every;
			return [`${percent} %`, Math.floor((toClient.length * percent) / 100)] as const;
		}),
	);
}

/** The ends and insides of request, head and body, for plain HTTP. */
function ofMessages({ toServer, toClient }: Recording): FaultPlace[] {
	const head = toClient.indexOf("\r\n\r\n") + 4;
	const status = toClient.indexOf("\r\n");
	return [
		...places("toServer", [
			["before the request", 0],
			["in the request line", 5],
			["in the request's fields", Math.floor(toServer.length / 2)],
			["before the request's last byte", toServer.length - 1],
		]),
		...places("toClient", [
			["before the answer", 0],
			["in the status line", 10],
			["at the end of the status line", status],
			["in the answer's fields", Math.floor((status + head) / 2)],
			["in the head's last line end", head - 1],
			["before the body", head],
			["after the body's first byte", head + 1],
			["before the last byte", toClient.length - 1],
		]),
	];
}

/** The framing around a few chunks: of the first ones, one in the middle, and the last. */
function ofChunks({ toClient }: Recording): FaultPlace[] {
	const starts: { readonly line: number; readonly data: number; readonly end: number }[] = [];
	for (let at = toClient.indexOf("\r\n\r\n") + 4; at < toClient.length; ) {
		const line = toClient.indexOf("\r\n", at);
		const size = Number.parseInt(toClient.toString("latin1", at, line), 16);
		starts.push({ line: at, data: line + 2, end: line + 2 + size });
		at = line + 2 + size + 2;
	}
	const wanted = [0, 1, Math.floor(starts.length / 2), starts.length - 2, starts.length - 1];
	return wanted.flatMap((index) => {
		const chunk = starts[index];
		if (!chunk) return [];
		const { line, data, end } = chunk;
		return places("toClient", [
			[`before chunk ${index}`, line],
			[`in the size of chunk ${index}`, line + 1],
			[`in the line end of chunk ${index}'s size`, data - 1],
			[`before the data of chunk ${index}`, data],
			[`after the data of chunk ${index}`, end],
			[`in the line end of chunk ${index}`, end + 1],
		]);
	});
}

/** The records of a TLS handshake, and the first and last that follow. */
function ofRecords(bytes: Buffer, direction: Direction): FaultPlace[] {
	const records: { readonly at: number; readonly size: number; readonly type: number }[] = [];
	for (let at = 0; at + 5 <= bytes.length; ) {
		const size = bytes.readUInt16BE(at + 3);
		records.push({ at, size, type: bytes[at] ?? 0 });
		at += 5 + size;
	}
	const firstData = records.findIndex(({ type }) => type === 23);
	const wanted = [...records.keys()].filter((index) => index <= firstData + 1 || index === records.length - 1);
	return wanted.flatMap((index) => {
		const record = records[index];
		if (!record) return [];
		const name = `${direction === "toClient" ? "the server's" : "the device's"} record ${index} of type ${record.type}`;
		return places(direction, [
			[`before ${name}`, record.at],
			[`in the head of ${name}`, record.at + 3],
			[`before what is in ${name}`, record.at + 5],
			[`in the middle of ${name}`, record.at + 5 + Math.floor(record.size / 2)],
			[`before the last byte of ${name}`, record.at + 4 + record.size],
		]);
	});
}

export type Protocol = "length" | "chunks" | "tls";

export function boundaries(protocol: Protocol, recording: Recording): FaultPlace[] {
	if (protocol === "tls") return [...ofRecords(recording.toServer, "toServer"), ...ofRecords(recording.toClient, "toClient")];
	return protocol === "chunks" ? [...ofMessages(recording), ...ofChunks(recording)] : ofMessages(recording);
}
