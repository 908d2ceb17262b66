import type { FleetlingError } from "fleetling/error/error";
import type { KeyValueStore } from "../common/device";
import type { TaggedLog } from "../common/log";
import { type Journal, KeyValueJournal, type UpdateRecord } from "./journal";
import { type FailedPackage, type InstalledPackage, PackageMemory } from "./memory";

export interface LedgerOptions {
	/** Domain "update" of the device's key-value storage. */
	readonly store: KeyValueStore;
	readonly log: TaggedLog;
	/** Instead of one of its own over `store`. */
	readonly journal?: Journal | undefined;
}

/**
 * What updates leave in storage: the journal of the one under way and the memory of packages that are over.
 *
 * One write is a condition of the act that follows: `announce`, which throws. All others are good to have but no reason
 * to stop, let alone to undo, an update: when storage fails they are logged.
 */
export class Ledger {
	readonly #journal: Journal;
	readonly #memory: PackageMemory;
	readonly #log: TaggedLog;

	constructor({ store, log, journal }: LedgerOptions) {
		this.#journal = journal ?? new KeyValueJournal(store);
		this.#memory = new PackageMemory(store);
		this.#log = log;
	}

	/** The package that failed last. */
	get failed(): FailedPackage | undefined {
		return this.#memory.failed;
	}

	/** The package that runs. */
	get installed(): InstalledPackage | undefined {
		return this.#memory.installed;
	}

	/** The update under way. A record that cannot be read is reported, and the slots have to tell. */
	read(): UpdateRecord | undefined {
		try {
			return this.#journal.read();
		} catch (error) {
			this.#log.failure(error);
			return undefined;
		}
	}

	/** Before an act that must not happen unannounced. Throws when it cannot be written. */
	announce(record: UpdateRecord): void {
		this.#journal.write(record);
	}

	note(record: UpdateRecord): void {
		this.#store(() => this.#journal.write(record));
	}

	/** No update is under way any more. */
	forget(): void {
		this.#store(() => this.#journal.clear());
	}

	/** The package of `record` failed; `final` when it is not to be tried again. */
	fail({ package: name, version, trials }: UpdateRecord, { code, text }: Failure, final: boolean): void {
		this.#store(() => this.#memory.fail({ package: name, version, code, text, trials, final }));
	}

	/** The package of `record` runs and is confirmed. An image from elsewhere has no name to remember. */
	succeed({ package: name, version }: UpdateRecord): void {
		if (name !== "") this.#store(() => this.#memory.succeed({ package: name, version }));
	}

	#store(write: () => void): void {
		try {
			write();
		} catch (error) {
			this.#log.failure(error);
		}
	}
}

/** What went wrong, as it is remembered. */
export interface Failure {
	readonly code: string;
	readonly text: string;
}

export function failureOf({ code, message }: FleetlingError): Failure {
	return { code, text: message };
}
