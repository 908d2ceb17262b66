import { FleetlingError } from "fleetling/error/error";
import type { Installed, Installer } from "./installer";

/** Takes a package apart while it streams by, and hands its payloads to installers. */
export interface PackageReader {
	/** The next bytes of the package, valid until it returns. The first are a full block unless the package is shorter. */
	write(bytes: Uint8Array): void;
	/** After the last byte, once the hash of the whole package is known to be right. */
	finish(): Installed;
	/** Idempotent, and without effect after `finish`. */
	abort(): void;
}

export interface ReaderContext {
	/** Bytes of the whole package, where the server tells it. */
	readonly size: number | undefined;
	installer(type: string): Installer;
}

/** A form of package. */
export interface ReaderKind {
	/** For texts, e.g. "ESP application image". */
	readonly name: string;
	/** Whether a package that begins so is of this form. */
	recognises(head: Uint8Array): boolean;
	open(context: ReaderContext): PackageReader;
}

/** The reader for a package that begins with `head`. */
export function readerFor(kinds: readonly ReaderKind[], head: Uint8Array): ReaderKind {
	const kind = kinds.find((candidate) => candidate.recognises(head));
	if (kind === undefined)
		throw new FleetlingError(
			"update.unknown-package",
			`the package is none of: ${kinds.map((candidate) => candidate.name).join(", ")}; check what was uploaded to the server`,
		);
	return kind;
}
