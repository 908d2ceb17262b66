import type { FleetlingError } from "fleetling/error/error";
import type { TaggedLog } from "../common/log";
import type { TrialFailure } from "./boot";
import type { Entry } from "./ledger";
import type { UpdateRecord } from "./record";
import type { Slots } from "./slots";
import type { UpdateState } from "./states";
import { Trial } from "./trial";
import type { StepResult, UnderWay } from "./under-way";

export interface ProbationOptions {
	readonly slots: Slots;
	readonly log: TaggedLog;
}

/** The second half of an update, in the new firmware: on trial until it has checked in, and back if it does not. */
export class Probation {
	readonly #slots: Slots;
	readonly #log: TaggedLog;
	readonly #underWay: UnderWay;
	#trial: Trial | undefined;
	/** Why it is to end. */
	#failure: TrialFailure | undefined;

	constructor({ slots, log }: ProbationOptions, underWay: UnderWay) {
		this.#slots = slots;
		this.#log = log;
		this.#underWay = underWay;
	}

	/** Whether the running firmware waits for its confirmation. */
	get active(): boolean {
		return this.#trial !== undefined;
	}

	/** The trial begins; it has `checkIn` milliseconds. */
	begin(record: UpdateRecord | undefined, checkIn: number): void {
		const { label } = this.#slots.running();
		const { version } = this.#underWay;
		// An image that something else has put on trial is confirmed by the same rule.
		const foreign = { state: "verify", id: "", package: "", from: "", version, slot: label, trials: 1, stores: 0 } as const;
		this.#underWay.record = record ?? this.#underWay.record ?? foreign;
		const back = this.canRollBack();
		if (back)
			this.#log.info(`version ${version} is on trial: it has ${Math.round(checkIn / 1000)} s to check in with the server`);
		else this.#log.warn(`version ${version} is on trial with no older firmware to go back to`);
		this.#trial = new Trial(back ? checkIn : undefined);
	}

	/** There is no way back after all. The firmware that runs may still check in, and is kept if it does. */
	stay(): void {
		this.#failure = undefined;
		this.#underWay.leaving = false;
		this.#trial = new Trial(undefined);
	}

	succeed(): void {
		this.#trial?.succeed();
	}

	/** There is no use in waiting for the deadline. */
	end(failure: TrialFailure): void {
		this.#failure = failure;
		this.#trial?.giveUp();
	}

	async verify(): Promise<StepResult> {
		const outcome = (await this.#trial?.outcome) ?? "success";
		if (outcome === "success") return "success";
		const failure = this.#failure ?? "no-check-in";
		this.mark(failure);
		if (failure === "no-check-in") this.#log.error(`version ${this.#underWay.version} has not checked in with the server`);
		return "failure";
	}

	commit(): StepResult {
		const underWay = this.#underWay;
		// Called off after the check-in: until here that is not too late.
		if (this.#failure !== undefined) {
			this.mark(this.#failure);
			return "failure";
		}
		const { record } = underWay;
		this.#slots.confirm();
		this.#trial = undefined;
		this.#log.info(`version ${underWay.version} has checked in and is confirmed`);
		if (record === undefined || isOver(record)) return "success";
		underWay.ledger.succeed(record);
		underWay.conclude("success");
		return "success";
	}

	async rollBack(record: UpdateRecord): Promise<StepResult> {
		const underWay = this.#underWay;
		const entry: Entry = { failure: "unconfirmed", ...record, state: "rollback" };
		if (!isOver(record)) underWay.record = underWay.ledger.note(entry);
		this.#log.warn("going back to the older firmware");
		await underWay.leave();
		this.#slots.rollBack();
		return "pause";
	}

	/** What an error in `state` leads to. */
	failed(state: UpdateState, error: FleetlingError): StepResult {
		this.#log.failure(error);
		if (state === "rollback") return "pause";
		this.mark(error.code === "update.cancelled" ? "aborted" : "unconfirmed");
		return "failure";
	}

	private mark(failure: TrialFailure): void {
		const { record } = this.#underWay;
		if (record !== undefined && !isOver(record)) this.#underWay.record = { ...record, failure };
	}

	/** An image that cannot be looked at is no reason to leave a trial without a deadline. */
	private canRollBack(): boolean {
		try {
			return this.#slots.canRollBack();
		} catch (error) {
			this.#log.failure(error);
			return true;
		}
	}
}

/** Whether the record is of an earlier update, still to be told of, and not of the image on trial. */
function isOver({ state }: UpdateRecord): boolean {
	return state === "report";
}
