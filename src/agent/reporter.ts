import { FleetlingError } from "fleetling/error/error";
import { deadlines } from "../common/deadlines";
import type { TaggedLog } from "../common/log";
import { withDeadline } from "../common/time";
import type { FinalReport, UpdateObserver, UpdateView } from "../update/observer";
import type { UpdateState } from "../update/states";
import type { Notifier } from "./notifier";
import { type Server, ServerError } from "./server";
import type { Session } from "./session";

export interface ReporterOptions {
	readonly server: Server;
	readonly session: Session;
	readonly notifier: Notifier;
	readonly log: TaggedLog;
}

/** Takes what happens to an update to the log, to the application, and to the server as far as its protocol has words for it. */
export class Reporter implements UpdateObserver {
	/** Absent when the server does not want to know: then nothing has to be kept until it does. */
	readonly report?: (final: FinalReport) => Promise<void>;
	/** Milliseconds that the server asked to wait when it did not take the last report. */
	retryAfter: number | undefined;
	readonly #options: ReporterOptions;
	#tens = -1;

	constructor(options: ReporterOptions) {
		this.#options = options;
		const { server, session } = options;
		if (server.report !== undefined)
			this.report = (final) => {
				this.retryAfter = undefined;
				return session
					.use((token) => server.report?.(token, final) ?? Promise.resolve())
					.catch((error: unknown) => {
						if (error instanceof ServerError) this.retryAfter = error.retryAfter;
						throw error;
					});
			};
	}

	entered(state: UpdateState, update: UpdateView): Promise<void> | void {
		const { server, session, notifier } = this.#options;
		if (state === "download") this.#tens = -1;
		notifier.tell((events) => events.update?.(state, update));
		if (server.entered !== undefined) return session.use((token) => server.entered?.(token, state, update) ?? Promise.resolve());
	}

	progress(percent: number): void {
		const { server, notifier, log } = this.#options;
		const tens = Math.floor(percent / 10);
		if (tens > this.#tens) log.info(`download ${percent} %`);
		this.#tens = tens;
		server.progress?.(percent);
		notifier.tell((events) => events.progress?.(percent));
	}

	/** A server that sees its connection closed does not take the next one for a second device. */
	restarting(): Promise<void> {
		const { server, notifier } = this.#options;
		notifier.enter("restarting");
		const late = (): FleetlingError => new FleetlingError("net.timeout", `${server.name} took too long to say goodbye`);
		return withDeadline(Promise.resolve(server.close()), deadlines.goodbye, late);
	}

	ended(final: FinalReport): void {
		this.#options.server.ended?.(final);
		this.#options.notifier.tell((events) => events.result?.(final));
	}
}
