import { Deadline, type DeadlineOwner } from "fleetling/http/deadline";
import type { WebSocketTimeouts } from "./limits";

export interface VigilOwner {
	/** Whether the server's silence means nothing at the moment, because its words wait here to be read. */
	excused(): boolean;
	/** The server has been silent for `timeouts.ping`: a ping is due. */
	ask(): void;
	/** The server has been silent for `timeouts.pong` more. */
	unanswered(): void;
}

/**
 * Finds out that a server has gone: a connection whose other end has lost power, or whose path has, just stays silent.
 * Whatever arrives is a sign of life, not only the answer to a ping.
 */
export class Vigil implements DeadlineOwner {
	readonly #owner: VigilOwner;
	readonly #timeouts: Pick<WebSocketTimeouts, "ping" | "pong">;
	readonly #deadline: Deadline;
	#asked = false;

	constructor(owner: VigilOwner, timeouts: Pick<WebSocketTimeouts, "ping" | "pong">) {
		this.#owner = owner;
		this.#timeouts = timeouts;
		this.#deadline = new Deadline(this);
	}

	start(): void {
		this.#asked = false;
		this.#deadline.start(this.#timeouts.ping);
	}

	/** Something has arrived. */
	heard(): void {
		if (this.#asked) this.start();
		else this.#deadline.touch();
	}

	stop(): void {
		this.#asked = false;
		this.#deadline.stop();
	}

	expired(): void {
		if (this.#owner.excused()) this.start();
		else if (this.#asked) this.#owner.unanswered();
		else {
			this.#asked = true;
			this.#deadline.start(this.#timeouts.pong);
			this.#owner.ask();
		}
	}
}
