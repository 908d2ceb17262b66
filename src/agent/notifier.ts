import type { TaggedLog } from "../common/log";
import type { AgentEvents, AgentState } from "./events";

/** Keeps the agent's state and tells the application, whose mistakes must not stop updates. */
export class Notifier {
	readonly #events: AgentEvents | undefined;
	readonly #log: TaggedLog;
	#state: AgentState = "starting";

	constructor(events: AgentEvents | undefined, log: TaggedLog) {
		this.#events = events;
		this.#log = log;
	}

	get state(): AgentState {
		return this.#state;
	}

	enter(state: AgentState): void {
		if (state === this.#state) return;
		this.#state = state;
		this.tell((events) => events.state?.(state));
	}

	/** Calls the application, if there is one. */
	tell(call: (events: AgentEvents) => void): void {
		if (this.#events === undefined) return;
		try {
			call(this.#events);
		} catch (error) {
			this.#log.failure(error);
		}
	}
}
