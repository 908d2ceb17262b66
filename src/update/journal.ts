import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import TextEncoder from "text/encoder";
import type { KeyValueStore } from "../common/device";
import { crc32 } from "./readers/crc32";
import { parseFields, recordFields, recordOf, type UpdateRecord } from "./record";

/** What a journal says. */
export interface JournalEntry {
	/** Undefined when no update is under way. */
	readonly record: UpdateRecord | undefined;
	/** Set when one of the two records is damaged, and this is the other. */
	readonly torn?: FleetlingError;
}

/** Where the record of the update under way is kept. */
export interface Journal {
	/** Throws `update.bad-journal` when there is something and none of it can be read. */
	read(): JournalEntry;
	write(record: UpdateRecord): void;
	/** No update is under way any more. */
	clear(): void;
}

// The firmware that reads a record is not always the one that wrote it: a record of another form is not guessed at.
const form = 2;
const keys = frozen(["record0", "record1"] as const);

/** Where firmware up to 0.1 kept its only record, of form 1 and without a checksum. */
const oldKey = "record";
const oldForm = 1;

/** Sequence numbers go round: what is less than half the way ahead is newer. */
const round = 0x10000;
const checksumDigits = 8;

interface Stored {
	readonly key: (typeof keys)[number];
	readonly sequence: number;
	readonly record: UpdateRecord | undefined;
}

/**
 * A journal of two records in the device's key-value storage, written in turn, each with a sequence number and a CRC-32.
 * When the power goes while one is written the other holds: what it announces is what has been done, because the act that
 * the torn one was to announce has not been begun. NVS replaces a value as a whole or not at all; other storage may not.
 */
export class KeyValueJournal implements Journal {
	readonly #store: KeyValueStore;
	/** Where the next record goes, and its number. Undefined before storage was looked at. */
	#next: { readonly key: (typeof keys)[number]; readonly sequence: number } | undefined;

	constructor(store: KeyValueStore) {
		this.#store = store;
	}

	read(): JournalEntry {
		const { newest, damaged } = this.scan();
		// Only firmware that knows no other form writes it, and takes it away when its update is over: it is the last word.
		const old = this.#store.read(oldKey);
		if (old !== undefined) return this.old(old);
		if (damaged.length === 0) return { record: newest?.record };
		if (newest === undefined)
			throw new FleetlingError(
				"update.bad-journal",
				"the record of the update under way cannot be read; going on with what the slots say",
			);
		const torn = new FleetlingError(
			"update.torn-journal",
			`${damaged.join(" and ")} of the journal cannot be read; the power went while it was written; going on with the other`,
		);
		return { record: newest.record, torn };
	}

	write(record: UpdateRecord): void {
		this.put(recordFields(record));
	}

	clear(): void {
		const { newest, damaged } = this.scan();
		if (newest?.record !== undefined || damaged.length > 0) this.put({});
		this.forgetOld();
	}

	private put(fields: Readonly<Record<string, unknown>>): void {
		if (this.#next === undefined) this.scan();
		const { key, sequence } = this.#next ?? { key: keys[0], sequence: 0 };
		this.#store.write(key, sealed(JSON.stringify({ form, sequence, ...fields })));
		this.#next = { key: otherThan(key), sequence: (sequence + 1) % round };
		this.forgetOld();
	}

	private forgetOld(): void {
		if (this.#store.read(oldKey) !== undefined) this.#store.delete(oldKey);
	}

	private scan(): { readonly newest: Stored | undefined; readonly damaged: readonly string[] } {
		const damaged: string[] = [];
		let newest: Stored | undefined;
		for (const key of keys) {
			const text = this.#store.read(key);
			if (text === undefined) continue;
			const stored = typeof text === "string" ? decode(key, text) : undefined;
			if (stored === undefined) damaged.push(key);
			else if (newest === undefined || isNewer(stored.sequence, newest.sequence)) newest = stored;
		}
		// A damaged record is the one to write over, whatever its place in the order: the other one is all there is.
		const key = damaged.length === 1 ? (damaged[0] as Stored["key"]) : otherThan(newest?.key ?? keys[1]);
		this.#next = { key, sequence: newest === undefined ? 0 : (newest.sequence + 1) % round };
		return { newest, damaged };
	}

	private old(text: unknown): JournalEntry {
		const fields = typeof text === "string" ? parseFields(text) : undefined;
		const record = fields?.form === oldForm ? recordOf({ ...fields, stores: 1 }) : undefined;
		if (record !== undefined) return { record };
		throw new FleetlingError(
			"update.bad-journal",
			"the record that an older firmware left cannot be read; going on with what the slots say",
		);
	}
}

function otherThan(key: Stored["key"]): Stored["key"] {
	return key === keys[0] ? keys[1] : keys[0];
}

function isNewer(sequence: number, than: number): boolean {
	const ahead = (sequence - than + round) % round;
	return ahead !== 0 && ahead < round / 2;
}

function sealed(text: string): string {
	return checksum(text) + text;
}

function checksum(text: string): string {
	const digits = (crc32(new TextEncoder().encode(text)) >>> 0).toString(16);
	return "0".repeat(checksumDigits - digits.length) + digits;
}

function decode(key: Stored["key"], sealedText: string): Stored | undefined {
	const text = sealedText.slice(checksumDigits);
	if (sealedText.slice(0, checksumDigits) !== checksum(text)) return undefined;
	const fields = parseFields(text);
	const { sequence } = fields ?? {};
	if (fields?.form !== form || typeof sequence !== "number") return undefined;
	if (!Number.isInteger(sequence) || sequence < 0 || sequence >= round) return undefined;
	// Without a state: no update is under way.
	if (fields.state === undefined) return { key, sequence, record: undefined };
	const record = recordOf(fields);
	return record && { key, sequence, record };
}
