import { FleetlingError } from "fleetling/error/error";
import { Backoff, type BackoffOptions } from "../common/backoff";
import { Cancellation } from "../common/cancellation";
import { deadlines, intervals } from "../common/deadlines";
import type { TaggedLog } from "../common/log";
import type { Random } from "../common/random";
import { sleep, withDeadline } from "../common/time";
import type { FinalReport, UpdateObserver, UpdateView } from "../update/observer";
import { fingerprint, type Offer } from "../update/offer";
import type { UpdateState } from "../update/states";
import type { Updater } from "../update/updater";
import type { AgentEvents, AgentState } from "./events";
import type { FactSheet } from "./facts";
import type { Identity } from "./identity";
import { type Server, ServerError } from "./server";
import { Session } from "./session";
import type { Settings } from "./settings";
import { Trouble } from "./trouble";

export interface AgentOptions {
	readonly settings: Pick<Settings, "pollSeconds" | "checkInSeconds" | "blockBytes" | "mac">;
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
 */
export class Agent {
	readonly #options: AgentOptions;
	readonly #log: TaggedLog;
	readonly #session: Session;
	readonly #trouble: Trouble;
	readonly #backoff: Backoff;
	readonly #trialBackoff: Backoff;
	readonly #stop = new Cancellation();
	#nap = new Cancellation();
	#run: Promise<void> | undefined;
	#state: AgentState = "starting";
	#refused = "";
	#said = "";
	#told = -1;

	constructor(options: AgentOptions) {
		const { settings, server, identity, facts, log, random, ticks } = options;
		this.#options = options;
		this.#log = log;
		this.#trouble = new Trouble(log);
		this.#session = new Session({
			ticks,
			authenticate: () => server.authenticate({ facts: facts.read(), identity }, this.#stop),
		});
		const poll = settings.pollSeconds * 1000;
		// A device that has trouble never asks more seldom than one that has none.
		this.#backoff = new Backoff(retries(poll, random));
		this.#trialBackoff = new Backoff(retries(Math.min(poll, (settings.checkInSeconds * 1000) / intervals.trialTries), random));
		options.updater.observer = this.#observer();
	}

	get state(): AgentState {
		return this.#state;
	}

	/** Begins. Idempotent. */
	start(): void {
		this.#run ??= this.#live();
	}

	/** Asks for an update now instead of at the next poll. */
	checkNow(): void {
		this.#nap.cancel(new FleetlingError("server.stopped", "woken before the time"));
	}

	/** Ends all conversations and timers; resolves when nothing of the agent is left. Idempotent. */
	async stop(): Promise<void> {
		this.#stop.cancel(new FleetlingError("server.stopped", "the agent was stopped"));
		this.checkNow();
		await this.#options.server.close();
		await this.#run;
		this.#session.drop();
		this.#enter("stopped");
	}

	async #live(): Promise<void> {
		while (!this.#stop.cancelled) {
			const pause = await this.#cycle();
			if (pause === undefined) return;
			await this.#rest(pause);
		}
	}

	/** One poll. Returns the milliseconds until the next one; undefined when there is none. Never rejects. */
	async #cycle(): Promise<number | undefined> {
		const { updater } = this.#options;
		try {
			this.#enter("checking");
			const offer = await this.#check();
			this.#checkedIn(offer);
			await updater.checkedIn();
			if (offer !== undefined && (await this.#consider(offer))) return undefined;
			this.#enter("idle");
			this.#backoff.reset();
			return this.#untilNextPoll();
		} catch (error) {
			return this.#stop.cancelled ? undefined : this.#failed(error);
		}
	}

	#check(): Promise<Offer | undefined> {
		const { server, facts } = this.#options;
		return this.#session.use((token) => server.check(token, facts.read(), this.#stop));
	}

	/** Returns true when the device restarts. */
	async #consider(offer: Offer): Promise<boolean> {
		const { server, updater, settings } = this.#options;
		const refusal = updater.refusal(offer);
		if (refusal !== undefined) {
			this.#refuse(offer, refusal);
			return false;
		}
		this.#enter("updating");
		this.#notify((events) => events.offer?.(offer));
		this.#told = -1;
		const result = await updater.install(offer, {
			blockBytes: settings.blockBytes,
			open: (sink) => this.#session.use((token) => server.download(token, offer, sink, this.#stop)),
		});
		if (result.kind === "restarting") return true;
		this.#notify((events) => events.trouble?.(result.error));
		return false;
	}

	/** Once per offer: it comes again with every poll. */
	#refuse(offer: Offer, error: FleetlingError): void {
		const name = `${error.code} ${fingerprint(offer)}`;
		if (name === this.#refused) return;
		this.#refused = name;
		this.#log.failure(error, "warn");
		this.#notify((events) => events.trouble?.(error));
	}

	#failed(cause: unknown): number {
		const error = FleetlingError.from(cause, "server.failed", `talking to ${this.#options.server.name} failed`);
		const pending = error.code === "server.not-approved";
		this.#trouble.note(error, pending ? this.#approvalNeeded() : undefined);
		this.#notify((events) => events.trouble?.(error));
		this.#enter(pending ? "pending" : "retrying");
		const backoff = this.#options.updater.onTrial ? this.#trialBackoff : this.#backoff;
		const pause = backoff.next(error instanceof ServerError ? error.retryAfter : undefined);
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
		const poll = settings.pollSeconds * 1000;
		return Math.round(poll * (1 + intervals.pollSpread * (2 * random() - 1)));
	}

	async #rest(milliseconds: number): Promise<void> {
		this.#nap = new Cancellation();
		if (this.#stop.cancelled) return;
		try {
			await sleep(milliseconds, this.#nap);
		} catch {
			// Woken: by checkNow or by stop, which the loop asks for itself.
		}
	}

	#observer(): UpdateObserver {
		const { server } = this.#options;
		const entered = server.entered?.bind(server);
		const report = server.report?.bind(server);
		return {
			entered: async (state: UpdateState, update: UpdateView) => {
				this.#notify((events) => events.update?.(state, update));
				if (entered !== undefined) await this.#session.use((token) => entered(token, state, update));
			},
			progress: (percent: number) => this.#progress(percent),
			restarting: () => this.#leave(),
			ended: (final: FinalReport) => this.#notify((events) => events.result?.(final)),
			...(report === undefined ? {} : { report: (final: FinalReport) => this.#session.use((token) => report(token, final)) }),
		};
	}

	#progress(percent: number): void {
		const { server } = this.#options;
		const tens = Math.floor(percent / 10);
		if (tens > this.#told) this.#log.info(`download ${percent} %`);
		this.#told = tens;
		server.progress?.(percent);
		this.#notify((events) => events.progress?.(percent));
	}

	/** Before a restart: a server that sees its connection closed does not take the next one for a second device. */
	async #leave(): Promise<void> {
		this.#enter("restarting");
		const { server } = this.#options;
		const closed = Promise.resolve(server.close());
		const late = (): FleetlingError => new FleetlingError("net.timeout", `${server.name} took too long to say goodbye`);
		await withDeadline(closed, deadlines.goodbye, late);
	}

	#enter(state: AgentState): void {
		if (state === this.#state) return;
		this.#state = state;
		this.#notify((events) => events.state?.(state));
	}

	#notify(tell: (events: AgentEvents) => void): void {
		const { events } = this.#options;
		if (events === undefined) return;
		try {
			tell(events);
		} catch (error) {
			this.#log.failure(error);
		}
	}
}

function retries(cap: number, random: Random): BackoffOptions {
	const { retryBase, retryFloor, retryLongest } = intervals;
	return { base: Math.min(retryBase, cap), cap, floor: Math.min(retryFloor, cap), longest: retryLongest, random };
}
