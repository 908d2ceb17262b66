import { FleetlingError } from "fleetling/error/error";
import { deadlines, limits } from "../common/deadlines";
import type { ResetReason } from "../common/device";
import type { TaggedLog } from "../common/log";
import { sleep } from "../common/time";
import { blame } from "./blame";
import { assessBoot, type Boot, trialFailures } from "./boot";
import { Download, type InstallOptions } from "./download";
import type { Installed, InstallerKinds } from "./installer";
import type { UpdateRecord } from "./journal";
import { failureOf, Ledger, type LedgerOptions } from "./ledger";
import type { FailedPackage } from "./memory";
import { finalReport, type InstallResult, type UpdateObserver, type UpdateView } from "./observer";
import { fingerprint, type Offer } from "./offer";
import type { ReaderKind } from "./reader";
import type { Slots } from "./slots";
import { callable, next, type Outcome, type UpdateState } from "./states";
import { Trial } from "./trial";
import { unwelcome } from "./unwelcome";

export interface UpdaterOptions extends LedgerOptions {
	readonly slots: Slots;
	readonly readers: readonly ReaderKind[];
	readonly installers: InstallerKinds;
	readonly resetReason: ResetReason;
	readonly restart: () => void;
}

interface Source extends InstallOptions {
	readonly offer: Offer;
}

/** Where a step leads: to the success or failure edge, or nowhere for now (the device restarts, or it is tried again later). */
type StepResult = Outcome | "pause";

/** Runs updates through the states of states.ts, over restarts. One at a time. */
export class Updater {
	readonly #options: UpdaterOptions;
	readonly #log: TaggedLog;
	readonly #slots: Slots;
	readonly #ledger: Ledger;
	#observer: UpdateObserver = {};
	#record: UpdateRecord | undefined;
	#trial: Trial | undefined;
	#trialRun: Promise<void> | undefined;
	#source: Source | undefined;
	#download: Download | undefined;
	#installed: Installed | undefined;
	#error: FleetlingError | undefined;
	#activated = false;
	#restarting = false;
	#deviceFaults = 0;

	constructor(options: UpdaterOptions) {
		this.#options = options;
		this.#log = options.log;
		this.#slots = options.slots;
		this.#ledger = new Ledger(options);
	}

	/** Whether the running firmware waits for its confirmation. */
	get onTrial(): boolean {
		return this.#trial !== undefined;
	}

	/** Version of the running image, from its own description. */
	get version(): string {
		return this.#slots.running().description?.version ?? "0.0.0";
	}

	/** The package that failed here last, if any. */
	get lastFailure(): FailedPackage | undefined {
		return this.#ledger.failed;
	}

	set observer(observer: UpdateObserver) {
		this.#observer = observer;
	}

	/**
	 * The first thing after a start: finds out what this boot means and, on trial, starts the clock of `checkIn`
	 * milliseconds.
	 */
	boot(checkIn: number): Boot {
		const record = this.#ledger.read();
		const boot = assessBoot({
			record,
			running: this.#slots.running(),
			installed: record && this.#slots.find(record.slot)?.state,
			resetReason: this.#options.resetReason,
		});
		this.#record = "record" in boot ? boot.record : undefined;
		this.#begin(boot, checkIn);
		return boot;
	}

	/** The firmware has checked in with its server. On trial this confirms it; an outcome not yet reported is reported. */
	async checkedIn(): Promise<void> {
		this.#trial?.succeed();
		await this.#trialRun;
		if (this.#record?.state === "report") await this.#drive("report");
	}

	/** On trial: nothing will come of it (the reason is in the log); roll back without waiting for the deadline. */
	giveUp(): void {
		this.#trial?.giveUp();
	}

	/** Why `offer` is not to be installed, without asking anyone; undefined when it is welcome. */
	refusal(offer: Offer): FleetlingError | undefined {
		if (this.#source !== undefined || this.#trial !== undefined)
			return new FleetlingError("update.busy", `an update is under way; update ${offer.id} has to wait`);
		const { failed, installed } = this.#ledger;
		return unwelcome(offer, { failed, installed, version: this.version, target: this.#slots.inactive() });
	}

	/**
	 * Takes `offer` through download, install and reboot. Rejects when it could not be carried out for reasons that lie
	 * outside the package: the same offer can be tried again later.
	 */
	async install(offer: Offer, options: InstallOptions): Promise<InstallResult> {
		const refusal = this.refusal(offer);
		if (refusal !== undefined) return { kind: "refused", error: refusal };
		this.#source = { offer, ...options };
		this.#error = undefined;
		this.#activated = false;
		try {
			await this.#drive("download");
		} finally {
			this.#download?.abort();
			this.#download = undefined;
			this.#installed = undefined;
			this.#source = undefined;
		}
		if (this.#restarting) return { kind: "restarting" };
		const error = this.#error ?? new FleetlingError("update.cancelled", `update ${offer.id} ended without a result`);
		if (blame(error) !== "package") throw error;
		return { kind: "failed", error };
	}

	#begin(boot: Boot, checkIn: number): void {
		switch (boot.kind) {
			case "ordinary":
			case "unreported":
				break;
			case "trial":
				this.#beginTrial(boot.record, checkIn);
				break;
			case "untried":
				this.#log.warn(`version ${boot.record.version} was never started: the power went too early; it can be offered again`);
				this.#ledger.fail(boot.record, { code: "update.failed", text: "the power went before it was started" }, false);
				this.#forget();
				break;
			case "rolled-back": {
				const { text, final } = trialFailures[boot.failure];
				this.#log.error(`version ${boot.record.version} was rolled back: ${text}; running ${this.version} again`);
				this.#ledger.fail(boot.record, { code: "update.rolled-back", text }, final);
				this.#conclude("failure", boot.record, true);
				break;
			}
			case "rollback-due":
				this.#trialRun = this.#drive("rollback");
				break;
			case "confirmed":
				this.#log.info(`version ${boot.record.version} was confirmed`);
				this.#ledger.succeed(boot.record);
				this.#conclude("success", boot.record, true);
				break;
		}
	}

	#beginTrial(record: UpdateRecord | undefined, checkIn: number): void {
		const { label } = this.#slots.running();
		const version = this.version;
		// An image that something else has put on trial is confirmed by the same rule.
		this.#record = record ?? { state: "verify", id: "", package: "", from: "", version, slot: label, trials: 1 };
		const back = this.#canRollBack();
		if (back)
			this.#log.info(`version ${version} is on trial: it has ${Math.round(checkIn / 1000)} s to check in with the server`);
		else this.#log.warn(`version ${version} is on trial with no older firmware to go back to`);
		this.#trial = new Trial(back ? checkIn : undefined);
		this.#trialRun = this.#drive("verify");
	}

	/** Goes from state to state by the table until the update is done or has to wait. Never rejects. */
	async #drive(from: UpdateState): Promise<void> {
		let state: UpdateState | "done" = from;
		while (state !== "done") {
			let result: StepResult;
			try {
				if (this.#observer.entered !== undefined) await this.#announce(state);
				result = await Updater.#steps[state](this);
			} catch (cause) {
				result = this.#failed(state, FleetlingError.from(cause, "update.failed", `the update failed in state ${state}`));
			}
			if (result === "pause") return;
			state = next(state, result);
		}
	}

	/** Only the states in which an update can be called off wait for the observer: a rollback must not wait for a network that is down. */
	async #announce(state: UpdateState): Promise<void> {
		const told = async (): Promise<void> => this.#observer.entered?.(state, this.#view());
		const heard = told().catch((error: unknown) => {
			if (callable[state] && error instanceof FleetlingError && error.code === "update.cancelled") throw error;
			this.#log.failure(error, "warn");
		});
		if (callable[state]) await heard;
	}

	static readonly #steps: Readonly<Record<UpdateState, (updater: Updater) => Promise<StepResult>>> = {
		download: (updater) => updater.#fetch(),
		install: (updater) => updater.#install(),
		reboot: (updater) => updater.#reboot(),
		verify: (updater) => updater.#verify(),
		commit: (updater) => updater.#commit(),
		rollback: (updater) => updater.#rollBack(),
		report: (updater) => updater.#report(),
	};

	/** What an error in `state` leads to. */
	#failed(state: UpdateState, error: FleetlingError): StepResult {
		this.#error = error;
		if (state === "report") {
			this.#log.warn(`the outcome could not be reported and will be again: ${error.toString()}`);
			return "pause";
		}
		if (state === "verify" || state === "commit") {
			this.#log.failure(error);
			return "failure";
		}
		if (state === "rollback") {
			this.#log.failure(error);
			this.#stay();
			return "pause";
		}
		let whose = blame(error);
		if (whose === "device" && ++this.#deviceFaults >= limits.deviceFaults) whose = "package";
		if (whose !== "package") return state === "reboot" ? "failure" : "pause";
		this.#log.failure(error);
		const record = this.#record ?? this.#newRecord("download", this.#installed?.version ?? "", "");
		this.#record = record;
		this.#ledger.fail(record, failureOf(error), true);
		if (state !== "reboot") this.#conclude("failure", record);
		this.#log.info(`keeping version ${this.version}; update ${record.id} is not tried again until the server offers another`);
		return "failure";
	}

	/** There is no way back after all. The firmware that runs may still check in, and is kept if it does. */
	#stay(): void {
		this.#trial = new Trial(undefined);
		this.#trialRun = this.#drive("verify");
	}

	async #fetch(): Promise<StepResult> {
		const { offer, open, blockBytes } = this.#current();
		this.#record = undefined;
		this.#log.info(`downloading update ${offer.id}`);
		const download = new Download({
			offer,
			blockBytes,
			readers: this.#options.readers,
			installers: this.#options.installers,
			onPercent: (percent) => this.#observer.progress?.(percent),
		});
		this.#download = download;
		await open(download);
		this.#log.info(`${download.bytes} bytes received`);
		return "success";
	}

	async #install(): Promise<StepResult> {
		this.#installed = this.#download?.finish();
		this.#log.info(`verified: version ${this.#installed?.version} is in slot ${this.#installed?.slot}`);
		return "success";
	}

	async #reboot(): Promise<StepResult> {
		const installed = this.#installed;
		if (installed === undefined) return "failure";
		this.#record = this.#newRecord("reboot", installed.version, installed.slot);
		this.#ledger.announce(this.#record);
		this.#activated = true;
		installed.activate();
		this.#log.info(`restarting into version ${installed.version} on trial`);
		await this.#leave();
		this.#options.restart();
		return "pause";
	}

	async #verify(): Promise<StepResult> {
		const outcome = (await this.#trial?.outcome) ?? "success";
		if (outcome === "success") return "success";
		if (this.#record !== undefined) this.#record = { ...this.#record, failure: "no-check-in" };
		this.#log.error(`version ${this.version} has not checked in with the server`);
		return "failure";
	}

	async #commit(): Promise<StepResult> {
		const record = this.#record;
		this.#slots.confirm();
		this.#trial = undefined;
		this.#log.info(`version ${this.version} has checked in and is confirmed`);
		if (record !== undefined) this.#ledger.succeed(record);
		this.#conclude("success", record);
		return "success";
	}

	async #rollBack(): Promise<StepResult> {
		const record = this.#record;
		// An update that never got as far as running has changed nothing but, perhaps, the choice for the next boot.
		if (record === undefined || this.#slots.running().label !== record.slot) {
			if (this.#activated) this.#slots.deactivate();
			this.#conclude("failure", record);
			return "success";
		}
		this.#ledger.note({ failure: "called-off", ...record, state: "rollback" });
		this.#log.warn("going back to the older firmware");
		await this.#leave();
		this.#slots.rollBack();
		return "pause";
	}

	async #report(): Promise<StepResult> {
		const record = this.#record;
		if (record !== undefined && record.id !== "") {
			const report = finalReport(record, this.#ledger.failed, this.#error);
			await this.#observer.report?.(report);
			this.#observer.ended?.(report);
		}
		this.#forget();
		return "success";
	}

	/**
	 * The update has ended. Its record is kept in storage until the server knows, where the server wants to; `persist`
	 * keeps it anyway, so that the next boot does not draw its conclusions again from another reset reason.
	 */
	#conclude(outcome: Outcome, ended: UpdateRecord | undefined, persist = this.#observer.report !== undefined): void {
		if (ended === undefined) return;
		const { failure: _, ...rest } = ended;
		const record: UpdateRecord = { ...rest, state: "report", outcome };
		this.#record = record;
		if (persist) this.#ledger.note(record);
	}

	#forget(): void {
		this.#record = undefined;
		this.#ledger.forget();
	}

	/** An image that cannot be looked at is no reason to leave a trial without a deadline. */
	#canRollBack(): boolean {
		try {
			return this.#slots.canRollBack();
		} catch (error) {
			this.#log.failure(error);
			return true;
		}
	}

	#newRecord(state: UpdateState, version: string, slot: string): UpdateRecord {
		const { offer } = this.#current();
		const name = fingerprint(offer);
		const { failed } = this.#ledger;
		const trials = (failed?.package === name ? failed.trials : 0) + (state === "reboot" ? 1 : 0);
		return { state, id: offer.id, package: name, from: this.version, version, slot, trials };
	}

	#current(): Source {
		if (this.#source === undefined) throw new FleetlingError("update.failed", "no update is under way");
		return this.#source;
	}

	#view(): UpdateView {
		const { offer } = this.#source ?? {};
		return {
			id: this.#record?.id ?? offer?.id ?? "",
			from: this.#record?.from ?? this.version,
			version: this.#record?.version ?? this.#installed?.version ?? offer?.version,
		};
	}

	/** Everything that may want to happen before the device restarts, within a moment. */
	async #leave(): Promise<void> {
		this.#restarting = true;
		try {
			await this.#observer.restarting?.();
		} catch (error) {
			this.#log.failure(error, "warn");
		}
		await sleep(deadlines.restartPause);
	}
}
