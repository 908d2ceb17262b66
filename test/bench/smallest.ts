/** The smallest `creation.static`, in steps of 4 KiB, with which a device comes through a whole cycle. */
import { buildRuntime, type Variant, variantName } from "../../targets/host/tools/runtime";
import { runCycle } from "./cycle";
import type { Certificates } from "./peers";
import type { Context } from "./section";
import { limitedFirmware, versions } from "./subject";

/** Bytes that the XS machine is meant to run in, and those that it must run in. */
export const limits = { goal: 65_536, must: 98_304 } as const;
const step = 4_096;

export interface Smallest {
	readonly build: string;
	/** Undefined when not even the largest is enough. */
	readonly bytes: number | undefined;
	/** What happened with one step less. */
	readonly below: string;
}

/** Undefined when the cycle completes, otherwise why not. */
async function attempt(
	context: Context,
	certificates: Certificates,
	runtime: string,
	limit: number,
): Promise<string | undefined> {
	try {
		await runCycle({
			runtime,
			flash: context.workspace.path("search.flash"),
			partitions: "partitions.csv",
			old: await limitedFirmware(versions.old, limit),
			new: await limitedFirmware(versions.new, limit),
			certificates,
		});
		return undefined;
	} catch (error) {
		return (error as Error).message.split("\n")[0] ?? "";
	}
}

export async function searchSmallest(context: Context, certificates: Certificates, variant: Variant): Promise<Smallest> {
	const runtime = await buildRuntime(variant);
	const build = variantName(variant);
	const fits = (limit: number): Promise<string | undefined> => {
		context.progress(`whole cycle in ${limit} bytes (${build})`);
		return attempt(context, certificates, runtime, limit);
	};
	// Downwards from the goal; from what it must run in when the goal is missed.
	let below = await fits(limits.goal);
	let bytes: number | undefined = below === undefined ? limits.goal : undefined;
	if (below !== undefined) {
		const why = await fits(limits.must);
		if (why !== undefined) return { build, bytes: undefined, below: why };
		bytes = limits.must;
	}
	while (bytes !== undefined && bytes > step) {
		below = await fits(bytes - step);
		if (below !== undefined) break;
		bytes -= step;
	}
	return { build, bytes, below: below ?? "" };
}
