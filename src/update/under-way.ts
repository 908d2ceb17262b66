import { FleetlingError } from "fleetling/error/error";
import { deadlines } from "../common/deadlines";
import type { TaggedLog } from "../common/log";
import { sleep } from "../common/time";
import { type Entry, Ledger, type LedgerOptions } from "./ledger";
import type { ImagePlace, Provides } from "./memory";
import { finalReport, type UpdateObserver, type UpdateView } from "./observer";
import type { Offer } from "./offer";
import type { UpdateRecord } from "./record";
import type { Slots } from "./slots";
import type { Outcome } from "./states";

export interface UnderWayOptions extends LedgerOptions {
	readonly slots: Slots;
}

/** Where a step leads: to the success or failure edge, or nowhere for now (the device restarts, or it is tried again later). */
export type StepResult = Outcome | "pause";

/** The update under way, as its steps see it: the record, in memory and in storage, and whoever follows it. */
export class UnderWay {
	readonly ledger: Ledger;
	observer: UpdateObserver = {};
	record: UpdateRecord | undefined;
	/** The record waits for the server to offer its package again. */
	waiting = false;
	/** Why it failed. */
	error: FleetlingError | undefined;
	/** The device is about to restart. */
	leaving = false;
	readonly #log: TaggedLog;
	readonly #slots: Slots;

	constructor(options: UnderWayOptions) {
		this.ledger = new Ledger(options);
		this.#log = options.log;
		this.#slots = options.slots;
	}

	/** Version of the running image, from its own description. */
	get version(): string {
		return this.place.version;
	}

	/** The image that runs. */
	get place(): ImagePlace {
		const { label, description } = this.#slots.running();
		return { slot: label, version: description?.version ?? "0.0.0" };
	}

	/** See Updater. */
	get settledVersion(): string {
		const { id = "", from = "" } = this.record ?? {};
		return this.observer.report !== undefined && id !== "" ? from : this.version;
	}

	/** See Updater. The older firmware's own are still with its slot, until the next update goes there. */
	get settledProvides(): Provides {
		const { ledger, place, record } = this;
		if (record === undefined || record.id === "" || this.observer.report === undefined) return ledger.provides(place);
		if (record.slot === place.slot) return ledger.provides({ slot: this.#slots.inactive().label, version: record.from });
		const changed = record.slot === "" && record.state === "report" && record.outcome === "success";
		return (changed ? ledger.providedBefore(place) : undefined) ?? ledger.provides(place);
	}

	view(offer?: Offer): UpdateView {
		const { record } = this;
		return {
			id: record?.id ?? offer?.id ?? "",
			from: record?.from ?? this.version,
			version: record?.version || offer?.version,
		};
	}

	/**
	 * The update has ended. Its record is kept in storage until the server knows, where the server wants to; `persist`
	 * keeps it anyway, so that the next boot does not draw its conclusions again from another reset reason.
	 */
	conclude(outcome: Outcome, ended: Entry | undefined = this.record, persist = this.observer.report !== undefined): void {
		this.waiting = false;
		if (ended === undefined) return;
		const { kept: _, failure, ...rest } = ended;
		// A firmware that was to go and could not has made good: nothing is held against its package.
		const entry: Entry = { ...rest, ...(failure && outcome === "failure" && { failure }), state: "report", outcome };
		this.record = persist ? this.ledger.note(entry) : { stores: 0, ...entry };
	}

	/** Tells the server. What it does not want to know, now or ever, is told. */
	async report(): Promise<StepResult> {
		const { record, observer } = this;
		if (record !== undefined && record.id !== "") {
			const report = finalReport(record, this.ledger.failed, this.error);
			try {
				await observer.report?.(report);
			} catch (error) {
				if (!(error instanceof FleetlingError) || error.code !== "server.refused") throw error;
				this.#log.warn(`the server does not want to know how update ${record.id} ended: ${error.toString()}`);
			}
			observer.ended?.(report);
		}
		this.forget();
		return "success";
	}

	forget(): void {
		this.record = undefined;
		this.waiting = false;
		this.ledger.forget();
	}

	/** Everything that may want to happen before the device restarts, within a moment. */
	async leave(): Promise<void> {
		this.leaving = true;
		try {
			await this.observer.restarting?.();
		} catch (error) {
			this.#log.failure(error, "warn");
		}
		await sleep(deadlines.restartPause);
	}
}
