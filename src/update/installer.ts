import { FleetlingError } from "fleetling/error/error";
import type { Slots } from "./slots";

/** One file inside a package. */
export interface Payload {
	/** Which installer it is for, e.g. "esp32-image". */
	readonly type: string;
	/** Bytes, where the package or the server tells it. */
	readonly size: number | undefined;
	/** Name of the file, where the package has names. */
	readonly name?: string;
	/** What the package tells whoever installs the payload, e.g. an artifact's meta-data. */
	readonly metaData?: Readonly<Record<string, unknown>>;
}

/** What a package changes in what the device provides: names such as "artifact_name" or "rootfs-image.version". */
export interface ProvidesChange {
	readonly provides: Readonly<Record<string, string>>;
	/** Patterns ("*" stands for any characters) of the names that go before those of `provides` come. */
	readonly clears: readonly string[];
}

/** What an installer leaves behind. Nothing of it is in use yet. */
export interface Installed {
	readonly version: string;
	/** Label of the slot that holds it; "" when it is in none. */
	readonly slot: string;
	/** Whether it is in use as soon as `activate` returns: nothing to restart for. */
	readonly immediate?: boolean;
	/** What the device can say of itself once this is confirmed. */
	readonly change?: ProvidesChange;
	/** Puts it to use from the next restart on, or at once where it is `immediate`. */
	activate(): void;
	/** Takes `activate` back, where what is immediate can be: before `commit`, and before a restart. */
	revert?(): void;
	/** What is immediate is to stay: lets go of what `revert` needs. */
	commit?(): void;
	/** Nothing comes of it: lets go of what waits to be put to use. Idempotent; after `commit` and `revert` without effect. */
	discard?(): void;
}

/** Puts one payload where it belongs. Refuses before it has written anything, if it can. */
export interface Installer {
	/** Whether its payload must be the only one in its package: another could not be rolled back together with it. */
	readonly alone?: boolean;
	/**
	 * What the package says of the payload, before the first file of it and without a name or a size: all that there is of one
	 * that needs no file. Artifacts only.
	 */
	describe?(payload: Payload): void;
	/** The first block of the payload or of a file of it, to look at: it is handed to `write` afterwards. */
	begin(payload: Payload, head: Uint8Array): void;
	/** The next bytes of the payload, valid until it returns. */
	write(bytes: Uint8Array): void;
	/** The file under way is complete and its checksum right; another may begin. Without this a payload is one file. */
	endFile?(): void;
	/** Ends writing and validates what was written. */
	finish(): Installed;
	/** Undoes what can be undone; idempotent, and without effect after `finish`. */
	abort(): void;
}

/** Makes the installer for a payload type. An image goes into `slots`, which goes on with one that was interrupted. */
export type InstallerKinds = Readonly<Record<string, (slots: Slots) => Installer>>;

export function installerFor(kinds: InstallerKinds, type: string, slots: Slots): Installer {
	const make = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
	if (make === undefined)
		throw new FleetlingError(
			"update.unknown-payload",
			`the package holds a payload of type "${type}"; this firmware installs ${Object.keys(kinds).join(", ")}`,
		);
	return make(slots);
}
