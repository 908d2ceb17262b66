import Timer from "timer";
import { intervals } from "../../../common/deadlines";
import { sendError } from "./errors";
import { protocols } from "./frame";
import type { Outlet } from "./outlet";

/** What a session has open on the device: a terminal, a file, a forwarded connection. None of its methods may throw. */
export interface Holding {
	/** Asks whether somebody is there, where there are words of its own for that. */
	ping?(): void;
	/** Now and then: ends itself when it was forgotten. */
	look(): void;
	/** Ends: nobody is there any more. */
	lost(): void;
}

interface Session {
	readonly holdings: Set<Holding>;
	/** Something has come from it since it was looked at last. */
	heard: boolean;
	asked: boolean;
}

/**
 * Who has something open here. A manager who goes is not always said to have gone: the server tells a terminal, and nobody
 * else; and what a device sends to one who is not there is dropped without a word. So those with something open are asked.
 *
 * A session needs no opening, and one without anything open is nothing that has to be remembered.
 */
export class Sessions {
	readonly #outlet: Outlet;
	readonly #interval: number;
	readonly #sessions = new Map<string, Session>();
	#timer: Timer | undefined;

	/** @param interval milliseconds between two looks */
	constructor(outlet: Outlet, interval: number = intervals.sessionPing) {
		this.#outlet = outlet;
		this.#interval = interval;
	}

	/** A message has come from there. */
	heard(id: string): void {
		const session = this.#sessions.get(id);
		if (session === undefined) return;
		session.heard = true;
		session.asked = false;
	}

	hold(id: string, holding: Holding): void {
		let session = this.#sessions.get(id);
		if (session === undefined) {
			session = { holdings: new Set(), heard: true, asked: false };
			this.#sessions.set(id, session);
		}
		session.holdings.add(holding);
		this.#timer ??= Timer.repeat(() => this.#look(), this.#interval);
	}

	release(id: string, holding: Holding): void {
		const session = this.#sessions.get(id);
		if (!session?.holdings.delete(holding) || session.holdings.size > 0) return;
		this.#sessions.delete(id);
		if (this.#sessions.size > 0 || this.#timer === undefined) return;
		Timer.clear(this.#timer);
		this.#timer = undefined;
	}

	/** Ends everything that it has open. */
	end(id: string): void {
		for (const holding of [...(this.#sessions.get(id)?.holdings ?? [])]) holding.lost();
	}

	/** The link is gone, and everybody with it. */
	endAll(): void {
		for (const id of [...this.#sessions.keys()]) this.end(id);
	}

	#look(): void {
		for (const [id, session] of [...this.#sessions]) {
			const { heard, asked, holdings } = session;
			session.heard = false;
			if (!heard && asked) {
				sendError(this.#outlet, { session: id, text: "nothing has come from this session for too long", close: true });
				this.end(id);
				continue;
			}
			for (const holding of [...holdings]) holding.look();
			const pinging = [...holdings].filter(({ ping }) => ping !== undefined);
			for (const holding of pinging) holding.ping?.();
			if (pinging.length === 0 && holdings.size > 0 && !heard)
				this.#outlet.send({ protocol: protocols.control, type: "ping", session: id });
			session.asked = pinging.length > 0 || !heard;
		}
	}
}
