import { FleetlingError } from "fleetling/error/error";
import Hex from "hex";
import { artifactLimits as limits } from "./limits";
import { quoted } from "./quoted";

/** A file that a manifest lists. */
export interface Checksum {
	readonly name: string;
	/** 64 lower-case hexadecimal digits. */
	readonly sha256: string;
	/** From manifest-augment, which no signature covers. */
	readonly augmented: boolean;
}

/** What the manifests of an artifact list, and what of it has turned up. */
export class Checksums {
	readonly #expected: Checksum[] = [];
	/** Files of payloads. */
	#files = 0;

	/** Bounded here, because each costs memory until it has turned up. */
	add(checksum: Checksum): void {
		if (checksum.name.startsWith("data/") && ++this.#files > limits.files)
			throw new FleetlingError("artifact.too-large", `the artifact has more than ${limits.files} files; split it`);
		if (this.lists(checksum.name))
			throw new FleetlingError(
				"artifact.bad-manifest",
				`the manifest lists ${quoted(checksum.name)} twice; write the artifact again`,
			);
		this.#expected.push(checksum);
	}

	/** Whether `name` is listed and has not turned up. */
	lists(name: string): boolean {
		return this.#expected.some((checksum) => checksum.name === name);
	}

	/** Listed files that have not turned up, and whose name begins so. */
	starting(prefix: string): readonly Checksum[] {
		return this.#expected.filter(({ name }) => name.startsWith(prefix));
	}

	/** Before a file is read: it must be listed, and come once. */
	expect(name: string): void {
		if (this.lists(name)) return;
		throw new FleetlingError(
			"artifact.not-in-manifest",
			`the artifact holds ${quoted(name)}, which its manifest does not list or which came before; write the artifact again`,
		);
	}

	/** A file has turned up with this hash. */
	verify(name: string, digest: ArrayBuffer): void {
		this.expect(name);
		const at = this.#expected.findIndex((checksum) => checksum.name === name);
		const actual = Hex.toString(digest).toLowerCase();
		const expected = this.#expected[at]?.sha256;
		if (actual !== expected)
			throw new FleetlingError(
				"artifact.wrong-checksum",
				`${quoted(name)} of the artifact has SHA-256 ${actual} and its manifest says ${expected}; upload the artifact again`,
			);
		this.#expected.splice(at, 1);
	}

	/** Throws when something that is listed has not turned up. */
	finish(): void {
		const [missing] = this.#expected;
		if (missing !== undefined)
			throw new FleetlingError(
				"artifact.missing-file",
				`the artifact lacks ${quoted(missing.name)}, which its manifest lists; write the artifact again`,
			);
	}
}
