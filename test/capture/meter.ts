/** Wire bytes of a server's port on loopback, by the best method that this machine allows, and which one that was. */
import { CountingProxy } from "./counted";
import { measurePort } from "./pcap";
import { Tcpdump } from "./tcpdump";

/** Ways to measure, best first. */
export type Method = "tcpdump" | "proxy+tcp_info" | "proxy+estimate";

/** What was measured, IP and TCP headers included, both directions. */
export interface WireReport {
	readonly method: Method;
	/** True if every packet was seen. */
	readonly exact: boolean;
	/** One sentence on how the figures came about, for tables and logs. */
	readonly explanation: string;
	readonly connections: number;
	readonly packets: number;
	readonly bytes: number;
	readonly payload: number;
	/** Bytes with packets of at most 1,500; only a capture tells. */
	readonly bytesAt1500: number | undefined;
}

/** A measurement that is running. */
export interface Meter {
	/** The port that clients have to connect to: the server's own with a capture, a proxy's otherwise. */
	readonly port: number;
	readonly stop: () => Promise<WireReport>;
}

/**
 * Starts measuring a server's port. Without a `method` tcpdump is tried first; it needs the Debian package and root.
 * With `method: "tcpdump"` its absence is an error.
 */
export async function startMeter(port: number, method: "auto" | "tcpdump" | "proxy" = "auto"): Promise<Meter> {
	if (method === "proxy") return countingMeter(port, "asked for");
	try {
		return await captureMeter(port);
	} catch (error) {
		if (method === "tcpdump") throw error;
		return countingMeter(port, (error as Error).message);
	}
}

async function captureMeter(port: number): Promise<Meter> {
	const tcpdump = await Tcpdump.start(port);
	const stop = async (): Promise<WireReport> => {
		const { bytes: capture, dropped } = await tcpdump.stop();
		const { connections, toServer, toClient, bytesAt1500 } = measurePort(capture, port);
		const loss = dropped > 0 ? `, ${dropped} packets lost by the kernel` : "";
		return {
			method: "tcpdump",
			exact: dropped === 0,
			explanation: `captured by tcpdump on lo, IP lengths of every packet${loss}`,
			connections,
			packets: toServer.packets + toClient.packets,
			bytes: toServer.bytes + toClient.bytes,
			payload: toServer.payload + toClient.payload,
			bytesAt1500,
		};
	};
	return { port, stop };
}

async function countingMeter(port: number, reason: string): Promise<Meter> {
	const counting = await CountingProxy.start(port);
	const stop = async (): Promise<WireReport> => {
		const { measured, ...traffic } = await counting.stop();
		const segments = measured ? "segments from the kernel's TCP_INFO" : "segments estimated, two for each piece of data";
		return {
			method: measured ? "proxy+tcp_info" : "proxy+estimate",
			exact: false,
			explanation: `payload counted in a proxy, ${segments}, headers added for each (no capture: ${reason})`,
			...traffic,
			bytesAt1500: undefined,
		};
	};
	return { port: counting.port, stop };
}
