/** A device whose packages come through a proxy, and the requests for them: for tests that count bytes. */
import { setTimeout as pause } from "node:timers/promises";
import { TcpProxy } from "../servers/proxy/proxy";
import { validatorsOf } from "../servers/rdfm/storage";
import { Fleet, type FleetOptions } from "./fleet";

/** One block of the device: what of it has come when a connection breaks is lost. */
export const blockBytes = 4096;
/** More than any head of an answer to a request for a package. */
export const headBytes = 600;
/** What the largest step between two marks of progress in a slot can cost. */
export const markBytes = 65_536;

/**
 * The place next to that byte that lies in the middle between two marks. Close before a mark the bytes that have left the proxy and
 * not reached the device, more of them on a machine that has much to do, would count as fetched again from the mark before.
 */
export const betweenMarks = (byte: number): number => (Math.floor(byte / markBytes) + 0.5) * markBytes;

/** A request for a package as the server saw it. */
export interface PackageRequest {
	readonly status: number;
	/** First byte that was asked for. */
	readonly start: number;
	readonly ifRange: string | undefined;
}

/** Number of the package's bytes, e.g. 1.5 MB. */
export const largeImage = 1_500_000;

export class Downloads {
	readonly fleet: Fleet;
	readonly proxy: TcpProxy;

	private constructor(fleet: Fleet, proxy: TcpProxy) {
		this.fleet = fleet;
		this.proxy = proxy;
	}

	/** All offers lead through the proxy. */
	static async start(options: FleetOptions = {}): Promise<Downloads> {
		const fleet = await Fleet.start({ plain: true, ...options });
		const proxy = await TcpProxy.start({ target: { port: fleet.server.port } });
		const downloads = new Downloads(fleet, proxy);
		const { server } = fleet;
		server.faults.add(
			"check",
			{
				kind: "rewrite",
				change: (answer) => {
					if (answer.status !== 200) return answer;
					const offer = JSON.parse(Buffer.from(answer.body).toString()) as { uri: string };
					const uri = offer.uri.replace(`:${server.port}/`, `:${proxy.port}/`);
					const body = Buffer.from(JSON.stringify({ ...offer, uri }));
					return { ...answer, headers: { ...answer.headers, "Content-Length": String(body.length) }, body };
				},
			},
			{ times: Number.POSITIVE_INFINITY },
		);
		return downloads;
	}

	/**
	 * Lets the next transfer through slowly from that byte of it on, so that hardly anything is on its way between proxy and
	 * device when the power is cut: what is there is fetched again, but was never the device's.
	 */
	private slowFrom(byte: number, bytesPerSecond = 100_000): void {
		const last = this.proxy.connections.at(-1)?.id ?? 0;
		const connections = (id: number): boolean => id > last;
		this.proxy.disturb({ direction: "toClient", at: { byte }, action: { kind: "slow", bytesPerSecond }, connections });
	}

	/** Cuts the power when so many bytes of packages have passed; returns how many had. */
	async cutPowerAt(bytes: number): Promise<number> {
		this.slowFrom(Math.max(0, bytes - 30_000 - this.sent));
		await this.passed(bytes);
		await this.fleet.running.cutPower();
		return this.sent;
	}

	/** Bytes that the device was sent over the links to packages, heads included. */
	get sent(): number {
		return this.proxy.totals.toClient;
	}

	get requests(): readonly PackageRequest[] {
		return this.fleet.server.log.of("download").map(({ status, headers }) => ({
			status,
			start: Number(/^bytes=(\d+)-/.exec(String(headers.range ?? "bytes=0-"))?.[1]),
			ifRange: headers["if-range"] as string | undefined,
		}));
	}

	/** Waits until so many bytes of packages have passed. */
	async passed(bytes: number, timeout = 30_000): Promise<void> {
		const end = Date.now() + timeout;
		while (this.sent < bytes) {
			if (Date.now() > end) throw new Error(`${this.sent} of ${bytes} bytes within ${timeout} ms`);
			await pause(2);
		}
	}

	/** ETag of the package that was uploaded last. */
	get etag(): string {
		const last = this.fleet.server.packages.all().at(-1);
		if (!last) throw new Error("nothing was uploaded");
		return validatorsOf(last).etag;
	}

	/** Percents that the console has shown of a device, in order. */
	percents(output = this.fleet.running.output): readonly number[] {
		return [...output.matchAll(/download (\d+) %/g)].map((match) => Number(match[1]));
	}

	async stop(): Promise<void> {
		await this.fleet.stop();
		await this.proxy.stop();
	}
}
