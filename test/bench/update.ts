/** Topic 1: how fast an update streams through TLS, hash and flash, beside a C program and beside command-line tools. */
import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { buildRuntime } from "../../targets/host/tools/runtime";
import { RdfmServer } from "../servers/rdfm/server";
import { buildProgram } from "./native";
import { type Certificates, makeCertificates, Peers, suites } from "./peers";
import { run, runJSON } from "./processes";
import type { Context, Outcome, Section } from "./section";
import { describeShare, least, median, medianRatio, type Share, shareOf } from "./statistics";
import { copyFlash, deviceType, firmware, largePartitions, mac, makeFlashFile, mebibyte, Subject, versions } from "./subject";
import { decimals, type Goal, type Table } from "./table";

const packageBytes = 64 * mebibyte;
const transports = ["tcp", "tls"] as const;
type Transport = (typeof transports)[number];

/** Seconds. */
interface Sample {
	readonly wall: number;
	readonly cpu: number;
}

interface DeviceSample extends Sample {
	/** The slot is verified after the last byte: hashed once more, as the bootloader does. */
	readonly verification: Sample;
}

interface Turns {
	readonly device: DeviceSample[];
	readonly c: Sample[];
	readonly tools: Sample[];
	/** curl alone, into nothing: what the server can do. */
	readonly server: Sample[];
}

interface Bench {
	readonly context: Context;
	readonly peers: Peers;
	readonly certificates: Certificates;
	readonly runtime: string;
	readonly template: string;
	readonly program: string;
	readonly image: Buffer;
}

/** A flash whose device has its key and is known to the server, so that every run begins with the update. */
async function introduce(bench: Omit<Bench, "template">, server: RdfmServer): Promise<string> {
	const { context, runtime, certificates } = bench;
	const flash = makeFlashFile(context.workspace.path("template.flash"), await firmware(versions.old), largePartitions);
	const subject = new Subject({ runtime, flash, url: server.url, ca: certificates.ca });
	await server.waitForPending(mac, 60_000);
	server.approve(mac);
	await subject.line(/checked in/);
	await subject.device.cutPower();
	return flash;
}

async function measureDevice({ context, runtime, template, certificates }: Bench, server: RdfmServer): Promise<DeviceSample> {
	const flash = copyFlash(template, context.workspace.path("device.flash"));
	const subject = new Subject({ runtime, flash, url: server.url, ca: certificates.ca });
	try {
		const begun = await subject.line(/^update: downloading/);
		const received = await subject.line(/^update: \d+ bytes received/);
		const verified = await subject.line(/^update: verified/);
		const between = (from: typeof begun, to: typeof begun): Sample => ({
			wall: (to.ticks - from.ticks) / 1000,
			cpu: to.cpu - from.cpu,
		});
		return { ...between(begun, received), verification: between(received, verified) };
	} finally {
		await subject.device.cutPower();
		rmSync(flash, { force: true });
	}
}

interface Printed {
	readonly wall: number;
	readonly cpu: number;
	readonly suite: string;
	readonly sha256: string;
}

async function measureC(
	{ context, peers, certificates, program, image }: Bench,
	transport: Transport,
): Promise<Sample & { suite: string }> {
	const file = context.workspace.path("c.bin");
	const port = String(transport === "tls" ? peers.https : peers.http);
	const printed = await runJSON<Printed>(program, [
		"127.0.0.1",
		port,
		"/package",
		file,
		transport === "tls" ? certificates.ca : "-",
	]);
	rmSync(file);
	if (printed.sha256 !== createHash("sha256").update(image).digest("hex"))
		throw new Error("the C program received something else");
	return { wall: printed.wall / 1e6, cpu: printed.cpu / 1e6, suite: printed.suite };
}

/** A pipeline's time as bash tells it: real, user and system seconds of all its programs. */
async function measurePipeline({ peers, certificates }: Bench, transport: Transport, rest: string): Promise<Sample> {
	const url = transport === "tls" ? `https://127.0.0.1:${peers.https}/package` : `http://127.0.0.1:${peers.http}/package`;
	const pipeline = `curl --silent --show-error --fail --cacert ${certificates.ca} ${url} ${rest}`;
	const script = `set -o pipefail; TIMEFORMAT="%R %U %S"; { time { ${pipeline} > /dev/null; } ; } 2>&1`;
	const [wall = 0, user = 0, system = 0] = (await run("bash", ["-c", script])).trim().split(" ").map(Number);
	if (!(wall > 0)) throw new Error("the pipeline failed");
	return { wall, cpu: user + system };
}

async function measureTransport(bench: Bench, server: RdfmServer, transport: Transport): Promise<Turns> {
	const { context } = bench;
	const turns: Turns = { device: [], c: [], tools: [], server: [] };
	const file = context.workspace.path("tools.bin");
	for (let turn = 0; turn < (context.quick ? 2 : 6); turn++) {
		context.progress(`update over ${transport}, turn ${turn + 1}`);
		turns.device.push(await measureDevice(bench, server));
		turns.c.push(await measureC(bench, transport));
		turns.tools.push(await measurePipeline(bench, transport, `| tee ${file} | sha256sum`));
		turns.server.push(await measurePipeline(bench, transport, ""));
		rmSync(file);
	}
	return turns;
}

const rate = (seconds: number): number => packageBytes / 1e6 / seconds;
const wallOf = (samples: readonly Sample[]): number[] => samples.map(({ wall }) => wall);
const cpuOf = (samples: readonly Sample[]): number[] => samples.map(({ cpu }) => cpu);

function rows(transport: Transport, turns: Turns): string[][] {
	const row = (name: string, samples: readonly Sample[]): string[] => [
		name,
		transport,
		decimals(rate(median(wallOf(samples))), 1),
		decimals(rate(least(wallOf(samples))), 1),
		decimals(median(wallOf(samples)), 3),
		decimals(median(cpuOf(samples)), 3),
		decimals(least(wallOf(turns.c)) / least(wallOf(samples))),
		decimals(medianRatio(cpuOf(turns.c), cpuOf(samples))),
	];
	return [
		row("device: download, hash, flash", turns.device),
		row("(b) C program", turns.c),
		row("(a) curl | tee | sha256sum", turns.tools),
		row("server alone (curl to nothing)", turns.server),
		row(
			"device: verification of the slot",
			turns.device.map(({ verification }) => verification),
		),
	];
}

/** The C program waits for nothing: the server is ten times as fast. */
const shareIn = ({ c }: Turns): Share => shareOf(cpuOf(c), wallOf(c));

function goalOf(transport: Transport, turns: Turns): Goal {
	const { device, c } = turns;
	const { quiet, measure } = shareIn(turns);
	return {
		name: `update over ${transport}: C's ${measure} to the device's`,
		measured: quiet ? least(wallOf(c)) / least(wallOf(device)) : medianRatio(cpuOf(c), cpuOf(device)),
		limit: 0.8,
		bound: "at least",
		unit: "",
	};
}

export const update: Section = async (context): Promise<Outcome> => {
	const { workspace, progress } = context;
	progress("building firmware and programs");
	const runtime = await buildRuntime({ bits: 64, mode: "release" });
	const program = buildProgram("bench-update");
	const image = await firmware(versions.new, packageBytes);
	const file = workspace.path("package.bin");
	writeFileSync(file, image);
	const certificates = await makeCertificates(workspace);
	const peers = await Peers.start(file, certificates);
	const server = new RdfmServer();
	const results: Record<Transport, Turns> = {
		tcp: { device: [], c: [], tools: [], server: [] },
		tls: { device: [], c: [], tools: [], server: [] },
	};
	try {
		await server.start({});
		const common = { context, peers, certificates, runtime, program, image };
		const bench: Bench = { ...common, template: await introduce(common, server) };
		server.addPackage(image, { "rdfm.hardware.devtype": deviceType, "rdfm.software.version": versions.new });
		server.assign(mac, `exact_match,${versions.new}`);
		for (const transport of transports) {
			const isTLS = transport === "tls";
			const { keyPEM: key, chainPEM: cert } = certificates.ec;
			await server.stop();
			await server.start({
				...(isTLS ? { tls: { key, cert } } : {}),
				link: { port: isTLS ? peers.https : peers.http },
			});
			results[transport] = await measureTransport(bench, server, transport);
		}
	} finally {
		await server.stop();
		peers.stop();
	}
	const table: Table = {
		title: `Update of a package of ${packageBytes / mebibyte} MiB, 64-bit release build`,
		method: `medians of ${results.tls.device.length} turns; ${workspace.kind}; one server process (Node) for all, TLS 1.2 with ${suites.split(":")[0]}`,
		head: ["what", "over", "MB/s", "best MB/s", "seconds", "CPU s", "best to C's", "C's CPU to its"],
		rows: transports.flatMap((transport) => rows(transport, results[transport])),
		notes: [
			"best: the fastest turn, which other processes disturb least.",
			...transports.map((transport) => `over ${transport}: ${describeShare(shareIn(results[transport]))}`),
			'device: from its log, "downloading" to "bytes received"; connection and full handshake included, as in (b) and (a).',
			"(b) reads, hashes with PSA and writes a file in blocks of 4 KiB; the device hashes and programs a NOR flash model that is a mapped file.",
		],
	};
	return { tables: [table], goals: transports.map((transport) => goalOf(transport, results[transport])), data: results };
};
