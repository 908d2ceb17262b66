import { FleetlingError } from "fleetling/error/error";
import { verifySignature } from "./signature";

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
	#digest: ArrayBuffer | undefined;
	#signed = false;

	constructor(keys: readonly string[]) {
		this.#keys = keys;
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
