import { FleetlingError } from "fleetling/error/error";
import { deadlines, intervals } from "../common/deadlines";
import type { TaggedLog } from "../common/log";
import type { Random } from "../common/random";
import { withDeadline } from "../common/time";
import type { UpdateView } from "./observer";
import type { UpdateWindow } from "./window";

/** Where an update can be made to wait. */
export type GateStep =
	/** Before its first byte is fetched, or the next one after an interruption. */
	| "download"
	/** Before the device restarts into the new firmware, which is in its slot and verified. */
	| "restart";

/** True to go ahead; false for "not now"; a number for "not now, ask again in so many milliseconds". */
export type Consent = boolean | number;

/** What an application has to say to updates. */
export interface UpdatePolicy {
	/**
	 * Asked before each step. Answers within a few seconds: what takes longer, such as asking a person, is a "not now",
	 * and a call of the agent's `checkNow` when there is an answer. An exception, or no answer, does not stop an update.
	 */
	allows?(step: GateStep, update: UpdateView): Consent | Promise<Consent>;
}

/** What a person and an application have decided about updates. */
export interface UpdateRules {
	/** When updates may begin and restart the device; always when absent. */
	readonly window?: UpdateWindow | undefined;
	readonly policy?: UpdatePolicy | undefined;
	/** For how many hours a package that failed is left alone; 0: for ever. */
	readonly retryFailHours?: number;
}

export interface GateOptions {
	readonly log: TaggedLog;
	/** Milliseconds since 1970. */
	readonly clock: () => number;
	/** Milliseconds, monotonic. */
	readonly ticks: () => number;
	readonly random: Random;
}

/** Decides when an update may go on. It never says no for good, and never waits itself. */
export class Gate {
	/** Known only once the configuration has been read. */
	rules: UpdateRules = {};
	readonly #options: GateOptions;
	/** What the application wanted to be left alone with, and until when by `ticks`. */
	#held = "";
	#until = 0;
	#said = "";

	constructor(options: GateOptions) {
		this.#options = options;
	}

	/** Something has changed: the application is asked again, whatever it has said. */
	reset(): void {
		this.#held = "";
	}

	/** Milliseconds after which `step` is worth asking for again; 0 when it may be taken now. */
	async ask(step: GateStep, update: UpdateView): Promise<number> {
		const { clock, ticks, random } = this.#options;
		const { window } = this.rules;
		const closed = window?.wait(clock()) ?? 0;
		if (window !== undefined && closed > 0) {
			const spread = Math.min(intervals.windowSpread, window.length / 4) * random();
			this.say(step, update, `waits for the update window ${window}`);
			return Math.ceil(closed + spread);
		}
		const held = `${step} ${update.id}`;
		if (held === this.#held && ticks() < this.#until) return this.#until - ticks();
		const consent = await this.consent(step, update);
		if (consent === true || (typeof consent === "number" && !(consent > 0))) return 0;
		const wanted = consent === false ? intervals.askAgain : consent;
		const wait = Math.ceil(Math.min(wanted, intervals.askAgainAtLeast));
		this.#held = held;
		this.#until = ticks() + wait;
		this.say(step, update, "waits: the application says not now");
		return wait;
	}

	private async consent(step: GateStep, update: UpdateView): Promise<Consent> {
		const { policy } = this.rules;
		if (policy?.allows === undefined) return true;
		const late = (): FleetlingError =>
			new FleetlingError("update.failed", "the application did not say in time whether an update may go on; it goes on");
		try {
			return await withDeadline(Promise.resolve(policy.allows(step, update)), deadlines.consent, late);
		} catch (error) {
			this.#options.log.failure(error);
			return true;
		}
	}

	/** Once: it is asked for with every poll. */
	private say(step: GateStep, { id }: UpdateView, text: string): void {
		const line = step === "download" ? `update ${id} ${text}` : `update ${id} is in its slot and ${text}`;
		if (line !== this.#said) this.#options.log.info(line);
		this.#said = line;
	}
}
