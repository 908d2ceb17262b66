/**
 * Wire bytes without a capture: a proxy counts payload, the kernel's TCP_INFO (as `ss` prints it) counts segments, and each
 * segment is given its headers. Where `ss` is missing, segments are estimated from the pieces in which data passed.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Direction } from "../servers/proxy/handshakes";
import { type ProxyConnection, TcpProxy } from "../servers/proxy/proxy";

const run = promisify(execFile);

/** IPv4 and TCP headers of an ordinary segment, without and with the timestamp option; and of a SYN with Linux's options. */
const headers = { plain: 40, timestamps: 52, syn: 60 } as const;

/**
 * Segments still to come when the first side has ended. If that was the client, its FIN has been counted: ours and its ACK
 * remain. If it was the server, our FIN, the client's ACK and FIN (mostly in one), and our ACK remain.
 */
const closingSegments: Readonly<Record<Direction, number>> = { toServer: 2, toClient: 3 };

/** Of the opening, TCP_INFO of an accepted socket counts SYN and ACK but not SYN-ACK. */
const uncounted = 1;
/** SYN and SYN-ACK have longer headers than the rest. */
const synSegments = 2;

interface Counted {
	readonly segments: number;
	readonly header: number;
	readonly measured: boolean;
}

/** What was counted. */
export interface CountedTraffic {
	readonly connections: number;
	readonly packets: number;
	readonly bytes: number;
	readonly payload: number;
	/** True if every connection's segments came from the kernel. */
	readonly measured: boolean;
}

/** A counting proxy before a port. */
export class CountingProxy {
	readonly #counted = new Map<number, Counted>();
	#proxy: TcpProxy | undefined;

	/** Starts a proxy before the server's port. */
	static async start(port: number): Promise<CountingProxy> {
		const counting = new CountingProxy();
		counting.#proxy = await TcpProxy.start({
			target: { port },
			beforeEnd: (connection, first) => counting.#count(connection, first),
		});
		return counting;
	}

	/** The port that clients connect to instead. */
	get port(): number {
		return this.#proxy?.port ?? 0;
	}

	/** Ends counting, connections that are still open included. */
	async stop(): Promise<CountedTraffic> {
		const proxy = this.#proxy;
		if (!proxy) throw new Error("the counting proxy has been stopped already");
		this.#proxy = undefined;
		for (const connection of proxy.connections) {
			if (!this.#counted.has(connection.id)) await this.#count(connection, undefined, proxy.port);
		}
		const { connections } = proxy;
		await proxy.stop();
		const rows = connections.map((connection) => {
			const { segments, header } = this.#counted.get(connection.id) ?? estimate(connection);
			const payload = connection.toServer + connection.toClient;
			const packets = segments + uncounted;
			return { packets, payload, bytes: payload + (packets - synSegments) * header + synSegments * headers.syn };
		});
		const sum = (key: "packets" | "payload" | "bytes"): number => rows.reduce((total, row) => total + row[key], 0);
		return {
			connections: rows.length,
			packets: sum("packets"),
			payload: sum("payload"),
			bytes: sum("bytes"),
			measured: [...this.#counted.values()].every(({ measured }) => measured),
		};
	}

	async #count(connection: ProxyConnection, first: Direction | undefined, port = this.port): Promise<void> {
		const closing = first ? closingSegments[first] : 0;
		const kernel = await tcpInfo(port, connection.clientPort);
		this.#counted.set(connection.id, kernel ? { ...kernel, segments: kernel.segments + closing } : estimate(connection));
	}
}

/** Every piece a segment and its acknowledgement, two packets of the opening, and the closing. */
const estimate = ({ pieces }: ProxyConnection): Counted => ({
	segments: 2 * pieces + 2 + 3,
	header: headers.timestamps,
	measured: false,
});

/** Segments of an open connection, from the kernel. Undefined where `ss` cannot be run or does not know the connection. */
async function tcpInfo(port: number, peer: number): Promise<Counted | undefined> {
	try {
		const { stdout } = await run("ss", ["-tinoH", `sport = :${port} and dport = :${peer}`]);
		const field = (name: string): number => Number(new RegExp(`\\b${name}:(\\d+)`).exec(stdout)?.[1] ?? 0);
		const segments = field("segs_out") + field("segs_in");
		if (segments === 0) return undefined;
		return { segments, header: /\bts\b/.test(stdout) ? headers.timestamps : headers.plain, measured: true };
	} catch {
		return undefined;
	}
}
