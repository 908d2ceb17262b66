import { FleetlingError } from "fleetling/error/error";
import { limits } from "../common/deadlines";
import type { KeyValueStore } from "../common/device";
import type { TaggedLog } from "../common/log";
import type { ProvidesChange } from "./installer";
import { type Journal, KeyValueJournal } from "./journal";
import { type FailedPackage, type ImagePlace, type InstalledPackage, PackageMemory, type Provides } from "./memory";
import type { UpdateRecord } from "./record";

export interface LedgerOptions {
	/** Domain "update" of the device's key-value storage. */
	readonly store: KeyValueStore;
	readonly log: TaggedLog;
	/** Milliseconds since 1970. */
	readonly clock: () => number;
	/** Milliseconds since this boot, monotonic. */
	readonly ticks: () => number;
	/** Instead of one of its own over `store`. */
	readonly journal?: Journal | undefined;
}

/** A record whose stores have not been counted yet. */
export type Entry = Omit<UpdateRecord, "stores">;

/**
 * What updates leave in storage: the journal of the one under way and the memory of packages that are over.
 *
 * Two writes are conditions of the act that follows: `announce` and `announceAgain`, which throw. All others are good to
 * have but no reason to stop, let alone to undo, an update: when storage fails they are logged.
 */
export class Ledger {
	readonly #journal: Journal;
	readonly #memory: PackageMemory;
	readonly #log: TaggedLog;
	readonly #clock: () => number;
	readonly #ticks: () => number;
	/** By `ticks`, if it was in this boot. */
	#failedAt: number | undefined;
	/** The package that failed last, when there was no room to remember that: otherwise it would be fetched with every poll. */
	#unkept: FailedPackage | undefined;
	/** The record as it is in storage. */
	#stored: UpdateRecord | undefined;

	constructor({ store, log, clock, ticks, journal }: LedgerOptions) {
		this.#journal = journal ?? new KeyValueJournal(store);
		this.#memory = new PackageMemory(store);
		this.#log = log;
		this.#clock = clock;
		this.#ticks = ticks;
	}

	/** The package that failed last. */
	get failed(): FailedPackage | undefined {
		return this.#unkept ?? this.#memory.failed;
	}

	/** The package that runs. */
	get installed(): InstalledPackage | undefined {
		return this.#memory.installed;
	}

	/**
	 * Milliseconds since the last package failed: exactly, where that was in this boot, whatever has happened to the clock since
	 * (a device that has just been switched on gets the time from the network later). Otherwise by the clock, or the time the
	 * device has been on, since its clock may never have been set or may have been set back.
	 */
	get sinceFailure(): number {
		const ticks = this.#ticks();
		if (this.#failedAt !== undefined) return ticks - this.#failedAt;
		const { failed } = this;
		return failed === undefined ? ticks : Math.max(this.#clock() - failed.at, ticks);
	}

	/** Whether the update under way has been stored so often that it goes round in circles. */
	get looping(): boolean {
		return (this.#stored?.stores ?? 0) >= limits.stores;
	}

	/** The update under way. A record that cannot be read is reported, and the slots have to tell. */
	read(): UpdateRecord | undefined {
		try {
			const { record, torn } = this.#journal.read();
			if (torn !== undefined) this.#log.failure(torn, "warn");
			this.#stored = record;
			return record;
		} catch (error) {
			this.#log.failure(error);
			this.forget();
			return undefined;
		}
	}

	/** Before an act that must not happen unannounced. What has been announced already costs no write. */
	announce(entry: Entry): UpdateRecord {
		const stored = this.#stored;
		if (stored !== undefined && same(stored, entry)) return stored;
		return this.announceAgain(entry);
	}

	/**
	 * The same after a restart, which counts even if nothing has changed since: that is how a device notices that it goes
	 * round in circles. Throws `update.restart-loop` then.
	 */
	announceAgain(entry: Entry): UpdateRecord {
		const record = this.counted(entry);
		if (record.stores > limits.stores)
			throw new FleetlingError(
				"update.restart-loop",
				`update ${entry.id} was taken up ${limits.stores} times and got no further; offer another package and look for what restarts the device`,
			);
		this.#journal.write(record);
		this.#stored = record;
		return record;
	}

	note(entry: Entry): UpdateRecord {
		const record = this.counted(entry);
		this.store(() => this.#journal.write(record));
		this.#stored = record;
		return record;
	}

	/** No update is under way any more. */
	forget(): void {
		this.#stored = undefined;
		this.store(() => this.#journal.clear());
	}

	/** The package of `entry` failed here. */
	fail({ package: name, version }: Entry, { code, text }: Failure): void {
		const bounded = text.slice(0, limits.logText);
		this.#failedAt = this.#ticks();
		const { failed: before } = this;
		const times = before?.package === name ? before.times + 1 : 1;
		const failed = { package: name, version, code, text: bounded, at: this.#clock() };
		this.#unkept = { ...failed, times };
		this.store(() => {
			this.#memory.fail(failed);
			this.#unkept = undefined;
		});
	}

	/** The package of `entry` runs and is confirmed. An image from elsewhere has no name to remember. */
	succeed({ package: name, version, slot }: Entry): void {
		if (name === "") return;
		this.#unkept = undefined;
		this.store(() => this.#memory.succeed({ package: name, version: slot === "" ? "" : version }));
	}

	/** What that image provides. */
	provides({ slot, version }: ImagePlace): Provides {
		return this.#memory.provides(slot, version);
	}

	/** What it provided before it was changed in its place. */
	providedBefore({ slot, version }: ImagePlace): Provides | undefined {
		return this.#memory.providedBefore(slot, version);
	}

	/** `target` will provide what `base` does, changed. An update whose artifact says more than can be kept goes on. See PackageMemory. */
	provide(base: ImagePlace, target: ImagePlace, change: ProvidesChange, by?: string): void {
		this.store(() => this.#memory.provide(base, target, change, by));
	}

	/** Whether the package of `entry`, which needs no restart, got as far as being in use in that image. */
	uses({ package: name }: Entry, place: ImagePlace): boolean {
		return this.installed?.package === name || this.#memory.providedBy(place) === name;
	}

	/** The count begins anew with another package, and when a download got further. */
	private counted(entry: Entry): UpdateRecord {
		const stored = this.#stored;
		const further = (entry.kept?.done ?? 0) > (stored?.kept?.done ?? 0);
		const stores = stored?.package === entry.package && !further ? stored.stores + 1 : 1;
		return { ...entry, stores };
	}

	private store(write: () => void): void {
		try {
			write();
		} catch (error) {
			this.#log.failure(error);
		}
	}
}

function same(record: UpdateRecord, entry: Entry): boolean {
	const { stores: _, ...rest } = record;
	const { stores: __, ...others } = entry as UpdateRecord;
	return JSON.stringify(rest) === JSON.stringify(others);
}

/** What went wrong, as it is remembered. */
export interface Failure {
	readonly code: string;
	readonly text: string;
}

export function failureOf({ code, message }: FleetlingError): Failure {
	return { code, text: message };
}
