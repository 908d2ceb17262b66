import { FleetlingError } from "fleetling/error/error";

/** One file inside a package. */
export interface Payload {
	/** Which installer it is for, e.g. "esp32-image". */
	readonly type: string;
	/** Bytes, where the package or the server tells it. */
	readonly size: number | undefined;
}

/** What an installer leaves behind. Nothing of it is in use yet. */
export interface Installed {
	readonly version: string;
	/** Label of the slot that holds it. */
	readonly slot: string;
	/** Puts it to use from the next restart on. */
	activate(): void;
}

/** Puts one payload where it belongs. Refuses before it has written anything, if it can. */
export interface Installer {
	/** The first block of the payload, to look at: it is handed to `write` afterwards. */
	begin(payload: Payload, head: Uint8Array): void;
	/** The next bytes of the payload, valid until it returns. */
	write(bytes: Uint8Array): void;
	/** Ends writing and validates what was written. */
	finish(): Installed;
	/** Undoes what can be undone; idempotent, and without effect after `finish`. */
	abort(): void;
}

/** Makes the installer for a payload type. */
export type InstallerKinds = Readonly<Record<string, () => Installer>>;

export function installerFor(kinds: InstallerKinds, type: string): Installer {
	const make = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
	if (make === undefined)
		throw new FleetlingError(
			"update.unknown-payload",
			`the package holds a payload of type "${type}"; this firmware installs ${Object.keys(kinds).join(", ")}`,
		);
	return make();
}
