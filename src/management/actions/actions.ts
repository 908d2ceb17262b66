import { FleetlingError } from "fleetling/error/error";
import Timer from "timer";
import { Cancellation } from "../../common/cancellation";
import { limits } from "../../common/deadlines";
import { describe, type TaggedLog } from "../../common/log";
import { type Action, type ActionContext, type ActionResult, statuses } from "./action";
import { Output } from "./output";
import type { ExecutionRecord } from "./record";

/** Whom the result goes to. */
export type Answer = (result: ActionResult) => void;

interface Job {
	readonly id: string;
	readonly action: Action;
	/** Of the last one who has asked: an earlier one is not there any more. */
	answer: Answer;
}

export interface ActionsOptions {
	readonly record: ExecutionRecord;
	readonly log: TaggedLog;
}

/**
 * What a manager can have the device do: the list, a queue that is worked off one by one, and the results.
 *
 * An execution has an identifier of the manager's. One that comes again gets the stored result, or waits for the one that
 * is under way; it never takes place twice, over restarts neither.
 */
export class Actions {
	/** Called when the list has changed. */
	onChange: (() => void) | undefined;
	readonly #options: ActionsOptions;
	readonly #list = new Map<string, Action>();
	/** The first one runs. */
	readonly #jobs: Job[] = [];

	constructor(options: ActionsOptions) {
		this.#options = options;
	}

	/** Whether nothing runs or waits. */
	get idle(): boolean {
		return this.#jobs.length === 0;
	}

	get list(): readonly Action[] {
		return [...this.#list.values()];
	}

	/**
	 * Adds an action, or replaces the one with its id.
	 *
	 * @throws FleetlingError management.bad-action
	 */
	add(action: Action): void {
		const { id, timeout } = action;
		if (id.length < 1 || id.length > limits.fact)
			throw bad(id, `has an id of ${id.length} characters instead of 1 to ${limits.fact}`);
		if (!(timeout > 0 && timeout <= limits.actionSeconds))
			throw bad(id, `has a time-out of ${timeout} s instead of up to ${limits.actionSeconds}`);
		if (!this.#list.has(id) && this.#list.size >= limits.actions)
			throw bad(id, `is one too many: ${limits.actions} are there already`);
		this.#list.set(id, action);
		this.onChange?.();
	}

	/**
	 * Takes an execution: `answer` is called once, later.
	 *
	 * @returns false when too many wait; it may be asked for again
	 */
	request(id: string, name: string, answer: Answer): boolean {
		const waiting = this.#jobs.find((job) => job.id === id);
		if (waiting !== undefined) {
			waiting.answer = answer;
			return true;
		}
		const known = this.#options.record.find(id);
		if (known !== undefined) {
			this.#options.log.info(`execution ${id} is known: it is answered and not repeated`);
			this.#later(answer, known.result ?? { status: statuses.unknown, output: "the device restarted while it ran\n" });
			return true;
		}
		const action = this.#list.get(name);
		if (action === undefined) {
			this.#later(answer, { status: statuses.unknown, output: `this device has no action "${name.slice(0, limits.fact)}"\n` });
			return true;
		}
		if (this.#jobs.length > limits.actionQueue) return false;
		this.#jobs.push({ id, action, answer });
		if (this.#jobs.length === 1) void this.#work();
		return true;
	}

	/** Never from within `request`: whoever asks has to hear first that it was taken. */
	#later(answer: Answer, result: ActionResult): void {
		void Promise.resolve().then(() => this.#tell(answer, result));
	}

	#tell(answer: Answer, result: ActionResult): void {
		try {
			answer(result);
		} catch (error) {
			this.#options.log.failure(error);
		}
	}

	/** Works the queue off. Never rejects. */
	async #work(): Promise<void> {
		const { record, log } = this.#options;
		for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
			const execution = new Execution(job.action);
			let result: ActionResult | undefined;
			try {
				record.begin(job.id);
				log.info(`action ${job.action.id} begins`);
				result = await execution.run();
				log.info(`action ${job.action.id} ended with status ${result.status}`);
				record.end(job.id, result);
			} catch (error) {
				// The storage failed. What could not be noted is not done, and what was done is told.
				log.failure(error);
				result ??= { status: statuses.failed, output: `${describe(error)}\n` };
			}
			this.#jobs.shift();
			this.#tell(job.answer, result);
			try {
				execution.after?.();
			} catch (error) {
				log.failure(error);
			}
		}
	}
}

/** One run of an action, with its deadline. */
class Execution implements ActionContext {
	readonly cancellation = new Cancellation();
	after: (() => void) | undefined;
	readonly #action: Action;
	readonly #output = new Output();

	constructor(action: Action) {
		this.#action = action;
	}

	readonly print = (text: string): void => {
		if (!this.cancellation.cancelled) this.#output.add(text);
	};

	readonly afterwards = (act: () => void): void => {
		if (!this.cancellation.cancelled) this.after = act;
	};

	/** Never rejects. What an action does after its time is its own business. */
	run(): Promise<ActionResult> {
		return new Promise((resolve) => {
			const { timeout } = this.#action;
			const timer = Timer.set(() => {
				const late = new FleetlingError("management.action-late", `the action took longer than ${timeout} s`);
				this.after = undefined;
				this.#output.add(`${late.message}\n`);
				resolve({ status: statuses.timedOut, output: this.#output.text });
				this.cancellation.cancel(late);
			}, timeout * 1000);
			const end = (status: number): void => {
				Timer.clear(timer);
				resolve({ status, output: this.#output.text });
			};
			// In the executor of a promise, an exception is a rejection; this one wants to be heard of in either case.
			Promise.resolve()
				.then(() => this.#action.run(this))
				.then(
					(status) => {
						if (!this.cancellation.cancelled) end(statusOf(status));
					},
					(error: unknown) => {
						if (this.cancellation.cancelled) return;
						this.print(`${describe(error)}\n`);
						end(statuses.failed);
					},
				);
		});
	}
}

function statusOf(returned: unknown): number {
	if (returned === undefined) return 0;
	return typeof returned === "number" && Number.isSafeInteger(returned) ? returned : statuses.failed;
}

function bad(id: string, what: string): FleetlingError {
	return new FleetlingError("management.bad-action", `action "${id.slice(0, limits.fact)}" ${what}`);
}
