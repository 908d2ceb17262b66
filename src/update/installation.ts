import { FleetlingError } from "fleetling/error/error";
import { Cancellation } from "../common/cancellation";
import { limits } from "../common/deadlines";
import type { TaggedLog } from "../common/log";
import { type Blame, blame } from "./blame";
import { Fetcher, type FetcherOptions, type InstallOptions } from "./fetcher";
import type { Gate } from "./gate";
import type { Installed, ProvidesChange } from "./installer";
import { type Entry, failureOf } from "./ledger";
import type { ImagePlace } from "./memory";
import type { InstallResult } from "./observer";
import { fingerprint, type Offer, tagOf } from "./offer";
import type { Kept, UpdateRecord } from "./record";
import type { UpdateState } from "./states";
import type { StepResult, UnderWay } from "./under-way";

export interface InstallationOptions extends FetcherOptions {
	readonly restart: () => void;
}

interface Source extends InstallOptions {
	readonly offer: Offer;
	readonly cancellation: Cancellation;
	/** What is in the slot already, whole and verified. */
	readonly ready: Installed | undefined;
}

/** The first half of an update, in the old firmware: from an offer to the restart. */
export class Installation {
	readonly #options: InstallationOptions;
	readonly #log: TaggedLog;
	readonly #underWay: UnderWay;
	readonly #gate: Gate;
	readonly #fetcher: Fetcher;
	#source: Source | undefined;
	#installed: Installed | undefined;
	#activated = false;
	/** The package that is called off is not to be fetched again either. */
	#unwanted = false;
	/** What failed says nothing against the package. */
	#again = false;
	/** Milliseconds for which the update has to wait. */
	#wait = 0;
	/** How often the device has failed with that package. */
	#faults = { package: "", times: 0 };
	/** The package whose parts did not fit together. */
	#puzzle = "";

	constructor(options: InstallationOptions, underWay: UnderWay, gate: Gate) {
		this.#options = options;
		this.#log = options.log;
		this.#underWay = underWay;
		this.#gate = gate;
		this.#fetcher = new Fetcher(options);
	}

	get busy(): boolean {
		return this.#source !== undefined;
	}

	/** What is being installed. */
	get offer(): Offer | undefined {
		return this.#source?.offer;
	}

	/** Whether what is being installed is in use without a restart. */
	get immediate(): boolean {
		return this.#installed?.immediate === true;
	}

	/** Takes an offer up; returns the state to begin with. */
	begin(offer: Offer, options: InstallOptions): UpdateState {
		const underWay = this.#underWay;
		const { record } = underWay;
		const same = record?.package === fingerprint(offer) ? record : undefined;
		underWay.record = same && { ...same, id: offer.id };
		underWay.error = undefined;
		const ready = same && this.inSlot(same);
		this.#source = { offer, ...options, ready, cancellation: new Cancellation() };
		this.#activated = false;
		this.#unwanted = false;
		this.#again = false;
		this.#wait = 0;
		return ready === undefined ? "download" : "install";
	}

	/** Nothing more comes of it for now. */
	end(): InstallResult {
		const underWay = this.#underWay;
		const { error } = underWay;
		const { record } = underWay;
		if (!this.#activated) this.release();
		this.#source = undefined;
		this.#installed = undefined;
		underWay.waiting = record !== undefined && record.state !== "report" && !underWay.leaving;
		if (underWay.leaving) return { kind: "restarting" };
		if (this.#wait > 0) return { kind: "postponed", wait: this.#wait };
		if (error === undefined) return { kind: "done" };
		if (this.#again) throw error;
		this.#fetcher.drop();
		return { kind: error.code === "update.cancelled" ? "cancelled" : "failed", error };
	}

	/** Calls it off; returns whether it was not too late. */
	cancel(error: FleetlingError, unwanted: boolean): boolean {
		if (this.#activated) return false;
		this.#unwanted = unwanted;
		this.#source?.cancellation.cancel(error);
		return true;
	}

	throwIfCancelled(): void {
		this.#source?.cancellation.throwIfCancelled();
	}

	/** Lets go of what there is of a package in memory. What is in the slot stays. */
	rest(): void {
		if (this.#source !== undefined) return;
		this.#fetcher.drop();
		const underWay = this.#underWay;
		if (!underWay.waiting || underWay.record?.stores !== 0) return;
		underWay.record = undefined;
		underWay.waiting = false;
	}

	async fetch(): Promise<StepResult> {
		const { offer, cancellation, ...source } = this.current();
		const underWay = this.#underWay;
		const { observer, ledger } = underWay;
		// Not stored: an update that has not begun costs no write, and yet it can be called off.
		underWay.record ??= { ...this.entry("download", "", ""), stores: 0 };
		if (await this.held("download")) return "pause";
		if (!this.#fetcher.holds(offer)) {
			const kept = this.kept();
			const entry = this.entry("download", underWay.record?.version ?? "", kept === undefined ? "" : this.target());
			underWay.record = ledger.announceAgain(kept === undefined ? entry : { ...entry, kept });
		}
		// Handed on, not waited for: each asynchronous function that waits costs a device 1 KB.
		return this.#fetcher.fetch({
			...source,
			offer,
			cancellation,
			kept: underWay.record?.kept,
			onPercent: (percent) => observer.progress?.(percent),
			onKept: (kept) => {
				underWay.record = ledger.announce({ ...this.entry("download", "", this.target()), kept });
			},
		});
	}

	install(): StepResult {
		const { ready } = this.current();
		const installed = ready ?? this.#fetcher.finish();
		this.#fetcher.drop();
		this.#installed = installed;
		const place = installed.slot === "" ? "in its place" : `in slot ${installed.slot}`;
		this.#log.info(`verified: version ${installed.version} is ${place}`);
		// With the slot, so that it is in force exactly when the image is.
		if (installed.change !== undefined && !installed.immediate) this.provide(installed, installed.change);
		return "success";
	}

	async reboot(): Promise<StepResult> {
		const installed = this.#installed;
		const underWay = this.#underWay;
		if (installed === undefined) return "failure";
		const { version, slot, immediate = false } = installed;
		if (!immediate && (await this.held("restart"))) {
			underWay.record = underWay.ledger.announce(this.entry("install", version, slot));
			return "pause";
		}
		const entry = this.entry("reboot", version, slot);
		underWay.record = underWay.ledger.announceAgain({ ...entry, trials: entry.trials + 1 });
		this.#activated = true;
		installed.activate();
		if (immediate) return "success";
		this.#log.info(`restarting into version ${version} on trial`);
		await underWay.leave();
		this.#options.restart();
		return "pause";
	}

	/** What is in use without a restart is to stay. */
	commit(): StepResult {
		const installed = this.#installed;
		const underWay = this.#underWay;
		installed?.commit?.();
		if (installed?.change !== undefined) this.provide(underWay.place, installed.change, underWay.record?.package);
		this.#log.info(`${installed?.version ?? ""} is in use`);
		if (underWay.record !== undefined) underWay.ledger.succeed(underWay.record);
		underWay.conclude("success");
		return "success";
	}

	/** An update that never got as far as running has changed nothing but, perhaps, the choice for the next boot. */
	undo(): StepResult {
		const installed = this.#installed;
		if (this.#activated && installed?.immediate) installed.revert?.();
		else if (this.#activated) this.#options.slots.deactivate();
		this.#activated = false;
		this.#underWay.conclude("failure");
		return "success";
	}

	/** What an error in `state` leads to. */
	failed(state: UpdateState, error: FleetlingError): StepResult {
		const underWay = this.#underWay;
		underWay.error = error;
		underWay.leaving = false;
		// What boots next is not known then: the record that announced it stays, and the next boot tells.
		if (state === "rollback") {
			this.#again = true;
			return "pause";
		}
		const whose = this.blame(error);
		const late = state !== "download" && state !== "install";
		if (whose === "network" || whose === "device") {
			this.#again = true;
			// The transfer can be gone on with where it broke; anything else is taken up from what is in the slot.
			if (whose === "device") this.#fetcher.drop();
			// Interrupted right before the restart: what is in the slot is taken up from there.
			return late && (whose === "device" || this.#activated) ? "failure" : "pause";
		}
		const record = underWay.record ?? this.entry("download", this.#installed?.version ?? "", "");
		if (whose === "package") this.#log.failure(error);
		else this.#log.info(`update ${record.id} was called off: ${error.message}`);
		this.spoil();
		underWay.record = { stores: 0, ...record };
		// In this order: what is remembered but not concluded would be refused from the next boot on, and never told.
		if (!late) underWay.conclude("failure");
		if (whose === "package" || this.#unwanted) underWay.ledger.fail(record, failureOf(error));
		this.#log.info(`keeping version ${underWay.version}`);
		return "failure";
	}

	/** A waiting update that is called off: there is nothing to stop. */
	discard(error: FleetlingError, unwanted: boolean): void {
		this.#unwanted = unwanted;
		this.failed("download", error);
		this.#fetcher.drop();
	}

	/**
	 * What has come of a package that is given up must not stay bootable. Its image may be whole and only its package be
	 * wrong, and the bootloader takes any image when the one that it wants is damaged, unverified ones too.
	 */
	private spoil(): void {
		const { record } = this.#underWay;
		// The power may have gone behind the last byte: then all of it is there, and nothing of it verified.
		const touched = this.#fetcher.touched || (record?.kept !== undefined && record.slot === this.target());
		this.#fetcher.drop();
		if (!touched) return;
		try {
			this.#options.slots.invalidate();
		} catch (error) {
			this.#log.failure(error);
		}
	}

	/** What was never put to use, and is in no slot, only takes up space. */
	private release(): void {
		try {
			this.#installed?.discard?.();
		} catch (error) {
			this.#log.failure(error);
		}
	}

	private provide(target: ImagePlace, change: ProvidesChange, by?: string): void {
		this.#underWay.ledger.provide(this.#underWay.place, target, change, by);
	}

	/** Whose fault it is, with what is known of the device and of this download. */
	private blame(error: FleetlingError): Blame {
		const whose = blame(error);
		const name = this.#source === undefined ? "" : fingerprint(this.#source.offer);
		if (whose === "package" && this.#fetcher.pieced && name !== this.#puzzle) {
			this.#puzzle = name;
			this.spoil();
			this.#log.failure(error, "warn");
			this.#log.warn("the package was put together from parts, which do not fit: it is fetched once more in one piece");
			const { record, ledger } = this.#underWay;
			if (record !== undefined) this.#underWay.record = ledger.note(this.entry("download", "", ""));
			return "network";
		}
		if (whose !== "device") return whose;
		const times = (this.#faults.package === name ? this.#faults.times : 0) + 1;
		this.#faults = { package: name, times };
		return times < limits.deviceFaults ? "device" : "package";
	}

	/** Whether the update has to wait before that step. */
	private async held(step: "download" | "restart"): Promise<boolean> {
		const { offer } = this.current();
		this.#wait = await this.#gate.ask(step, this.#underWay.view(offer));
		this.throwIfCancelled();
		return this.#wait > 0;
	}

	/** The record of the update under way in another state. */
	private entry(state: UpdateState, version: string, slot: string): Entry {
		const { offer } = this.current();
		const { record, version: from } = this.#underWay;
		return { state, id: offer.id, package: fingerprint(offer), from, version, slot, trials: record?.trials ?? 0 };
	}

	/** What an earlier attempt has left in the slot. */
	private kept(): Kept | undefined {
		const { record } = this.#underWay;
		if (record?.kept === undefined || record.slot !== this.target()) return undefined;
		const done = this.#options.slots.resumable(tagOf(record.package));
		return done === 0 ? undefined : { ...record.kept, done };
	}

	/** What the slot holds of `record`, if that is all and nothing has happened to it since. */
	private inSlot({ state, slot, version }: UpdateRecord): Installed | undefined {
		const { slots } = this.#options;
		if (state !== "install" || slot === "" || slot !== this.target()) return undefined;
		if (slots.find(slot)?.description?.version !== version) return undefined;
		return { version, slot, activate: () => slots.activate() };
	}

	private target(): string {
		return this.#options.slots.inactive().label;
	}

	private current(): Source {
		if (this.#source === undefined) throw new FleetlingError("update.failed", "no update is under way");
		return this.#source;
	}
}
