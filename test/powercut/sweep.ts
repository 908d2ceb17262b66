/**
 * Cuts the power at flash operations of a complete update and lets the device finish: whatever is cut, a slot boots, only whole
 * images run, and the update ends.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodePartitions, findPartition, tableLength, tableOffset } from "../../targets/host/image/partitions";
import { type Fault, makeFirmware } from "../../targets/host/tools/firmware";
import { flashDevice, HostDevice } from "../../targets/host/tools/hostdevice";
import { RdfmServer } from "../servers/rdfm/server";

export type CutMode = "before" | "torn" | "after";
export const cutModes: readonly CutMode[] = ["before", "torn", "after"];

export interface Cut {
	/** Flash operation since the device was switched on, from 1. */
	readonly operation: number;
	readonly mode: CutMode;
	/** Chooses how a torn operation tears. */
	readonly seed: number;
}

/** One life of a device: power goes at each cut in turn, then stays. */
export type Scenario = readonly Cut[];

export const describeCut = ({ operation, mode, seed }: Cut): string => `${operation}:${mode}${mode === "torn" ? `:${seed}` : ""}`;

const mac = "02:f1:ee:70:00:02";
const deviceType = "powercut";
const [oldVersion, newVersion] = ["1.0.0", "1.1.0"] as const;
/** Milliseconds for the device to end the update after the last cut: three trials of a few seconds each, and slow machines. */
const settleTimeout = 60_000;
/** What the process ends with when the power goes (HOST_FLASH_CUT_EXIT). */
const cutExit = 75;
/** What a power cut may cost of a download. */
const resumeStep = 65_536;
/** What has come and is on its way into flash when the power goes. */
const blockBytes = 4096;

export interface SweepOptions {
	readonly runtime: string;
	/** The new firmware's fault: with one, the update has to end rolled back. */
	readonly fault?: Fault;
}

const images = new Map<string, Promise<Buffer>>();

/** Made once: the sources may change during a long sweep, and the runtime does not. */
function firmwareOf(version: string, fault: Fault = "none"): Promise<Buffer> {
	const key = `${version} ${fault}`;
	const image = images.get(key) ?? makeFirmware({ version, fault });
	images.set(key, image);
	return image;
}

/** Makes the firmwares that sweeps with these faults need. */
export async function makeImages(faults: readonly Fault[]): Promise<void> {
	await firmwareOf(oldVersion);
	for (const fault of faults) await firmwareOf(newVersion, fault);
}

/** A server, and the flash of a device that it knows and is about to update. */
export class Sweep {
	readonly #options: SweepOptions;
	readonly #server = new RdfmServer();
	readonly #folder = mkdtempSync(join(tmpdir(), "fleetling-powercut-"));
	#count = 0;
	#images: Readonly<Record<string, Buffer>> = {};
	/** The most bytes of the package that any cut has made a device fetch again. */
	refetched = 0;

	private constructor(options: SweepOptions) {
		this.#options = options;
	}

	static async start(options: SweepOptions): Promise<Sweep> {
		const sweep = new Sweep(options);
		await sweep.#prepare();
		return sweep;
	}

	get #template(): string {
		return join(this.#folder, "template.flash");
	}

	async #prepare(): Promise<void> {
		const server = this.#server;
		await server.start({ autoApprove: true });
		const old = await firmwareOf(oldVersion);
		flashDevice(this.#template, old);
		const device = this.#device(this.#template);
		await Promise.race([
			server.log.until(({ route, status }) => route === "check" && status === 204, 60_000),
			device.done.then(({ output }) => Promise.reject(new Error(`the device did not start:\n${output}`))),
		]);
		await device.cutPower();
		const image = await firmwareOf(newVersion, this.#options.fault);
		this.#images = { [oldVersion]: old, [newVersion]: image };
		server.addPackage(image, { "rdfm.hardware.devtype": deviceType, "rdfm.software.version": newVersion });
		server.assign(mac, `exact_match,${newVersion}`);
	}

	#device(flash: string, cut?: Cut): HostDevice {
		return new HostDevice({
			runtime: this.#options.runtime,
			flash,
			mac,
			settings: { server: "rdfm", url: this.#server.url, deviceType, pollSeconds: "1", checkInSeconds: "10" },
			...(cut ? { arguments: ["--cut", describeCut(cut)] } : {}),
		});
	}

	/** Flash operations of an update that nothing disturbs. */
	async countOperations(): Promise<number> {
		const flash = this.#copy();
		const device = this.#device(flash);
		await device.until("the update", (running) => this.#ended(running), settleTimeout);
		// The figure comes once a second.
		await new Promise((done) => setTimeout(done, 1_500));
		await device.cutPower();
		rmSync(flash);
		const counts = device.events.map((event) => Number(event.operations ?? 0));
		return Math.max(...counts);
	}

	#copy(): string {
		const flash = join(this.#folder, `${this.#count++}.flash`);
		copyFileSync(this.#template, flash);
		return flash;
	}

	/** Whether the update has ended as it must. */
	#ended(device: HostDevice): boolean {
		const { version, confirmed, boots } = device;
		if (this.#options.fault === undefined || this.#options.fault === "none") return version === newVersion && confirmed;
		const settled = boots.at(-1);
		return settled?.version === oldVersion && /was rolled back|is not tried again|update\.known-bad/.test(device.output);
	}

	/** How many bytes, from the first on, of the new image are in the slot that takes it. */
	#written(flash: string): number {
		const image = this.#images[newVersion] ?? Buffer.alloc(0);
		const slot = slotOf(readFileSync(flash), "ota_1");
		// Blank flash at the end of what was written may be what the image has there, too.
		for (let at = 0; at < image.length; at += blockBytes)
			if (!slot.subarray(at, at + blockBytes).equals(image.subarray(at, at + blockBytes).subarray(0, slot.length - at)))
				return at;
		return image.length;
	}

	/** First bytes of the parts of the package that were asked for since there were `before` requests. */
	#starts(before: number): readonly number[] {
		const requests = this.#server.log.of("download").slice(before);
		return requests.map(({ headers }) => Number(/^bytes=(\d+)-/.exec(String(headers.range ?? ""))?.[1] ?? 0));
	}

	/** Whether the download went on where it had to after a cut at which `written` bytes were in the slot. */
	#resumed(written: number, before: number): string | undefined {
		const [start] = this.#starts(before);
		if (start === undefined) return undefined;
		const again = written - start;
		this.refetched = Math.max(this.refetched, again);
		if (again <= resumeStep + blockBytes) return undefined;
		return `${again} bytes were fetched again: ${written} were in the slot, and the download went on at ${start}`;
	}

	/** What runs in the end is, byte for byte, what it says it is. */
	#whole(flash: string, device: HostDevice): string | undefined {
		const { version, slot } = device.boots.at(-1) ?? { version: undefined, slot: undefined };
		const image = this.#images[String(version)];
		if (image === undefined) return `version ${String(version)} runs in the end`;
		return slotOf(readFileSync(flash), String(slot)).subarray(0, image.length).equals(image)
			? undefined
			: `${String(slot)} is damaged`;
	}

	/** What the device said of how it ended is what happened. */
	#told(log: string): string | undefined {
		const good = (this.#options.fault ?? "none") === "none";
		const confirmed =
			log.includes(`version ${newVersion} has checked in and is confirmed`) ||
			log.includes(`version ${newVersion} was confirmed`);
		if (confirmed !== good) return `the console ${confirmed ? "says" : "does not say"} that ${newVersion} was confirmed`;
		return good || log.includes(`version ${newVersion} was rolled back`)
			? undefined
			: "the console does not say that it was rolled back";
	}

	/** Lives through a scenario; returns what went wrong, or undefined. */
	async live(scenario: Scenario): Promise<string | undefined> {
		const flash = this.#copy();
		let log = "";
		let written = 0;
		let before = this.#server.log.of("download").length;
		try {
			for (const cut of scenario) {
				const device = this.#device(flash, cut);
				// The cut may lie behind the end of the update: then nothing happens at it.
				await Promise.race([
					device.done,
					device.until("the end", (running) => this.#ended(running), settleTimeout).catch(() => undefined),
				]);
				await device.cutPower();
				const { code, output } = await device.done;
				log += `--- power cut at ${describeCut(cut)}\n${output}`;
				const ended = code !== null && code !== cutExit ? `the runtime ended with ${code}` : undefined;
				const fault = faultOf(device) ?? ended ?? this.#resumed(written, before);
				if (fault) return `${fault}\n${log}`;
				written = this.#written(flash);
				before = this.#server.log.of("download").length;
			}
			const device = this.#device(flash);
			const problem = await device
				.until("the update ended", (running) => this.#ended(running), settleTimeout)
				// Flash knows it a moment before the console does.
				.then(() => device.until("the device said so", ({ output }) => this.#told(log + output) === undefined, settleTimeout))
				.then(
					() => undefined,
					(error: Error) => error.message,
				);
			await device.cutPower();
			log += `--- power back\n${device.output}`;
			const fault = faultOf(device) ?? problem ?? this.#resumed(written, before) ?? this.#whole(flash, device) ?? this.#told(log);
			return fault === undefined ? undefined : `${fault}\n${log}`;
		} finally {
			rmSync(flash, { force: true });
		}
	}

	async stop(): Promise<void> {
		await this.#server.stop();
		rmSync(this.#folder, { recursive: true, force: true });
	}
}

function slotOf(flash: Buffer, label: string): Buffer {
	const { offset, size } = findPartition(decodePartitions(flash.subarray(tableOffset, tableOffset + tableLength)), label);
	return flash.subarray(offset, offset + size);
}

/** What must never happen, whatever was cut. */
function faultOf(device: HostDevice): string | undefined {
	for (const event of device.events) {
		if (event.event === "unbootable") return "no slot could be booted";
		if (event.event === "halt") return `the device halted: ${String(event.reason)}`;
		if (event.event === "boot" && event.version !== oldVersion && event.version !== newVersion)
			return `a wrong image ran: ${String(event.version)}`;
		if (event.event === "panic" && !/on purpose/.test(String(event.text)))
			return `the firmware crashed: ${String(event.why)} ${String(event.text)}`;
	}
	return undefined;
}

/** Keeps the log of a failure. */
export function keepFailure(folder: string, scenario: Scenario, text: string): string {
	const path = join(folder, `powercut-${scenario.map(describeCut).join("-").replaceAll(":", "_")}.log`);
	writeFileSync(path, text);
	return path;
}
