import { FleetlingError } from "fleetling/error/error";
import Timer from "timer";
import { Backoff } from "../common/backoff";
import { Cancellation } from "../common/cancellation";
import { intervals } from "../common/deadlines";
import type { TaggedLog } from "../common/log";
import type { Random } from "../common/random";
import type { InstallResult } from "../update/observer";
import { fingerprint, type Offer } from "../update/offer";
import type { Updater } from "../update/updater";
import type { AgentEvents, AgentState } from "./events";
import type { FactSheet } from "./facts";
import type { Identity } from "./identity";
import { Notifier } from "./notifier";
import { Reporter } from "./reporter";
import { type Server, ServerError } from "./server";
import { Session } from "./session";
import type { Settings } from "./settings";
import { Trouble } from "./trouble";

export interface AgentOptions {
	/** Looked up each time: they may be configured from the server. */
	readonly settings: Pick<Settings, "pollSeconds" | "checkInSeconds" | "blockBytes">;
	readonly server: Server;
	readonly identity: Identity;
	/** Has been told of the boot already: a trial's clock must not wait for the agent. */
	readonly updater: Updater;
	readonly facts: FactSheet;
	readonly log: TaggedLog;
	readonly random: Random;
	/** Milliseconds, monotonic. */
	readonly ticks: () => number;
	readonly events?: AgentEvents;
}

/**
 * The life of a device with its server: gets itself let in, asks for updates at intervals, has them installed, and
 * outlives everything that goes wrong with any of it. Nothing it does throws or rejects into the caller.
 *
 * Between two polls all there is of it is a timer: an asynchronous function that waits costs a device 1 KB.
 */
export class Agent {
	readonly #options: AgentOptions;
	readonly #log: TaggedLog;
	readonly #session: Session;
	readonly #notifier: Notifier;
	readonly #trouble: Trouble;
	readonly #reporter: Reporter;
	readonly #backoff: Backoff;
	readonly #stop = new Cancellation();
	/** The next poll, while there is none under way. */
	#timer: Timer | undefined;
	/** The poll under way, and the last one when there is none. */
	#poll: Promise<void> | undefined;
	/** Somebody wants another poll right after the one under way. */
	#again = false;
	#refused = "";
	#said = "";

	constructor(options: AgentOptions) {
		const { server, identity, updater, facts, log, random, ticks } = options;
		this.#options = options;
		this.#log = log;
		this.#notifier = new Notifier(options.events, log);
		this.#trouble = new Trouble(log);
		this.#session = new Session({
			ticks,
			authenticate: () => server.authenticate({ facts: facts.read(), identity }, this.#stop),
		});
		const cap = intervals.mostPollSeconds * 1000;
		const { retryBase: base, retryFloor: floor, retryLongest: longest } = intervals;
		this.#backoff = new Backoff({ base, cap, floor, longest, random });
		this.#reporter = new Reporter({ server, session: this.#session, notifier: this.#notifier, log });
		updater.observer = this.#reporter;
	}

	get state(): AgentState {
		return this.#notifier.state;
	}

	/** Begins. Idempotent. */
	start(): void {
		if (this.#poll === undefined) this.#begin();
	}

	/** Asks for an update now instead of at the next poll, and an application that has put one off whether it may go on. */
	checkNow(): void {
		this.#options.updater.reconsider();
		if (this.#timer === undefined) this.#again = this.#poll !== undefined;
		else this.#begin();
	}

	/**
	 * Calls off the update that is under way or waits; returns whether there was one that could be. Its package is not
	 * fetched again until the server offers another, or `retryFailHours` have passed.
	 */
	cancelUpdate(reason: string): boolean {
		return this.#options.updater.cancel(reason, "application");
	}

	/** For the management link; see Management. */
	authorized(work: (token: string) => Promise<void>): Promise<void> {
		return this.#session.use(work);
	}

	/** Has the application show which device it is. */
	identify(): void {
		this.#notifier.tell((events) => events.identify?.());
	}

	/** Tells the application of a text from the server's side. */
	alert(text: string): void {
		this.#notifier.tell((events) => events.alert?.(text));
	}

	/** Ends all conversations and timers; resolves when nothing of the agent is left. Idempotent. */
	async stop(): Promise<void> {
		const reason = new FleetlingError("server.stopped", "the agent was stopped");
		this.#stop.cancel(reason);
		this.#options.updater.interrupt(reason);
		this.#clearTimer();
		await this.#options.server.close();
		await this.#poll;
		this.#session.drop();
		this.#notifier.enter("stopped");
	}

	#begin(): void {
		this.#clearTimer();
		this.#again = false;
		this.#poll = this.#cycle();
	}

	#clearTimer(): void {
		if (this.#timer !== undefined) Timer.clear(this.#timer);
		this.#timer = undefined;
	}

	/** One poll, and the timer for the next one unless there is none. Never rejects. */
	async #cycle(): Promise<void> {
		const { server, updater, facts } = this.#options;
		try {
			this.#notifier.enter("checking");
			// First: a server may have the next update ready, for what the device is called once this one has ended.
			const told = updater.untold && !updater.onTrial;
			if (told) await updater.tell();
			const offer = await this.#session.use((token) => server.check(token, facts.read(), this.#stop));
			this.#checkedIn(offer);
			const ended = await updater.checkedIn(told);
			// How an update ended is told again as soon as one that could not be asked is asked again.
			const untold = updater.untold;
			let wait = this.#untilNextPoll();
			if (untold) wait = this.#backoff.next(this.#reporter.retryAfter, wait);
			if (offer === undefined) updater.rest();
			// The server made it before it knew how the update before it ended.
			else if (ended) wait = 0;
			else {
				const result = await this.#consider(offer);
				if (result?.kind === "restarting") return;
				if (result?.kind === "postponed") wait = Math.min(wait, result.wait);
				// What has changed without a restart is told at once.
				if (result?.kind === "done") wait = 0;
				if (result?.kind === "failed") this.#notifier.tell((events) => events.trouble?.(result.error));
			}
			this.#notifier.enter("idle");
			if (!untold) this.#backoff.reset();
			this.#schedule(wait);
		} catch (error) {
			if (!this.#stop.cancelled) this.#schedule(this.#failed(error));
		}
	}

	#schedule(milliseconds: number): void {
		if (this.#stop.cancelled) return;
		this.#timer = Timer.set(() => this.#begin(), this.#again ? 0 : milliseconds);
	}

	#consider(offer: Offer): Promise<InstallResult> | undefined {
		const { server, updater, settings } = this.#options;
		const refusal = updater.refusal(offer);
		if (refusal !== undefined) {
			this.#refuse(offer, refusal);
			return undefined;
		}
		this.#notifier.enter("updating");
		this.#notifier.tell((events) => events.offer?.(offer));
		return updater.install(offer, {
			blockBytes: settings.blockBytes,
			open: (sink, cancellation) => this.#session.use((token) => server.download(token, offer, sink, cancellation)),
		});
	}

	/** Once per offer: it comes again with every poll. */
	#refuse(offer: Offer, error: FleetlingError): void {
		const name = `${error.code} ${fingerprint(offer)}`;
		if (name === this.#refused) return;
		this.#refused = name;
		this.#log.failure(error, "warn");
		this.#notifier.tell((events) => events.trouble?.(error));
	}

	/** Returns the milliseconds until the next try. */
	#failed(cause: unknown): number {
		const { server, updater, settings } = this.#options;
		const error = FleetlingError.from(cause, "server.failed", `talking to ${server.name} failed`);
		const pending = error.code === "server.not-approved";
		this.#trouble.note(error, pending ? this.#approvalNeeded() : undefined);
		this.#notifier.tell((events) => events.trouble?.(error));
		this.#notifier.enter(pending ? "pending" : "retrying");
		const retryAfter = error instanceof ServerError ? error.retryAfter : undefined;
		// A device that has trouble never asks more seldom than one that has none.
		const usual = settings.pollSeconds * 1000;
		const cap = updater.onTrial ? Math.min(usual, (settings.checkInSeconds * 1000) / intervals.trialTries) : usual;
		const pause = this.#backoff.next(retryAfter, cap);
		this.#log.debug(`next try in ${(pause / 1000).toFixed(1)} s`);
		return pause;
	}

	#approvalNeeded(): string {
		const { server, facts } = this.#options;
		return `${server.name} does not let this device in yet: approve ${facts.read().mac} there; asking again from time to time`;
	}

	#checkedIn(offer: Offer | undefined): void {
		const { name } = this.#options.server;
		const trouble = this.#trouble.over();
		if (trouble?.code === "server.not-approved") this.#log.info(`${name} has let this device in`);
		else if (trouble !== undefined) this.#log.info(`${name} answers again, after ${trouble.times} that failed`);
		const text =
			offer === undefined ? `checked in with ${name}: no update` : `checked in with ${name}: it offers update ${offer.id}`;
		// The same with every poll is no news.
		if (text === this.#said) this.#log.debug(text);
		else this.#log.info(text);
		this.#said = text;
	}

	#untilNextPoll(): number {
		const { settings, random } = this.#options;
		return Math.round(settings.pollSeconds * 1000 * (1 + intervals.pollSpread * (2 * random() - 1)));
	}
}
