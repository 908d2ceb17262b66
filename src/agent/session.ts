import { FleetlingError } from "fleetling/error/error";
import { intervals } from "../common/deadlines";
import type { Grant } from "./server";

export interface SessionOptions {
	readonly authenticate: () => Promise<Grant>;
	/** Milliseconds, monotonic: the lifetime hint must not depend on a wall clock that may be wrong or be set. */
	readonly ticks: () => number;
}

/** Keeps the token for one server, in memory only, and gets a new one when it has ended or is about to. */
export class Session {
	readonly #options: SessionOptions;
	#token: string | undefined;
	/** A new one is on its way. Two at a time would be one too many. */
	#asking: Promise<string> | undefined;
	#ends = Number.POSITIVE_INFINITY;

	constructor(options: SessionOptions) {
		this.#options = options;
	}

	/**
	 * Does `work` with a token. When the server refuses the token although it should have been good, the work is done
	 * once more with a new one. A new token that is refused is no matter of time: that error is passed on.
	 */
	async use<T>(work: (token: string) => Promise<T>): Promise<T> {
		for (;;) {
			const known = this.#usable();
			let token = known;
			try {
				// In one function, although it does two things: each further asynchronous one costs a device 1 KB.
				token ??= await this.#ask();
				return await work(token);
			} catch (error) {
				if (!isRefusal(error)) throw error;
				// Somebody else may have got a new one meanwhile.
				if (this.#token === token) this.drop();
				if (known === undefined) throw error;
			}
		}
	}

	/** Forgets the token. */
	drop(): void {
		this.#token = undefined;
	}

	#ask(): Promise<string> {
		if (this.#asking === undefined) {
			const asked = this.#options.ticks();
			this.#asking = this.#options
				.authenticate()
				.then((grant) => this.#accept(grant, asked))
				.finally(() => {
					this.#asking = undefined;
				});
		}
		return this.#asking;
	}

	#usable(): string | undefined {
		if (this.#options.ticks() >= this.#ends) this.drop();
		return this.#token;
	}

	/** The server counts from when it made the token, which is after `asked`. */
	#accept({ token, lifetime }: Grant, asked: number): string {
		const believed = lifetime !== undefined && lifetime >= intervals.leastTokenLifetime;
		this.#ends = believed ? asked + lifetime - intervals.tokenMargin : Number.POSITIVE_INFINITY;
		this.#token = token;
		return token;
	}
}

/** Whether the server does not take the token, or not any more. */
export function isRefusal(error: unknown): boolean {
	return error instanceof FleetlingError && error.code === "server.token-refused";
}
