import { FleetlingError } from "fleetling/error/error";
import type { TaggedLog } from "../common/log";

/**
 * Says what keeps the agent from its server once, not at each try: a console that fills with the same line every few
 * seconds hides the one that matters.
 */
export class Trouble {
	readonly #log: TaggedLog;
	#code: string | undefined;
	#times = 0;

	constructor(log: TaggedLog) {
		this.#log = log;
	}

	/** Another failure. `explanation` replaces the error's own text where a person should read something plainer. */
	note(error: unknown, explanation?: string): void {
		const code = error instanceof FleetlingError ? error.code : "bug";
		const known = code === this.#code;
		this.#code = code;
		this.#times += 1;
		if (known) this.#log.failure(error, "debug");
		else if (explanation === undefined) this.#log.failure(error, "warn");
		else this.#log.warn(explanation);
	}

	/** It works again. Returns what it was last and how often it had failed; undefined when there was no trouble. */
	over(): { readonly code: string; readonly times: number } | undefined {
		const code = this.#code;
		const times = this.#times;
		this.#code = undefined;
		this.#times = 0;
		return code === undefined ? undefined : { code, times };
	}
}
