/** One whole cycle of a device: boot, key, approval, check, update, trial, confirmation, and an idle poll after it. */
import { rmSync } from "node:fs";
import type { DeviceEvent } from "../../targets/host/tools/hostdevice";
import { RdfmServer } from "../servers/rdfm/server";
import type { Certificates } from "./peers";
import { deviceType, mac, makeFlashFile, Subject, versions } from "./subject";

export interface CycleOptions {
	readonly runtime: string;
	/** Path of the flash file, which is made and removed. */
	readonly flash: string;
	readonly partitions: string;
	readonly old: Buffer;
	/** What is offered: an image of `versions.new`, or an artifact that holds one. */
	readonly new: Buffer;
	/** Path of the public keys that it has to be signed by. */
	readonly artifactKeys?: string;
	/** Whether the device keeps its management link. */
	readonly management?: boolean;
	readonly certificates: Certificates;
	readonly environment?: Readonly<Record<string, string>>;
}

/** Peaks of all boots, in bytes; the longest time without a turn of the event loop in milliseconds. */
export interface MemoryPeaks {
	readonly slots: number;
	readonly chunks: number;
	readonly stack: number;
	readonly used: number;
	readonly limit: number;
	readonly longestBlock: number;
}

const figures = ["slots", "chunks", "stack", "used", "limit", "longestBlock"] as const;

function peaksOf(events: readonly DeviceEvent[]): MemoryPeaks {
	const reports = events.filter(({ event }) => event === "memory");
	const peak = (name: (typeof figures)[number]): number => Math.max(...reports.map((report) => Number(report[name])));
	return Object.fromEntries(figures.map((name) => [name, peak(name)])) as unknown as MemoryPeaks;
}

/** The runtime reports once a second, while its figures change. */
const reportPause = 1_200;
const stepTimeout = 90_000;

/**
 * Runs the cycle. Rejects when it does not come to its end; a panic, of want of memory for instance, is told in the first
 * line of the error.
 */
export async function runCycle(options: CycleOptions): Promise<MemoryPeaks> {
	const { certificates, flash, runtime, environment, artifactKeys, management = false } = options;
	const server = new RdfmServer();
	const { keyPEM: key, chainPEM: cert } = certificates.ec;
	await server.start({ tls: { key, cert } });
	let failed: (error: Error) => void = () => undefined;
	const panic = new Promise<never>((_, reject) => {
		failed = reject;
	});
	const subject = new Subject({
		runtime,
		flash: makeFlashFile(flash, options.old, options.partitions),
		url: server.url,
		ca: certificates.ca,
		...(environment === undefined ? {} : { environment }),
		...(artifactKeys === undefined ? {} : { artifactKeys }),
		management,
		onEvent: ({ event, why, text }) => {
			if (event === "panic") failed(new Error(`panic: ${String(why)} ${String(text)}`));
		},
	});
	try {
		await Promise.race([panic, lead(subject, server, options.new)]);
		return peaksOf(subject.device.events);
	} finally {
		await subject.device.cutPower();
		await server.stop();
		rmSync(flash, { force: true });
	}
}

async function lead({ device }: Subject, server: RdfmServer, offered: Buffer): Promise<void> {
	await server.waitForPending(mac, stepTimeout);
	server.approve(mac);
	await server.log.until(({ route, status }) => route === "check" && status === 204, stepTimeout);
	server.addPackage(offered, { "rdfm.hardware.devtype": deviceType, "rdfm.software.version": versions.new });
	server.assign(mac, `exact_match,${versions.new}`);
	await device.until("the new version", ({ version }) => version === versions.new, stepTimeout);
	await device.until("its confirmation", ({ confirmed }) => confirmed, stepTimeout);
	await server.log.next(({ route, status }) => route === "check" && status === 204, stepTimeout);
	await new Promise((resolve) => setTimeout(resolve, reportPause));
}
