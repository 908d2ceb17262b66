import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import type { Timeouts } from "./limits";

/**
 * - queued: waits for its turn or for the connection
 * - sending: the request goes out
 * - answering: all of it has gone out, the headers of the response have not come
 * - body: the headers have come
 * - done: over, no callback follows
 */
export type State = "queued" | "sending" | "answering" | "body" | "done";

/** What a request waits for, and which deadline says how long. */
export interface Wait {
	readonly limit: keyof Timeouts;
	readonly what: string;
}

export const waits: Readonly<Partial<Record<State, Wait>>> = frozen({
	sending: { limit: "send", what: "a byte of the request to be taken" },
	answering: { limit: "headers", what: "the headers of the response" },
	body: { limit: "idle", what: "more of the body" },
});

export const overall: Wait = frozen({ limit: "total", what: "the whole request" });

export function tooLate({ limit, what }: Wait, timeouts: Timeouts, authority: string): FleetlingError {
	return new FleetlingError(
		"net.timeout",
		`waited ${timeouts[limit]} ms for ${what} at ${authority}; check the network and the server, or try again later`,
	);
}

/** RFC 9110 section 9.2.2: sending them twice does what sending them once does. */
export const idempotent = frozen(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);
