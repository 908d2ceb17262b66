import { FleetlingError } from "fleetling/error/error";
import type { KeyValueStore } from "../common/device";
import { isObject } from "../common/json";
import { isTrialFailure, type TrialFailure } from "./boot";
import { isOutcome, isState, type Outcome, type UpdateState } from "./states";

/** What outlives a restart about the update under way. Written before the act that its state announces. */
export interface UpdateRecord {
	readonly state: UpdateState;
	/** The server's name for the update. */
	readonly id: string;
	/** The package's fingerprint (offer.ts). */
	readonly package: string;
	/** Version that was running when the update began. */
	readonly from: string;
	/** Version in the package. */
	readonly version: string;
	/** Label of the slot that it was installed into. */
	readonly slot: string;
	/** How often this package has been put on trial, this time included. */
	readonly trials: number;
	/** Set from `rollback` on: why. */
	readonly failure?: TrialFailure;
	/** Set in `report`: what there is to tell. */
	readonly outcome?: Outcome;
}

/** Where the record is kept. */
export interface Journal {
	/** The record, or undefined when no update is under way. Throws `update.bad-journal` when there is one that cannot be read. */
	read(): UpdateRecord | undefined;
	write(record: UpdateRecord): void;
	clear(): void;
}

// The firmware that reads a record is not always the one that wrote it: a record of another form is not guessed at.
const form = 1;
const key = "record";

/** A journal of one key in the device's key-value storage, which replaces a value as a whole or not at all. */
export class KeyValueJournal implements Journal {
	readonly #store: KeyValueStore;

	constructor(store: KeyValueStore) {
		this.#store = store;
	}

	read(): UpdateRecord | undefined {
		const text = this.#store.read(key);
		if (text === undefined) return undefined;
		const record = typeof text === "string" ? decode(text) : undefined;
		if (record === undefined)
			throw new FleetlingError(
				"update.bad-journal",
				"the record of the update under way cannot be read; going on with what the slots say",
			);
		return record;
	}

	write(record: UpdateRecord): void {
		this.#store.write(key, JSON.stringify({ form, ...record }));
	}

	clear(): void {
		if (this.#store.read(key) !== undefined) this.#store.delete(key);
	}
}

function decode(text: string): UpdateRecord | undefined {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return undefined;
	}
	if (!isObject(value) || value.form !== form) return undefined;
	const { state, id, package: fingerprint, from, version, slot, trials, failure, outcome } = value;
	if (!isState(state) || typeof trials !== "number") return undefined;
	if (typeof id !== "string" || typeof fingerprint !== "string" || typeof from !== "string") return undefined;
	if (typeof version !== "string" || typeof slot !== "string") return undefined;
	if (failure !== undefined && !isTrialFailure(failure)) return undefined;
	if (outcome !== undefined && !isOutcome(outcome)) return undefined;
	return {
		state,
		id,
		package: fingerprint,
		from,
		version,
		slot,
		trials,
		...(failure === undefined ? {} : { failure }),
		...(outcome === undefined ? {} : { outcome }),
	};
}
