/** Firmware images of the current sources. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeImage } from "../image/image";
import { makeArchive } from "./archive";
import { type Resolved, resolveManifests } from "./manifest";
import { root } from "./paths";
import { compileScripts } from "./scripts";

/** What a faulty firmware does once it runs; see test/firmware. */
export const faults = ["none", "crash", "hang", "offline"] as const;
export type Fault = (typeof faults)[number];

export const projectName = "fleetling";

export interface FirmwareOptions {
	readonly version: string;
	readonly fault?: Fault;
	/** Grows the image to about this many bytes with a segment of data that does not compress. */
	readonly padTo?: number;
	readonly chipId?: number;
	/** Values of the build, as arguments of mcconfig would be. */
	readonly config?: Readonly<Record<string, unknown>>;
}

export const packageVersion = (): string =>
	(JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;

function sources(fault: Fault): Resolved {
	const resolved = resolveManifests([join(root, "manifest.json")]);
	if (fault === "none") return resolved;
	// A faulty firmware has another composition root in the place of src/main.ts.
	const modules = new Map(resolved.modules).set("main", join(root, `test/firmware/${fault}.ts`));
	return {
		...resolved,
		modules,
		natives: resolved.natives,
		preload: resolved.preload,
		creation: resolved.creation,
		config: resolved.config,
		manifests: resolved.manifests,
	};
}

/** Bytes without a pattern that are the same every time, so that images of one version are alike. */
function padding(length: number): Buffer {
	const bytes = Buffer.alloc(length);
	for (let i = 0, state = 0x2545f491; i + 4 <= length; i += 4) {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		bytes.writeInt32LE(state, i);
	}
	return bytes;
}

/** An ESP application image whose segments hold the description and the modules. */
export async function makeFirmware({ version, fault = "none", padTo, chipId, config = {} }: FirmwareOptions): Promise<Buffer> {
	await compileScripts();
	const archive = makeArchive(sources(fault), { config });
	const image = (segments: readonly { readonly data: Buffer }[]): Buffer =>
		makeImage({ version, projectName, segments, ...(chipId === undefined ? {} : { chipId }) });
	const small = image([{ data: archive }]);
	return padTo !== undefined && padTo > small.length
		? image([{ data: archive }, { data: padding((padTo - small.length) & ~15) }])
		: small;
}
