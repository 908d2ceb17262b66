import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { deadlines, intervals, limits } from "../common/deadlines";
import type { ResetReason } from "../common/device";
import type { TaggedLog } from "../common/log";
import { assessBoot, type Boot, trialFailures } from "./boot";
import type { InstallOptions } from "./fetcher";
import { Gate, type GateOptions, type UpdateRules } from "./gate";
import { Installation, type InstallationOptions } from "./installation";
import type { LedgerOptions } from "./ledger";
import type { FailedPackage, Provides } from "./memory";
import type { InstallResult, UpdateObserver } from "./observer";
import type { Offer } from "./offer";
import { Probation } from "./probation";
import type { UpdateRecord } from "./record";
import { callable, next, type UpdateState } from "./states";
import { type StepResult, UnderWay } from "./under-way";
import { unwelcome } from "./unwelcome";

export interface UpdaterOptions extends InstallationOptions, LedgerOptions, GateOptions {
	readonly resetReason: ResetReason;
}

/** Runs updates through the states of states.ts, over restarts. One at a time. */
export class Updater {
	readonly #options: UpdaterOptions;
	readonly #log: TaggedLog;
	readonly #underWay: UnderWay;
	readonly #gate: Gate;
	readonly #installation: Installation;
	readonly #probation: Probation;
	#trialRun: Promise<void> | undefined;

	constructor(options: UpdaterOptions) {
		this.#options = options;
		this.#log = options.log;
		this.#underWay = new UnderWay(options);
		this.#gate = new Gate(options);
		this.#installation = new Installation(options, this.#underWay, this.#gate);
		this.#probation = new Probation(options, this.#underWay);
	}

	/** Whether the running firmware waits for its confirmation. */
	get onTrial(): boolean {
		return this.#probation.active;
	}

	/** Version of the running image, from its own description. */
	get version(): string {
		return this.#underWay.version;
	}

	/**
	 * The version to be known by to a server that is told how updates end: the new one only from when the server has
	 * accepted that. Mender takes a device that changes its name before for one whose update has failed.
	 */
	get settledVersion(): string {
		return this.#underWay.settledVersion;
	}

	/** What the running image provides, as its artifact said; at least `artifact_name`. */
	get provides(): Provides {
		return this.#underWay.ledger.provides(this.#underWay.place);
	}

	/** The same as `settledVersion` for what it provides. */
	get settledProvides(): Provides {
		return this.#underWay.settledProvides;
	}

	/** Whether the server has yet to take how an update ended. */
	get untold(): boolean {
		return this.#underWay.record?.state === "report";
	}

	/** The package that failed here last, if any. */
	get lastFailure(): FailedPackage | undefined {
		return this.#underWay.ledger.failed;
	}

	set observer(observer: UpdateObserver) {
		this.#underWay.observer = observer;
	}

	/** What has been decided about when to update: known only after `boot`, once the configuration has been read. */
	set rules(rules: UpdateRules) {
		this.#gate.rules = rules;
	}

	/**
	 * The first thing after a start: finds out what this boot means and, on trial, starts the clock of `checkIn`
	 * milliseconds.
	 */
	boot(checkIn: number): Boot {
		const { slots, resetReason } = this.#options;
		const underWay = this.#underWay;
		const record = underWay.ledger.read();
		const installed = record && slots.find(record.slot)?.state;
		const boot = assessBoot({ record, running: slots.running(), installed, resetReason });
		// What is still to be told is told, whatever else happens.
		const untold = record?.state === "report" ? record : undefined;
		underWay.record = ("record" in boot ? boot.record : undefined) ?? untold;
		if (record !== undefined && boot.kind === "ordinary") underWay.forget();
		this.begin(boot, checkIn);
		return boot;
	}

	/** Reports the outcome that the server does not know yet. Never rejects. */
	tell(): Promise<void> {
		return this.drive("report");
	}

	/**
	 * The firmware has checked in with its server. On trial this confirms it; an outcome not yet reported is reported, unless
	 * that was tried before (`told`). Returns whether an update has come to its end with that: an offer from before is old then.
	 */
	async checkedIn(told = false): Promise<boolean> {
		const underWay = this.#underWay;
		const { onTrial } = this;
		const ending = !told && (onTrial || underWay.record?.state === "report");
		this.#probation.succeed();
		await this.#trialRun;
		// A trial that has ended well has told it, or tried to.
		if (!told && !onTrial && underWay.record?.state === "report") await this.drive("report");
		return ending && underWay.record === undefined;
	}

	/** On trial: nothing will come of it (the reason is in the log); roll back without waiting for the deadline. */
	giveUp(): void {
		this.#probation.end("no-check-in");
	}

	/**
	 * Calls the update off that is under way or waits, at any state from which there is a way back; returns whether there
	 * was one. On trial the older firmware comes back. What an application or a person has called off is not fetched again
	 * by itself; a server has its own ways to say so.
	 */
	cancel(reason: string, by: "server" | "application"): boolean {
		const underWay = this.#underWay;
		const error = new FleetlingError("update.cancelled", reason);
		const unwanted = by === "application";
		if (this.#installation.busy) return this.#installation.cancel(error, unwanted);
		if (this.onTrial) this.#probation.end(unwanted ? "called-off" : "aborted");
		else if (underWay.waiting) {
			this.#installation.discard(error, unwanted);
			void this.drive("report");
		} else return false;
		return true;
	}

	/** The server has called off the update that it knows by this name; any other is none of its business. */
	abort(id: string, reason: string): boolean {
		const underWay = this.#installation.offer?.id ?? this.#underWay.record?.id;
		return underWay === id && this.cancel(reason, "server");
	}

	/** Stops what is under way for `reason`, without giving it up: it goes on with the next `install`. */
	interrupt(reason: FleetlingError): void {
		this.#installation.cancel(reason, false);
	}

	/** Why `offer` is not to be installed, without asking anyone; undefined when it is welcome. */
	refusal(offer: Offer): FleetlingError | undefined {
		const { record, ledger } = this.#underWay;
		if (this.#installation.busy || this.onTrial)
			return new FleetlingError("update.busy", `an update is under way; update ${offer.id} has to wait`);
		const { failed, installed, sinceFailure } = ledger;
		const { retryFailHours: retryHours = intervals.retryFailHours } = this.#gate.rules;
		const { version } = this;
		const situation = { failed, installed, sinceFailure, retryHours, version, target: this.#options.slots.inactive() };
		const refusal = unwelcome(offer, situation);
		if (refusal !== undefined || record?.state !== "report") return refusal;
		return new FleetlingError(
			"update.busy",
			`the server has not accepted yet how update ${record.id} ended; update ${offer.id} has to wait`,
		);
	}

	/** Somebody wants it now: an application that has said "not now" is asked again. */
	reconsider(): void {
		this.#gate.reset();
	}

	/** The server offers nothing: lets go of what there is of a package in memory. What is in the slot stays. */
	rest(): void {
		this.#installation.rest();
	}

	/**
	 * Takes `offer` through download, install and reboot. Rejects when it could not be carried out for reasons that lie
	 * outside the package: the same offer can be tried again later, and goes on where it was.
	 */
	install(offer: Offer, options: InstallOptions): Promise<InstallResult> {
		const refusal = this.refusal(offer);
		if (refusal !== undefined) return Promise.resolve({ kind: "refused", error: refusal });
		// Not an asynchronous function: each one that waits costs a device 1 KB.
		return this.drive(this.#installation.begin(offer, options)).then(() => this.#installation.end());
	}

	private begin(boot: Boot, checkIn: number): void {
		const { ledger } = this.#underWay;
		switch (boot.kind) {
			case "ordinary":
				break;
			case "unreported":
				this.remember(boot.record);
				break;
			case "trial":
				this.#probation.begin(boot.record, this.extended(checkIn, boot.record));
				this.#trialRun = this.drive("verify");
				break;
			case "interrupted":
				this.#underWay.waiting = true;
				this.#log.warn(`update ${boot.record.id} was interrupted; it goes on when the server offers it again`);
				break;
			case "untried":
				this.keep(boot.record);
				break;
			case "rolled-back":
				this.rolledBack(boot.record, boot.failure);
				break;
			case "rollback-due":
				// A bootloader that does not go back, whatever it is told, would keep the device restarting for ever.
				if (ledger.looping) this.#probation.stay();
				this.#trialRun = this.drive(ledger.looping ? "verify" : "rollback");
				break;
			case "confirmed":
				this.#log.info(`version ${boot.record.version} was confirmed`);
				ledger.succeed(boot.record);
				this.#underWay.conclude("success", boot.record, true);
				break;
		}
	}

	/** The time for a check-in, after a brown-out as well as when the supply has ended this firmware's last trial. */
	private extended(checkIn: number, { trials }: Partial<UpdateRecord> = {}): number {
		const weak = this.#options.resetReason === "brown-out" || (trials ?? 1) > 1;
		return weak ? checkIn * deadlines.weakSupplyFactor : checkIn;
	}

	/** The slot holds a whole image that has never run: it is tried when the server offers it again. */
	private keep(record: UpdateRecord): void {
		const underWay = this.#underWay;
		// Without a slot there is no image to ask, only what was remembered of a package that is in use.
		if (record.slot === "" && underWay.ledger.uses(record, underWay.place)) {
			underWay.ledger.succeed(record);
			underWay.conclude("success", record, true);
			return;
		}
		this.#log.warn(`version ${record.version} was not started: it is tried when the server offers it again`);
		if (record.slot === "") {
			underWay.forget();
			return;
		}
		const trials = record.state === "reboot" ? record.trials - 1 : record.trials;
		underWay.record = { ...record, state: "install", trials };
		underWay.waiting = true;
	}

	private rolledBack(record: UpdateRecord, failure: keyof typeof trialFailures): void {
		const underWay = this.#underWay;
		const { text, after } = trialFailures[failure];
		const told = `version ${record.version} was rolled back: ${text}`;
		if (after === "repeat" && record.trials < limits.trials) {
			this.#log.warn(`${told}; it is tried again, ${limits.trials} times in all (${record.trials} so far)`);
			const { failure: _, kept: __, ...rest } = record;
			underWay.record = underWay.ledger.note({ ...rest, state: "install" });
			underWay.waiting = true;
			return;
		}
		this.#log.error(`${told}; running ${this.version} again`);
		// In this order: what is remembered but not concluded would be refused from the next boot on, and never told.
		underWay.conclude("failure", { ...record, failure }, true);
		if (after !== "forget") underWay.ledger.fail(record, { code: "update.rolled-back", text });
	}

	/** The power may have gone between an outcome and what is to be remembered of it. */
	private remember(record: UpdateRecord): void {
		const { ledger } = this.#underWay;
		const { package: name, failure, outcome } = record;
		if (outcome === "success" && ledger.installed?.package !== name) ledger.succeed(record);
		if (failure === undefined || ledger.failed?.package === name) return;
		const { text, after } = trialFailures[failure];
		if (after !== "forget") ledger.fail(record, { code: "update.rolled-back", text });
	}

	/** Goes from state to state by the table until the update is done or has to wait. Never rejects. */
	private async drive(from: UpdateState): Promise<void> {
		let state: UpdateState | "done" = from;
		while (state !== "done") {
			let result: StepResult;
			try {
				if (this.#underWay.observer.entered !== undefined) await this.announce(state);
				if (callable[state]) this.#installation.throwIfCancelled();
				result = await Updater.#steps[state](this);
			} catch (cause) {
				result = this.failed(state, FleetlingError.from(cause, "update.failed", `the update failed in state ${state}`));
			}
			if (result === "pause") return;
			state = next(state, result);
		}
	}

	/** Only the states in which an update can be called off wait for the observer: a rollback must not wait for a network that is down. */
	private announce(state: UpdateState): Promise<void> {
		const { observer } = this.#underWay;
		const { offer, immediate } = this.#installation;
		const view = { ...this.#underWay.view(offer), ...(immediate && { immediate }) };
		// Not an asynchronous function: see install.
		const heard = new Promise<void>((resolve) => resolve(observer.entered?.(state, view))).catch((error: unknown) => {
			if (callable[state] && error instanceof FleetlingError && error.code === "update.cancelled") throw error;
			this.#log.failure(error, "warn");
		});
		return callable[state] ? heard : Promise.resolve();
	}

	static readonly #steps: Readonly<Record<UpdateState, (updater: Updater) => Promise<StepResult> | StepResult>> = frozen({
		download: (updater) => updater.#installation.fetch(),
		install: (updater) => updater.#installation.install(),
		reboot: (updater) => updater.#installation.reboot(),
		verify: (updater) => updater.#probation.verify(),
		commit: (updater) => (updater.onTrial ? updater.#probation.commit() : updater.#installation.commit()),
		rollback: (updater) => updater.rollBack(),
		report: (updater) => updater.#underWay.report(),
	});

	private rollBack(): Promise<StepResult> | StepResult {
		const { record } = this.#underWay;
		const running = this.#options.slots.running().label;
		const back = record !== undefined && (this.onTrial || running === record.slot);
		return back ? this.#probation.rollBack(record) : this.#installation.undo();
	}

	/** What an error in `state` leads to. */
	private failed(state: UpdateState, error: FleetlingError): StepResult {
		if (state === "report") {
			this.#log.warn(`the outcome could not be reported and will be again: ${error.toString()}`);
			return "pause";
		}
		if (this.#installation.busy) return this.#installation.failed(state, error);
		this.#underWay.error = error;
		const result = this.#probation.failed(state, error);
		if (state === "rollback") {
			this.#probation.stay();
			this.#trialRun = this.drive("verify");
		}
		return result;
	}
}
