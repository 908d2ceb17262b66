import { FleetlingError } from "fleetling/error/error";
import Hex from "hex";
import type { Cancellation } from "../common/cancellation";
import { SHA256 } from "../common/crypto";
import { deadlines, limits } from "../common/deadlines";
import type { Portion, Sink, SinkHead } from "../common/sink";
import { sleep } from "../common/time";
import { Attempt } from "./attempt";
import { type Installed, installerFor } from "./installer";
import { fingerprint, type Offer, tagOf } from "./offer";
import { Progress } from "./progress";
import { type PackageForms, type PackageReader, readerFor } from "./reader";
import type { Kept } from "./record";
import type { Slots } from "./slots";

export interface DownloadOptions extends PackageForms {
	readonly offer: Offer;
	/** Size of the one buffer that the package passes through. */
	readonly blockBytes: number;
	readonly slots: Slots;
	/** Milliseconds, monotonic. */
	readonly ticks: () => number;
	readonly onPercent: (percent: number) => void;
	/** Right before the slot is written, with what makes it possible to go on after a restart, where anything does. */
	readonly onKept?: (kept: Kept) => void;
	/** What an earlier attempt has left. */
	readonly kept?: Kept | undefined;
}

/**
 * One package on its way in: hashes each block once and passes it on to the reader that the first block chose. Costs
 * one block of memory, whatever the size of the package.
 *
 * It outlives transfers: when one breaks, the next asks for what is `missing`. After a restart it begins with what is in
 * the slot, which is fed to hash and reader from there (`replay`), behind the part of the package that comes before the
 * slot's first byte, which is fetched again.
 */
export class Download implements Sink {
	buffer: Uint8Array;
	/** The package's fingerprint. */
	readonly package: string;
	readonly #options: DownloadOptions;
	readonly #progress: Progress;
	readonly #tag: Uint8Array;
	#hash = new SHA256();
	#reader: PackageReader | undefined;
	/** What is in the slot and has not been read from there yet. */
	#kept: Kept | undefined;
	#total: number | undefined;
	#validator: string | undefined;
	/** Bytes of the package that have been dealt with. */
	#position = 0;
	#furthest = 0;
	#fetched = 0;
	#pieced = false;
	#touched = false;
	/** The server does not serve parts, or not as it should. */
	#whole = false;
	/** By `ticks`; undefined before the first byte of a session. */
	#deadline: number | undefined;
	#open = true;

	constructor(options: DownloadOptions) {
		const { offer, blockBytes, onPercent, slots, kept } = options;
		this.#options = options;
		this.package = fingerprint(offer);
		this.buffer = new Uint8Array(blockBytes);
		this.#progress = new Progress(onPercent);
		this.#tag = tagOf(this.package);
		if (kept === undefined || (offer.size !== undefined && offer.size !== kept.size)) return;
		const done = slots.resumable(this.#tag);
		if (done === 0) return;
		this.#kept = { ...kept, done };
		this.#total = kept.size;
		this.#validator = kept.validator;
		this.#progress.begin(kept.size);
		this.#progress.skip(kept.start + done + limits.resumeStep);
	}

	/** Bytes that have come over the network, those that came in vain included. */
	get fetched(): number {
		return this.#fetched;
	}

	/** How much of the package is there, from its first byte on. */
	get position(): number {
		return this.#position;
	}

	/** The most that `position` has been: what it grows beyond that is new. */
	get furthest(): number {
		return this.#furthest;
	}

	/** What of an earlier attempt is still to be read. */
	get kept(): Kept | undefined {
		return this.#kept;
	}

	/** Whether parts of several transfers were put together: if the whole is wrong, the package need not be. */
	get pieced(): boolean {
		return this.#pieced;
	}

	/** Whether anything of it has gone into the slot. */
	get touched(): boolean {
		return this.#touched;
	}

	/** After a transfer that has ended well: whether that was the last. */
	get complete(): boolean {
		return this.#kept === undefined && this.#position >= (this.#total ?? 0);
	}

	/** Before a transfer: whether there is nothing left to ask for, because what broke off had brought the last byte already. */
	get satisfied(): boolean {
		return this.#position > 0 && this.#position === this.#total && this.complete;
	}

	get missing(): Portion | undefined {
		const start = this.#position;
		const validator = this.#validator;
		const end = this.#kept?.start;
		if (start === 0 && end === undefined) return undefined;
		return { start, ...(end !== undefined && { end }), ...(validator !== undefined && { validator }) };
	}

	/** A session of transfers begins: the time that all of them may take runs from the first byte on. */
	allot(): void {
		this.#deadline = undefined;
	}

	/** What is left of that time. A transfer of less than a block does not come by here, so that its bearer has to keep it. */
	get patience(): number {
		return this.#deadline === undefined ? this.allotment : Math.max(1, this.#deadline - this.#options.ticks());
	}

	/** Whether that time is over. */
	get late(): boolean {
		return this.#deadline !== undefined && this.#options.ticks() >= this.#deadline;
	}

	tooSlow(): FleetlingError {
		return new FleetlingError(
			"update.too-slow",
			`${this.#position} of ${this.#total ?? "unknown"} bytes have come in the time that all of them should have taken; going on after the next check`,
		);
	}

	/**
	 * Deals with what is in the slot, if it is its turn. Gives way between steps: it takes a device seconds. After a rejection
	 * the download is of no more use.
	 */
	async replay(cancellation: Cancellation): Promise<void> {
		const kept = this.#kept;
		if (kept === undefined || kept.start !== this.#position) return;
		const { slots } = this.#options;
		const { label } = slots.inactive();
		this.#pieced = true;
		for (let at = 0; at < kept.done; ) {
			const part = this.buffer.subarray(0, Math.min(this.buffer.byteLength, kept.done - at));
			slots.read(label, at, part);
			this.feed(part);
			at += part.byteLength;
			if (at % limits.resumeStep === 0) await sleep(0, cancellation);
		}
		this.#kept = undefined;
	}

	begin({ start = 0, end, length, validator }: SinkHead): void {
		const { ticks, offer } = this.#options;
		if (this.#position > 0 || this.#kept !== undefined) this.compare(length, validator);
		// The whole, and not the part: what there is of it is of no use.
		if (start === 0 && (this.#position > 0 || end !== this.#kept?.start)) {
			this.#whole ||= this.#position > 0;
			this.restart();
		}
		if (start !== this.#position)
			throw new FleetlingError("update.bad-range", `the server sends what follows byte ${start} instead of ${this.#position}`);
		if (start === 0 && this.#kept === undefined) {
			if (offer.size !== undefined && length !== undefined && length !== offer.size)
				throw new FleetlingError(
					"update.wrong-size",
					`the server offered a package of ${offer.size} bytes and sends one of ${length}; upload the package again`,
				);
			this.#total = length ?? offer.size;
			this.#validator = validator;
		} else this.#pieced = true;
		this.#progress.begin(this.#total);
		this.#progress.reach(this.#position);
		this.#deadline ??= ticks() + this.allotment;
	}

	block(bytes: Uint8Array): void {
		this.#fetched += bytes.byteLength;
		this.feed(bytes);
		const last = this.#total !== undefined && this.complete;
		if (this.late && !last) throw this.tooSlow();
	}

	/** A transfer has broken off. A server that does not serve parts is not asked for one again. */
	interrupted(): void {
		if (this.#whole) this.restart();
	}

	/** The server has served a part that was not the one asked for. */
	distrust(): void {
		this.#whole = true;
		this.restart();
	}

	/** Forgets everything that has come: the next transfer is of the whole package. */
	restart(): void {
		this.#reader?.abort();
		this.#reader = undefined;
		this.#hash.close();
		this.#hash = new SHA256();
		this.#kept = undefined;
		this.#position = 0;
		this.#total = undefined;
		this.#validator = undefined;
		this.#pieced = false;
	}

	/** After the last byte. Verifies the package as a whole before anything of it can be activated. */
	finish(): Installed {
		const reader = this.#reader;
		if (reader === undefined)
			throw new FleetlingError("update.unknown-package", "the package is empty; upload it to the server again");
		this.verify();
		const installed = reader.finish();
		this.abort();
		return installed;
	}

	/** Lets go of everything. Idempotent. */
	abort(): void {
		if (!this.#open) return;
		this.#open = false;
		this.#hash.close();
		this.#reader?.abort();
	}

	/** Milliseconds. A package of unknown length may be as long as its slot, and no good one is much longer. */
	private get allotment(): number {
		const { offer, slots } = this.#options;
		const { size: room } = slots.inactive();
		const size = Math.min(this.#total ?? offer.size ?? room, room + limits.packageOverhead);
		return deadlines.download + (Math.max(0, size - this.#position) * 1000) / limits.slowestRate;
	}

	private feed(bytes: Uint8Array): void {
		this.#reader ??= this.choose(bytes);
		this.#hash.update(bytes);
		this.#reader.write(bytes);
		this.#position += bytes.byteLength;
		if (this.#position > this.#furthest) this.#furthest = this.#position;
		this.#progress.reach(this.#position);
	}

	private choose(head: Uint8Array): PackageReader {
		const { readers, installers, slots } = this.#options;
		const attempt = new Attempt({ slots, tag: this.#tag, done: this.#kept?.done ?? 0, onWrite: () => this.keep() });
		return readerFor(readers, head).open({
			size: this.#total,
			installer: (type) => installerFor(installers, type, attempt),
		});
	}

	/** The slot is about to be written. Returns whether what goes into it can be gone on with after a restart. */
	private keep(): boolean {
		const start = this.#reader?.payloadStart;
		const size = this.#total;
		const kept = this.#kept;
		if (kept !== undefined && kept.start !== start)
			throw new FleetlingError("update.changed", "the package does not begin as it did before the restart; starting again");
		this.#touched = true;
		if (start === undefined || size === undefined) return false;
		const validator = this.#validator;
		if (kept === undefined) this.#options.onKept?.({ size, start, done: 0, ...(validator !== undefined && { validator }) });
		return true;
	}

	/**
	 * Whether what is about to come belongs to the same package. If not, the offer is old: asking for a new one is cheaper
	 * than fetching something whose hash will turn out to be wrong.
	 */
	private compare(length: number | undefined, validator: string | undefined): void {
		const sameLength = length === undefined || this.#total === undefined || length === this.#total;
		const sameValidator = validator === undefined || this.#validator === undefined || validator === this.#validator;
		if (sameLength && sameValidator) return;
		throw new FleetlingError(
			"update.changed",
			"the package under the link is another one by now; starting again after the next check",
		);
	}

	private verify(): void {
		const expected = this.#options.offer.sha256;
		if (expected === undefined) return;
		const actual = Hex.toString(this.#hash.digest()).toLowerCase();
		if (actual !== expected)
			throw new FleetlingError(
				"update.wrong-hash",
				`the package has SHA-256 ${actual} and the server announced ${expected}; upload the package again`,
			);
	}
}
