import { FleetlingError } from "fleetling/error/error";
import type { Installed, Installer, InstallerKinds } from "./installer";

/**
 * Takes a package apart while it streams by, and hands its payloads to installers.
 *
 * A reader does not know of interruptions: it gets every byte of the package, in order. After a cut connection it waits
 * where it was. After a restart there is a new one, and what the old one had put into the slot is fed to it from there,
 * as far as it stands in the package as it stands in the slot: that is what `payloadStart` is for.
 */
export interface PackageReader {
	/**
	 * Where in the package the bytes begin that go into the slot one for one, once an installer is about to be begun with
	 * them. Undefined for a payload that is stored in another form than it is transferred (compressed, in pieces), and in a
	 * reader that leaves it out: such a download begins afresh after a restart.
	 */
	readonly payloadStart?: number | undefined;
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

/** What packages may look like, and what may be in them. */
export interface PackageForms {
	readonly readers: readonly ReaderKind[];
	readonly installers: InstallerKinds;
}

/** The same form of package, which cannot be signed, on a device that takes what is signed only. */
export function refused({ name, recognises }: ReaderKind): ReaderKind {
	const open = (): never => {
		throw new FleetlingError(
			"artifact.unsigned",
			`the package is an ${name}, which cannot be signed, and this device has a key to verify signatures with; put it into a signed artifact`,
		);
	};
	return { name: `${name} (refused: unsigned)`, recognises, open };
}

/** The same form of package, which is its payload and nothing else. */
export function verbatim(kind: ReaderKind): ReaderKind {
	return {
		name: kind.name,
		recognises: (head) => kind.recognises(head),
		open: (context) => new Verbatim(kind.open(context)),
	};
}

class Verbatim implements PackageReader {
	readonly payloadStart = 0;
	readonly #reader: PackageReader;

	constructor(reader: PackageReader) {
		this.#reader = reader;
	}

	write(bytes: Uint8Array): void {
		this.#reader.write(bytes);
	}

	finish(): Installed {
		return this.#reader.finish();
	}

	abort(): void {
		this.#reader.abort();
	}
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
