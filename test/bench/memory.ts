/** Topic 2: memory of the whole cycle on the 32-bit build, whose slots are those of the chip. */
import { readFileSync, rmSync } from "node:fs";
import { buildRuntime, type Variant, variantName } from "../../targets/host/tools/runtime";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { type MemoryPeaks, runCycle } from "./cycle";
import { buildPreload } from "./native";
import { type Certificates, makeCertificates } from "./peers";
import type { Context, Outcome, Section } from "./section";
import { limits, type Smallest, searchSmallest } from "./smallest";
import { firmware, largePartitions, mebibyte, versions } from "./subject";
import { type Goal, type Table, whole } from "./table";

const sizes = [1, 64] as const;
const release: Variant = { bits: 32, mode: "release" };
const debug: Variant = { bits: 32, mode: "debug" };

/** Peaks move a little with the moment at which garbage is collected. */
const sameSize = 1_024;
const longestBlock = 1_000;

/** What a whole cycle takes. */
export interface CyclePeaks extends MemoryPeaks {
	/** Bytes of the C heap at the peak, beyond what is there before the firmware's own code runs. */
	readonly nativeHeap: number;
}

interface Measured extends CyclePeaks {
	readonly build: string;
	readonly mebibytes: number;
	readonly management: boolean;
}

/** Three numbers of 64 bits for each boot: live, base, peak (native/heap.c). */
const heapRecord = { size: 24, peak: 16 } as const;

function heapPeak(path: string): number {
	const bytes = readFileSync(path);
	let peak = 0;
	for (let at = 0; at + heapRecord.size <= bytes.length; at += heapRecord.size)
		peak = Math.max(peak, Number(bytes.readBigInt64LE(at + heapRecord.peak)));
	return peak;
}

export interface PackageToMeasure {
	readonly variant: Variant;
	/** An image of `versions.new`, or an artifact that holds one. */
	readonly bytes: Buffer;
	readonly artifactKeys?: string;
	readonly management?: boolean;
}

/** A whole cycle on the 32-bit build, in a flash with large slots. */
export async function measureCycle(
	{ workspace }: Context,
	certificates: Certificates,
	what: PackageToMeasure,
): Promise<CyclePeaks> {
	const heap = workspace.path("heap");
	rmSync(heap, { force: true });
	const { variant, bytes, artifactKeys, management = false } = what;
	const peaks = await runCycle({
		runtime: await buildRuntime(variant),
		flash: workspace.path("cycle.flash"),
		partitions: largePartitions,
		old: await firmware(versions.old),
		new: bytes,
		certificates,
		environment: { LD_PRELOAD: buildPreload(32), BENCH_HEAP: heap },
		...(artifactKeys === undefined ? {} : { artifactKeys }),
		management,
	});
	return { ...peaks, nativeHeap: heapPeak(heap) };
}

interface Case {
	readonly variant: Variant;
	readonly mebibytes: number;
	readonly management: boolean;
}

async function measureOnce(context: Context, certificates: Certificates, what: Case): Promise<Measured> {
	const { variant, mebibytes, management } = what;
	const build = variantName(variant);
	context.progress(`whole cycle with ${mebibytes} MiB (${build})`);
	const bytes = await firmware(versions.new, mebibytes * mebibyte);
	return { ...(await measureCycle(context, certificates, { variant, bytes, management })), build, mebibytes, management };
}

/** The larger of all memory figures; of the longest job the shorter, because other processes only ever make it longer. */
function worst(one: Measured, other: Measured): Measured {
	const larger = (key: "slots" | "chunks" | "stack" | "used" | "nativeHeap"): number => Math.max(one[key], other[key]);
	return {
		...one,
		slots: larger("slots"),
		chunks: larger("chunks"),
		stack: larger("stack"),
		used: larger("used"),
		nativeHeap: larger("nativeHeap"),
		longestBlock: Math.min(one.longestBlock, other.longestBlock),
	};
}

async function measure(context: Context, certificates: Certificates, what: Case): Promise<Measured> {
	const first = await measureOnce(context, certificates, what);
	if (context.quick || what.variant !== release) return first;
	return worst(first, await measureOnce(context, certificates, what));
}

const machine = ({ slots, chunks, stack }: Measured): number => slots + chunks + stack;

function goalsOf(small: Measured, large: Measured, managed: Measured, smallest: Smallest): readonly Goal[] {
	const least = smallest.bytes ?? Number.POSITIVE_INFINITY;
	const bytes = { bound: "at most", unit: "bytes" } as const;
	return [
		{ name: "XS memory of the whole cycle, 32-bit release", measured: least, limit: limits.goal, ...bytes },
		{ name: "the same: what it must run in", measured: least, limit: limits.must, ...bytes },
		{ name: "block used with the management link open", measured: managed.used, limit: limits.must, ...bytes },
		{ name: "XS memory at 64 MiB beyond that at 1 MiB", measured: machine(large) - machine(small), limit: sameSize, ...bytes },
		{ name: "longest job, package of 64 MiB", measured: large.longestBlock, limit: longestBlock, bound: "at most", unit: "ms" },
	];
}

const row = (measured: Measured): string[] => {
	const { build, mebibytes, management, slots, chunks, stack, used, limit, nativeHeap, longestBlock: longest } = measured;
	return [
		build,
		`${mebibytes} MiB`,
		management ? "on" : "off",
		...[slots, chunks, stack, used, limit, nativeHeap, longest].map(whole),
	];
};

export const memory: Section = async (context): Promise<Outcome> => {
	if (!has32BitLibraries())
		return {
			skipped: "the 32-bit libraries are missing: apt-get install gcc-multilib libmbedtls-dev:i386",
			tables: [],
			goals: [],
			data: {},
		};
	const certificates = await makeCertificates(context.workspace);
	const measured: Measured[] = [];
	const smallest: Smallest[] = [];
	for (const variant of [release, debug]) {
		for (const management of [false, true])
			for (const mebibytes of sizes) measured.push(await measure(context, certificates, { variant, mebibytes, management }));
		if (variant === release || !context.quick) smallest.push(await searchSmallest(context, certificates, variant));
	}
	const [small, large, , managed] = measured;
	const [least] = smallest;
	if (!small || !large || !managed || !least) throw new Error("the release build was not measured");
	const tables: readonly Table[] = [
		{
			title: "Memory of the whole cycle: boot, key, approval, check, update, trial, confirmation",
			method: "peaks of all boots over TLS, as the runtime reports them; bytes, in slots of 16 as on the chip",
			head: ["build", "package", "management", "slots", "chunks", "stack", "block used", "of", "C heap", "longest job ms"],
			rows: measured.map(row),
			notes: [
				'"block used": how much of creation.static was ever taken, the whole stack included.',
				'"C heap": Mbed TLS, keys and buffers, counted by a library before malloc, from the begin of the event loop; the TLS buffers of the host are 33 KB, those of a device 9.',
				'"longest job": time without a turn of the event loop; with a large package that is the verification of the slot.',
			],
		},
		{
			title: "Smallest creation.static that completes the whole cycle, management off",
			method: "firmware built with another limit, in steps of 4 KiB downwards",
			head: ["build", "bytes", "with 4 KiB less"],
			rows: smallest.map(({ build, bytes, below }) => [
				build,
				bytes === undefined ? `more than ${whole(limits.must)}` : whole(bytes),
				below,
			]),
		},
	];
	return { tables, goals: goalsOf(small, large, managed, least), data: { measured, smallest } };
};
