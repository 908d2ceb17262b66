import { isObject } from "../common/json";
import { isTrialFailure, type TrialFailure } from "./boot";
import { isOutcome, isState, type Outcome, type UpdateState } from "./states";

/** What outlives a restart about the update under way. Written before the act that its state announces. */
export interface UpdateRecord {
	/** From `install` on the slot holds the whole package, verified. */
	readonly state: UpdateState;
	/** The server's name for the update. */
	readonly id: string;
	/** The package's fingerprint (offer.ts). */
	readonly package: string;
	/** Version that was running when the update began. */
	readonly from: string;
	/** Version in the package; "" before it is known. */
	readonly version: string;
	/** Label of the slot that it goes into; "" when it goes elsewhere. */
	readonly slot: string;
	/** How often this package has been put on trial, this time included. */
	readonly trials: number;
	/** How often a record of this update has been stored since the download last got any further. */
	readonly stores: number;
	/** In `download`, once bytes go into the slot that make it possible to go on after a restart. */
	readonly kept?: Kept;
	/** Set from `rollback` on: why. */
	readonly failure?: TrialFailure;
	/** Set in `report`: what there is to tell. */
	readonly outcome?: Outcome;
}

/** What of a package is in its slot. How much of it, the slot itself knows (modules/ota). */
export interface Kept {
	/** Bytes of the whole package. */
	readonly size: number;
	/** Where in the package the bytes begin that go into the slot. */
	readonly start: number;
	/** How many of them were there when the record was stored. */
	readonly done: number;
	/** What the package can be recognised by (common/sink.ts). */
	readonly validator?: string;
}

/** A record in the form in which it is stored. */
export function recordFields({ kept, ...rest }: UpdateRecord): Readonly<Record<string, unknown>> {
	return kept === undefined ? rest : { ...rest, ...kept };
}

/** The record that has these fields; undefined when they are not those of one. */
export function recordOf(fields: Readonly<Record<string, unknown>>): UpdateRecord | undefined {
	const { state, id, package: fingerprint, from, version, slot, trials, stores, failure, outcome } = fields;
	if (!isState(state) || !isCount(trials) || !isCount(stores)) return undefined;
	if (typeof id !== "string" || typeof fingerprint !== "string" || typeof from !== "string") return undefined;
	if (typeof version !== "string" || typeof slot !== "string") return undefined;
	if (failure !== undefined && !isTrialFailure(failure)) return undefined;
	if (outcome !== undefined && !isOutcome(outcome)) return undefined;
	const kept = keptOf(fields);
	return {
		...{ state, id, package: fingerprint, from, version, slot, trials, stores },
		...(kept && { kept }),
		...(failure && { failure }),
		...(outcome && { outcome }),
	};
}

/** What cannot be read of it is not used: the download then begins afresh. */
function keptOf({ size, start, done, validator }: Readonly<Record<string, unknown>>): Kept | undefined {
	if (!isCount(size) || !isCount(start) || !isCount(done) || start > size) return undefined;
	return typeof validator === "string" ? { size, start, done, validator } : { size, start, done };
}

function isCount(value: unknown): value is number {
	return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Whether `text` is JSON of an object; its fields. */
export function parseFields(text: string): Readonly<Record<string, unknown>> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return isObject(value) ? value : undefined;
	} catch {
		return undefined;
	}
}
