import { FleetlingError } from "fleetling/error/error";
import type { ArtifactHeader } from "./header";
import { matches } from "./provides";
import { verifySignature } from "./signature";

/**
 * What an artifact may be although nobody has signed it: payloads of one type and no files, that change nothing of what the device
 * provides but under names of their own, so that no dependency of a signed artifact can be met by it. Each is a
 * pattern in which "*" stands for any characters.
 */
export interface Excuse {
	readonly type: string;
	/** The artifact's name. */
	readonly names: string;
	readonly provides: string;
}

/**
 * Whether the artifact may be trusted as far as it has been read.
 *
 * With keys, the manifest must be signed by one of them before anything behind it is even looked at. The signature covers
 * the manifest, the manifest covers version, header and every payload file by SHA-256, and each of those is verified
 * before it takes effect. What the format lets others add after signing (manifest-augment with header-augment and more
 * payload files) is covered by nothing: with keys an artifact that has it is refused, because whoever sends it could add
 * files, dependencies and payload types at will.
 */
export class Seal {
	readonly #keys: readonly string[];
	readonly #excuse: Excuse | undefined;
	#digest: ArrayBuffer | undefined;
	#signed = false;

	constructor(keys: readonly string[], excuse?: Excuse) {
		this.#keys = keys;
		this.#excuse = excuse;
	}

	/** The manifest has this SHA-256. */
	manifest(digest: ArrayBuffer): void {
		this.#digest = digest;
	}

	/** The member manifest.sig. Without keys there is nothing to verify it with, and it is as if it were not there. */
	signature(text: Uint8Array): void {
		if (this.#keys.length === 0 || this.#digest === undefined) return;
		verifySignature(this.#keys, this.#digest, text);
		this.#signed = true;
	}

	/** Before anything that the manifest is to vouch for. */
	need(): void {
		if (this.#keys.length > 0 && !this.#signed)
			throw new FleetlingError(
				"artifact.unsigned",
				"the artifact is not signed and this device has a key to verify signatures with; sign it with mender-artifact sign",
			);
	}

	/** Before the header, which tells whether there is an excuse: it is read with the same bounds then, and nothing follows from it before `judge`. */
	needForHeader(): void {
		if (this.#excuse === undefined) this.need();
	}

	/** After the header, before anything that is done because of it. */
	judge(header: ArtifactHeader, files: number): void {
		if (this.#excuse === undefined || files > 0 || !isExcused(header, this.#excuse)) this.need();
	}

	/** Before what no manifest vouches for. */
	needNone(): void {
		this.need();
		if (this.#keys.length > 0)
			throw new FleetlingError(
				"artifact.unsigned",
				"the artifact has an augmented part, which no signature covers, and this device takes signed artifacts only; write it without --augment options",
			);
	}
}

function isExcused({ types, name, provides, payloads }: ArtifactHeader, excuse: Excuse): boolean {
	const own = Object.keys(provides).every((key) => key === "artifact_name") && matches(excuse.names, name);
	const changes = payloads.every(({ provides: added, clears }) => {
		// An artifact that says nothing of what it clears clears everything.
		const names = clears === undefined ? undefined : [...Object.keys(added), ...clears];
		return names?.every((each) => matches(excuse.provides, each)) ?? false;
	});
	return own && changes && types.every((type) => type === excuse.type);
}
