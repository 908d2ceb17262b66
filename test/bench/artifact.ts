/** What a signed artifact costs beside the raw image that it holds, and a compressed one: throughput and memory, in turns. */
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeImage } from "../../targets/host/image/image";
import { makeArchive } from "../../targets/host/tools/archive";
import { projectName } from "../../targets/host/tools/firmware";
import { resolveManifests } from "../../targets/host/tools/manifest";
import { root } from "../../targets/host/tools/paths";
import { buildRuntime } from "../../targets/host/tools/runtime";
import { compileScripts } from "../../targets/host/tools/scripts";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { ecKey } from "../artifacts/keys";
import { writeArtifact } from "../artifacts/writer";
import { RdfmServer } from "../servers/rdfm/server";
import { type CyclePeaks, measureCycle } from "./memory";
import { buildAccelerator } from "./native";
import { type Certificates, makeCertificates, Peers } from "./peers";
import type { Context, Outcome, Section } from "./section";
import { describeShare, least, median, type Share, shareOf } from "./statistics";
import { copyFlash, deviceType, firmware, largePartitions, mac, makeFlashFile, mebibyte, Subject, versions } from "./subject";
import { decimals, type Goal, type Table, whole } from "./table";

/** Of the image, whatever it is packed in. */
const imageBytes = 16 * mebibyte;
/** An artifact may be worse than the raw image by this factor, in time and in memory. */
const tolerance = 1.1;

const forms = ["raw image", "signed artifact (P-256)", "gzip, signed (P-256)"] as const;
type Form = (typeof forms)[number];
const [raw, signed] = forms;

/**
 * A line that is twice as fast as what an ESP32's Wi-Fi carries (ESP-IDF's own figure for TCP in air is 20 Mbit/s): what a
 * device's user sees of an artifact is the time over such a line, not the processor's alone.
 */
const lineRate = 5_000_000;

/**
 * Two ways to hash: by the library's C, and by the processor's own instructions, which is what a chip's accelerator is to
 * ESP-IDF's build of the library. An artifact is hashed twice, so it is the cost of a hash that decides.
 */
const engines = ["in C", "by instructions"] as const;
type Engine = (typeof engines)[number];
const hasInstructions = (): boolean => / sha_ni /.test(readFileSync("/proc/cpuinfo", "utf8"));

interface Package {
	readonly bytes: Buffer;
	/** Of the device, which takes nothing else then. */
	readonly artifactKeys?: string;
}

/** Seconds: of the stream until its last byte, and until it is verified, which hashes the slot once more. */
interface Sample {
	readonly wall: number;
	readonly cpu: number;
	readonly wallVerified: number;
	readonly cpuVerified: number;
}

/** A firmware with data of which about half compresses, as half of a firmware does. */
async function largeImage(): Promise<Buffer> {
	await compileScripts();
	const archive = makeArchive(resolveManifests([join(root, "manifest.json")]));
	const data = Buffer.alloc(imageBytes - archive.length, "the same words again, as code and texts have them. ");
	const noise = 2048;
	for (let at = 0; at + noise <= data.length; at += 2 * noise) randomBytes(noise).copy(data, at);
	return makeImage({ version: versions.new, projectName, segments: [{ data: archive }, { data }] });
}

async function makePackages({ workspace }: Context): Promise<Readonly<Record<Form, Package>>> {
	const content = await largeImage();
	const key = ecKey();
	const artifactKeys = workspace.path("artifact-keys.pem");
	writeFileSync(artifactKeys, key.publicPEM);
	const pack = (compression: "none" | "gzip"): Package => {
		const payloads = [{ type: "rootfs-image", files: [{ name: "firmware.bin", content }] }];
		return { bytes: writeArtifact({ name: "bench", deviceTypes: [deviceType], payloads, compression, key }), artifactKeys };
	};
	return { [raw]: { bytes: content }, [signed]: pack("none"), [forms[2]]: pack("gzip") };
}

interface Bench {
	readonly context: Context;
	readonly certificates: Certificates;
	readonly runtime: string;
	readonly packages: Readonly<Record<Form, Package>>;
	/** Libraries to be loaded first, for each engine there is. */
	readonly engines: Readonly<Partial<Record<Engine, string>>>;
}

/** A flash whose device has its key and is known to the server. */
async function introduce({ context, certificates, runtime }: Bench, server: RdfmServer): Promise<string> {
	const flash = makeFlashFile(context.workspace.path("template.flash"), await firmware(versions.old), largePartitions);
	const subject = new Subject({ runtime, flash, url: server.url, ca: certificates.ca });
	await server.waitForPending(mac, 60_000);
	server.approve(mac);
	await subject.line(/checked in/);
	await subject.device.cutPower();
	return flash;
}

/** One server for each form: it has one package, which a process of its own serves. */
class Stage {
	readonly #bench: Bench;
	readonly #package: Package;
	readonly #rate: number | undefined;
	readonly #server = new RdfmServer();
	#peers: Peers | undefined;
	#template = "";

	constructor(bench: Bench, offered: Package, rate?: number) {
		this.#bench = bench;
		this.#package = offered;
		this.#rate = rate;
	}

	async start(): Promise<void> {
		const { context, certificates } = this.#bench;
		const file = context.workspace.path("package");
		writeFileSync(file, this.#package.bytes);
		this.#peers = await Peers.start(file, certificates, this.#rate);
		const { keyPEM: key, chainPEM: cert } = certificates.ec;
		await this.#server.start({ tls: { key, cert }, link: { port: this.#peers.https } });
		const template = await introduce(this.#bench, this.#server);
		this.#template = copyFlash(template, context.workspace.path(`template-${this.#peers.https}.flash`));
		this.#server.addPackage(this.#package.bytes, {
			"rdfm.hardware.devtype": deviceType,
			"rdfm.software.version": versions.new,
		});
		this.#server.assign(mac, `exact_match,${versions.new}`);
	}

	async measure(engine: Engine): Promise<Sample> {
		const { engines, context, certificates, runtime } = this.#bench;
		const flash = copyFlash(this.#template, context.workspace.path("device.flash"));
		const { artifactKeys } = this.#package;
		const environment = { LD_PRELOAD: engines[engine] ?? "" };
		const options = { runtime, flash, url: this.#server.url, ca: certificates.ca, environment };
		const subject = new Subject({ ...options, ...(artifactKeys !== undefined && { artifactKeys }) });
		try {
			const begun = await subject.line(/^update: downloading/);
			const received = await subject.line(/^update: \d+ bytes received/);
			const verified = await subject.line(/^update: verified/);
			return {
				wall: (received.ticks - begun.ticks) / 1000,
				cpu: received.cpu - begun.cpu,
				wallVerified: (verified.ticks - begun.ticks) / 1000,
				cpuVerified: verified.cpu - begun.cpu,
			};
		} finally {
			await subject.device.cutPower();
			rmSync(flash, { force: true });
		}
	}

	async stop(): Promise<void> {
		this.#peers?.stop();
		await this.#server.stop();
		rmSync(this.#template, { force: true });
	}
}

type Turns = Readonly<Record<Form, Sample[]>>;
type Samples = Readonly<Partial<Record<Engine, Turns>>>;
/** Of each form the peaks, or why it did not come through. */
type Peaks = Readonly<Record<Form, CyclePeaks | string>>;

async function measureTime(bench: Bench): Promise<Samples> {
	const { context, packages } = bench;
	const stages: Stage[] = [];
	const samples: Partial<Record<Engine, Turns>> = {};
	try {
		for (const form of forms) {
			const stage = new Stage(bench, packages[form]);
			stages.push(stage);
			await stage.start();
		}
		for (let turn = 0; turn < (context.quick ? 3 : 8); turn++)
			for (const engine of engines.filter((known) => bench.engines[known] !== undefined)) {
				const turns = samples[engine] ?? { [raw]: [], [signed]: [], [forms[2]]: [] };
				samples[engine] = turns;
				for (const [at, form] of forms.entries()) {
					context.progress(`${form}, hashed ${engine}, turn ${turn + 1}`);
					const sample = await stages[at]?.measure(engine);
					if (sample) turns[form].push(sample);
				}
			}
	} finally {
		for (const stage of stages) await stage.stop();
	}
	return samples;
}

/** In turns, over a line of a device's speed. */
async function measureLine(bench: Bench): Promise<Turns> {
	const { context, packages } = bench;
	const turns: Turns = { [raw]: [], [signed]: [], [forms[2]]: [] };
	const stages = forms.map((form) => new Stage(bench, packages[form], lineRate));
	try {
		for (const stage of stages) await stage.start();
		for (let turn = 0; turn < (context.quick ? 1 : 3); turn++)
			for (const [at, form] of forms.entries()) {
				context.progress(`${form} at ${lineRate / 1e6} MB/s, turn ${turn + 1}`);
				const sample = await stages[at]?.measure("in C");
				if (sample) turns[form].push(sample);
			}
	} finally {
		for (const stage of stages) await stage.stop();
	}
	return turns;
}

async function measureMemory({ context, certificates, packages }: Bench): Promise<Peaks | undefined> {
	if (!has32BitLibraries()) return undefined;
	const measure = async (form: Form): Promise<CyclePeaks | string> => {
		context.progress(`memory of ${form} (32-release)`);
		try {
			return await measureCycle(context, certificates, { variant: { bits: 32, mode: "release" }, ...packages[form] });
		} catch (error) {
			return (error as Error).message.split("\n")[0] ?? "";
		}
	};
	const peaks: Partial<Record<Form, CyclePeaks | string>> = {};
	for (const form of forms) peaks[form] = await measure(form);
	return peaks as Peaks;
}

const most = { limit: tolerance, bound: "at most", unit: "" } as const;
const of = (samples: readonly Sample[], key: keyof Sample): number[] => samples.map((sample) => sample[key]);
const rate = (seconds: number): number => imageBytes / 1e6 / seconds;

/** Best to best: other processes only ever make a program slower, and its CPU time longer. */
const ratio = (turns: Turns, form: Form, key: keyof Sample): number => least(of(turns[form], key)) / least(of(turns[raw], key));

function timeTable({ context, packages }: Bench, how: string, turns: Turns): Table {
	const row = (form: Form): string[] => [
		form,
		whole(packages[form].bytes.length),
		...(["wall", "cpu", "wallVerified", "cpuVerified"] as const).flatMap((key) => {
			const own = of(turns[form], key);
			const isRate = key.startsWith("wall");
			const shown = isRate ? [median(own), least(own)].map(rate) : [median(own), least(own)];
			return [...shown.map((value) => decimals(value, isRate ? 1 : 3)), decimals(ratio(turns, form, key))];
		}),
	];
	return {
		title: `The same image of ${imageBytes / mebibyte} MiB raw, in a signed artifact and in a compressed one, ${how}`,
		method: `64-bit release build, over TLS, in turns, medians of ${turns[raw].length}; ${context.workspace.kind}; MB/s of image`,
		head: [
			...["what", "bytes", "MB/s", "best", "time to raw", "CPU s", "best", "to raw"],
			...["verified: MB/s", "best", "time to raw", "CPU s", "best", "to raw"],
		],
		rows: forms.map(row),
		notes: [
			'From the log: "downloading" to "bytes received"; "verified": the same with the check of the whole slot, which follows. To raw: best to best.',
			...(how.startsWith("over") ? [] : [describeShare(shareIn(turns))]),
		],
	};
}

function memoryTable(peaks: Peaks): Table {
	return {
		title: "Memory of the whole cycle with each of them, 32-bit release build",
		method: "peaks of all boots, bytes; as in the topic memory",
		head: ["what", "slots", "chunks", "stack", "block used", "of", "C heap", "cycle"],
		rows: forms.map((form) => {
			const found = peaks[form];
			if (typeof found === "string") return [form, "-", "-", "-", "-", "-", "-", found];
			const { slots, chunks, stack, used, limit, nativeHeap } = found;
			return [form, ...[slots, chunks, stack, used, limit, nativeHeap].map(whole), "completed"];
		}),
	};
}

/** Infinite when one of them does not come through. */
function memoryRatio(peaks: Peaks): number {
	const [one, other] = [peaks[signed], peaks[raw]];
	return typeof one === "string" || typeof other === "string" ? Number.POSITIVE_INFINITY : one.used / other.used;
}

const shareIn = (turns: Turns): Share => shareOf(of(turns[raw], "cpu"), of(turns[raw], "wall"));

/** The processor's part is shown and not judged: a second hash of the payload is a second hash (DESIGN.md says what each is for). */
function lineGoals(turns: Turns): readonly Goal[] {
	const goal = (until: string, key: keyof Sample): Goal => ({
		name: `at ${lineRate / 1e6} MB/s: signed artifact's time to the raw image's, until ${until}`,
		measured: ratio(turns, signed, key),
		...most,
	});
	return [goal("received", "wall"), goal("verified", "wallVerified")];
}

export const artifact: Section = async (context): Promise<Outcome> => {
	context.progress("building firmware and artifacts");
	const bench: Bench = {
		context,
		certificates: await makeCertificates(context.workspace),
		runtime: await buildRuntime({ bits: 64, mode: "release" }),
		packages: await makePackages(context),
		engines: { "in C": "", ...(hasInstructions() && { "by instructions": buildAccelerator() }) },
	};
	const samples = await measureTime(bench);
	const line = await measureLine(bench);
	const peaks = await measureMemory(bench);
	const times = Object.entries(samples) as [Engine, Turns][];
	return {
		tables: [
			...times.map(([engine, turns]) => timeTable(bench, `as fast as it goes, hashed ${engine}`, turns)),
			timeTable(bench, `over a line of ${lineRate / 1e6} MB/s`, line),
			...(peaks ? [memoryTable(peaks)] : []),
		],
		goals: [
			...lineGoals(line),
			...(peaks ? [{ name: "signed artifact's XS memory to the raw image's", measured: memoryRatio(peaks), ...most }] : []),
		],
		data: { samples, line, peaks },
	};
};
