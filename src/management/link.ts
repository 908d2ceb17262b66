import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import Time from "time";
import Timer from "timer";
import { Backoff } from "../common/backoff";
import type { Conversation, ConversationEnd, Listener } from "../common/conversation";
import { intervals } from "../common/deadlines";
import type { TaggedLog } from "../common/log";
import type { Random } from "../common/random";

/** What the end of a connection means for the next one. */
export type Verdict =
	/** Trouble that may pass: again with growing pauses. `wait` is what the server asked for, in milliseconds. */
	| { readonly kind: "retry"; readonly error: FleetlingError; readonly wait?: number | undefined }
	/** The server needs so many milliseconds, and it is nobody's fault: again after that, and the pauses do not grow. */
	| { readonly kind: "wait"; readonly error: FleetlingError; readonly milliseconds: number }
	/** No connection before the device has checked in again. */
	| { readonly kind: "rest"; readonly error: FleetlingError };

/** The wire protocol of a link. Except for `open`, nothing here may throw. */
export interface LinkProtocol {
	/** Begins to connect with a fresh token. */
	open(token: string, listener: Listener): Conversation;
	/** The connection is there; what the protocol wants to be said first is said now. */
	opened(conversation: Conversation, subprotocol: string | undefined): void;
	/** Nothing more comes before a promise that is returned has settled. */
	received(message: string | ArrayBuffer): void | Promise<void>;
	/** Everything that was sent is on its way, after some of it had to wait. */
	drained?(): void;
	/** A connection that was open is gone. */
	closed(end: ConversationEnd): void;
	/**
	 * What an end means, or an error that was judged before. `server.token-refused` for one that never opened has the next
	 * try made with another token, at once.
	 */
	judge(end: ConversationEnd): Verdict;
}

export interface LinkOptions {
	readonly protocol: LinkProtocol;
	/** Does work with a token, see ServerContext. */
	readonly authorized: (work: (token: string) => Promise<void>) => Promise<void>;
	readonly log: TaggedLog;
	readonly random: Random;
	/** Milliseconds after which a connection was a good one; `intervals.linkStable` when absent. */
	readonly stable?: number;
}

/** What is told to whoever waits for a connection to open. */
interface Opening {
	readonly resolve: () => void;
	readonly reject: (error: FleetlingError) => void;
}

export type LinkState = "idle" | "connecting" | "open" | "waiting" | "closing";

const codes = frozen({ goingAway: 1001 } as const);

/**
 * The connection that a device keeps to its manager: opened when `start` is called, opened again whenever it is lost, until
 * `stop`. One line in the log for each kind of trouble and not for each try.
 *
 * It is its own listener: between two messages all there is of it is this object and the socket.
 */
export class Link implements Listener {
	readonly #options: LinkOptions;
	readonly #backoff: Backoff;
	#state: LinkState = "idle";
	/** Counts what was begun, so that what comes too late is known by its number. */
	#attempt = 0;
	#conversation: Conversation | undefined;
	#opening: Opening | undefined;
	#openedAt = 0;
	#timer: Timer | undefined;
	/** Code and, where the server gave one, reason of the last failure. */
	#trouble = "";
	#gone: (() => void) | undefined;

	constructor(options: LinkOptions) {
		this.#options = options;
		const { linkRetryBase: base, linkRetryCap: cap, retryFloor: floor, retryLongest: longest } = intervals;
		this.#backoff = new Backoff({ base, cap, floor, longest, random: options.random });
	}

	get state(): LinkState {
		return this.#state;
	}

	/** Connects, unless that is being done or has been. To be called whenever the server has let the device in. */
	start(): void {
		if (this.#state === "idle") this.#connect();
	}

	/** Says goodbye to the server, which otherwise takes the next connection for another device; resolves when that is over. */
	stop(): Promise<void> {
		const state = this.#state;
		this.#attempt += 1;
		this.#clearTimer();
		if (state === "idle" || state === "waiting") this.#state = "idle";
		if (state === "connecting") this.#abandon();
		if (state === "open") {
			this.#state = "closing";
			this.#conversation?.end(codes.goingAway, "");
		}
		if (this.#state !== "closing") return Promise.resolve();
		return new Promise((resolve) => {
			const before = this.#gone;
			this.#gone = () => {
				before?.();
				resolve();
			};
		});
	}

	/** Has the server begin anew: goodbye, and a moment later another connection. */
	renew(): void {
		if (this.#state !== "open") return;
		const stopped = this.stop();
		const attempt = this.#attempt;
		void stopped.then(() => {
			if (attempt !== this.#attempt || this.#state !== "idle") return;
			this.#state = "waiting";
			// Not at once: a server that is not done with this connection would refuse the next.
			this.#timer = Timer.set(() => this.#connect(), intervals.linkRetryBase);
		});
	}

	opened(subprotocol?: string): void {
		const conversation = this.#conversation;
		if (conversation === undefined) return;
		this.#state = "open";
		this.#openedAt = Time.ticks;
		const opening = this.#opening;
		this.#opening = undefined;
		opening?.resolve();
		this.#options.protocol.opened(conversation, subprotocol);
	}

	received(message: string | ArrayBuffer): void | Promise<void> {
		if (this.#state === "open") return this.#options.protocol.received(message);
	}

	drained(): void {
		if (this.#state === "open") this.#options.protocol.drained?.();
	}

	/** The server has accepted the device for good: what went wrong before is history. */
	established(): void {
		if (this.#trouble !== "") this.#options.log.info("the management link is open again");
		else this.#options.log.info("the management link is open");
		this.#trouble = "";
	}

	ended(end: ConversationEnd): void {
		const { protocol } = this.#options;
		const state = this.#state;
		this.#conversation = undefined;
		if (state === "closing") {
			this.#state = "idle";
			protocol.closed(end);
			this.#gone?.();
			this.#gone = undefined;
			return;
		}
		const opening = this.#opening;
		this.#opening = undefined;
		if (state === "connecting") {
			// This goes to whoever has given the token, and comes back unless another token is to be tried.
			opening?.reject(protocol.judge(end).error);
			return;
		}
		if (state !== "open") return;
		protocol.closed(end);
		if (Time.delta(this.#openedAt) >= (this.#options.stable ?? intervals.linkStable)) this.#backoff.reset();
		this.#again(protocol.judge(end));
	}

	#connect(): void {
		const { authorized, protocol } = this.#options;
		this.#clearTimer();
		this.#attempt += 1;
		const attempt = this.#attempt;
		this.#state = "connecting";
		authorized((token) => this.#open(attempt, token)).catch((cause: unknown) => {
			if (attempt !== this.#attempt) return;
			const error = FleetlingError.from(cause, "server.failed", "opening the management link failed");
			this.#again(protocol.judge(error));
		});
	}

	#open(attempt: number, token: string): Promise<void> {
		return new Promise((resolve, reject) => {
			// It was stopped while the token was on its way.
			if (attempt !== this.#attempt) throw stopped();
			this.#conversation = this.#options.protocol.open(token, this);
			this.#opening = { resolve, reject };
		});
	}

	/** A connection that is not open yet is not worth a goodbye. */
	#abandon(): void {
		this.#state = "idle";
		this.#conversation?.close();
		this.#conversation = undefined;
		const opening = this.#opening;
		this.#opening = undefined;
		opening?.reject(stopped());
	}

	#again(verdict: Verdict): void {
		const { log, random } = this.#options;
		this.#note(verdict.error);
		if (verdict.kind === "rest") {
			this.#state = "idle";
			return;
		}
		let pause: number;
		if (verdict.kind === "retry") pause = this.#backoff.next(verdict.wait);
		else pause = Math.round(verdict.milliseconds * (1 + intervals.pollSpread * random()));
		log.debug(`next try to open the management link in ${(pause / 1000).toFixed(1)} s`);
		this.#state = "waiting";
		this.#timer = Timer.set(() => this.#connect(), pause);
	}

	/** Once for each kind of trouble: a server that is down for a day must not fill the log. */
	#note(error: FleetlingError): void {
		const { log } = this.#options;
		const known = this.#trouble === error.code;
		this.#trouble = error.code;
		log.failure(error, known ? "debug" : "warn");
	}

	#clearTimer(): void {
		if (this.#timer !== undefined) Timer.clear(this.#timer);
		this.#timer = undefined;
	}
}

function stopped(): FleetlingError {
	return new FleetlingError("server.stopped", "the management link was stopped");
}
