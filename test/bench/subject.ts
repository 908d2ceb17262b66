/** The device that is measured: its firmware, its flash, and what its console says when. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { makeImage } from "../../targets/host/image/image";
import { makeArchive } from "../../targets/host/tools/archive";
import { makeFirmware, projectName } from "../../targets/host/tools/firmware";
import { type DeviceEvent, flashDevice, HostDevice } from "../../targets/host/tools/hostdevice";
import { resolveManifests } from "../../targets/host/tools/manifest";
import { root } from "../../targets/host/tools/paths";
import { compileScripts } from "../../targets/host/tools/scripts";
import { RdfmServer } from "../servers/rdfm/server";
import { cpuSeconds, pin } from "./processes";

export const deviceType = "bench";
export const mac = "02:f1:ee:70:00:0b";
export const versions = { old: "1.0.0", new: "2.0.0" } as const;
export const mebibyte = 1 << 20;
/** Slots of 72 MiB. */
export const largePartitions = "partitions-large.csv";

export const firmware = (version: string, padTo?: number): Promise<Buffer> =>
	makeFirmware({ version, ...(padTo === undefined ? {} : { padTo }) });

/** The same firmware with another limit for the XS machine: makeFirmware takes that of the manifest. */
export async function limitedFirmware(version: string, bytes: number): Promise<Buffer> {
	await compileScripts();
	const resolved = resolveManifests([join(root, "manifest.json")]);
	const data = makeArchive(resolved, { creation: { static: bytes } });
	return makeImage({ version, projectName, segments: [{ data }] });
}

/** A line of the device's log. */
export interface LogLine {
	/** Milliseconds since the boot, by the device. */
	readonly ticks: number;
	readonly text: string;
	/** CPU seconds of the process when the line arrived here. */
	readonly cpu: number;
}

export interface SubjectOptions {
	readonly runtime: string;
	readonly flash: string;
	readonly url: string;
	readonly ca?: string;
	/** Path of the public keys that packages have to be signed by. */
	readonly artifactKeys?: string;
	readonly pollSeconds?: number;
	/** Whether it keeps its management link; what is measured elsewhere is updates and polls alone. */
	readonly management?: boolean;
	readonly mac?: string;
	readonly environment?: Readonly<Record<string, string>>;
	/** Hears every event of the runtime at once. */
	readonly onEvent?: (event: DeviceEvent) => void;
}

/** Devices are process groups of their own: none may outlive the benchmark, however it ends. */
const running = new Set<number>();
process.on("exit", () => {
	for (const pid of running) {
		try {
			process.kill(pid, "SIGKILL");
		} catch {
			// It has ended by itself.
		}
	}
});

const linePattern = /^[A-Z] \((\d+)\) (.*)$/;

/** A device with its log taken apart. */
export class Subject {
	readonly device: HostDevice;
	readonly lines: LogLine[] = [];
	#rest = "";

	constructor(options: SubjectOptions) {
		const { runtime, flash, url, ca, artifactKeys, pollSeconds = 1, management = false, environment, onEvent } = options;
		this.device = new HostDevice({
			runtime,
			flash,
			mac: options.mac ?? mac,
			settings: { server: "rdfm", url, deviceType, pollSeconds: String(pollSeconds), management: management ? "on" : "off" },
			files: { ...(ca !== undefined && { ca }), ...(artifactKeys !== undefined && { artifactKeys }) },
			...(environment === undefined ? {} : { environment }),
			...(onEvent === undefined ? {} : { onEvent }),
			onConsole: (text) => this.#hear(text),
		});
		const { pid } = this.device;
		running.add(pid);
		void this.device.done.finally(() => running.delete(pid));
		pin(pid, "measured");
	}

	/** The first line that matches, past or to come. */
	async line(pattern: RegExp, timeout = 60_000): Promise<LogLine> {
		const find = (): LogLine | undefined => this.lines.find(({ text }) => pattern.test(text));
		await this.device.until(`the log line ${pattern}`, () => find() !== undefined, timeout);
		const found = find();
		if (found === undefined) throw new Error(`the log line ${pattern} has gone`);
		return found;
	}

	#hear(text: string): void {
		const lines = (this.#rest + text).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) {
			const [, ticks, said] = linePattern.exec(line) ?? [];
			if (ticks === undefined || said === undefined) continue;
			this.lines.push({ ticks: Number(ticks), text: said, cpu: cpuSeconds(this.device.pid) });
		}
	}
}

/** Flashes a device and returns the path. */
export function makeFlashFile(path: string, image: Buffer, partitions: string): string {
	flashDevice(path, image, partitions);
	return path;
}

/**
 * Flash of a device that has made its key, which takes a second or more, and is not known to any server: the same for
 * everything that measures something else.
 */
export async function introducedFlash(path: string, runtime: string): Promise<string> {
	const server = new RdfmServer();
	await server.start({});
	makeFlashFile(path, await firmware(versions.old), "partitions.csv");
	const subject = new Subject({ runtime, flash: path, url: server.url });
	await server.waitForPending(mac, 60_000);
	await subject.device.cutPower();
	await server.stop();
	return path;
}

export function copyFlash(from: string, to: string): string {
	copyFileSync(from, to);
	return to;
}
