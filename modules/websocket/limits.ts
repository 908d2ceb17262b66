/** Deadlines and limits of a WebSocket, each with the reason for its value. Any of them can be replaced. */
import { frozen } from "fleetling/frozen/frozen";
import { defaultTimeouts as http, type Timeouts } from "fleetling/http/limits";
import { badUse } from "./failure";

/** Milliseconds. 0 turns `send`, `ping` and `pong` off; the others always hold. */
export interface WebSocketTimeouts {
	/** Longest wait for the address of a host name. */
	readonly resolve: number;
	/** Longest wait for a connection, TLS handshake included. */
	readonly connect: number;
	/** Longest time from the connection to the end of the server's answer to the opening handshake. */
	readonly handshake: number;
	/** Longest time in which the network takes no byte of what is to be sent. */
	readonly send: number;
	/** After so much silence of the server a ping asks whether it is still there. */
	readonly ping: number;
	/** So long after that ping, still without a byte from the server, the connection is given up. */
	readonly pong: number;
	/** Longest time for a closing handshake, the server's end of the connection included. */
	readonly close: number;
}

export const defaultTimeouts: WebSocketTimeouts = frozen({
	resolve: http.resolve,
	connect: http.connect,
	// Servers check a token before they answer, and one that has just been started may need 20 s.
	handshake: http.headers,
	send: http.send,
	// Management servers ping every 25 to 30 s: as long as they do, a ping of our own would only cost radio time.
	ping: 45_000,
	// A path that lost its packets for 15 s has gone, or will be faster through a new connection.
	pong: 15_000,
	// A restart waits for this. A server answers at once; a lost packet is repeated after 1 s.
	close: 3_000,
});

/** Bounds on what a peer can make a device do and hold. */
export interface WebSocketLimits {
	/** Bytes of the payload of one frame that comes in. */
	readonly frameBytes: number;
	/** Bytes of one message that comes in. */
	readonly messageBytes: number;
	/** Bytes of a frame that goes out, header included; also the size of the buffer that frames wait in for the network. */
	readonly fragmentBytes: number;
	/** Bytes of the body that are kept of an answer which refuses the handshake. */
	readonly excerptBytes: number;
}

export const defaultLimits: WebSocketLimits = frozen({
	// A stream costs no memory, however long. This only ends early what no management server means.
	frameBytes: 1_048_576,
	messageBytes: 1_048_576,
	// A server on Python reads at most 4,096 bytes of one TLS record when it is told of input; of a larger one the rest stays
	// in its TLS library until more input comes. What waits in one piece goes into one record.
	fragmentBytes: 4090,
	// Enough for the JSON object that tells the reason.
	excerptBytes: 256,
});

/** A control frame with its longest payload, and room for data beside it. */
const smallestFragment = 256;
/** Larger frames would need another form of header. */
const largestFragment = 65_535;

/** Those of fleetling/http too, because its Connection opens the connection. */
export type AllTimeouts = Timeouts & WebSocketTimeouts;

/** Shared by all that set none of their own: an object for each would only take memory. */
const sharedTimeouts: AllTimeouts = frozen({ ...http, ...defaultTimeouts });

/** @throws FleetlingError websocket.bad-use */
export function makeTimeouts(own?: Partial<WebSocketTimeouts>): AllTimeouts {
	if (own === undefined) return sharedTimeouts;
	for (const [name, value] of Object.entries(own)) {
		const least = name === "send" || name === "ping" || name === "pong" ? 0 : 1;
		if (!(value >= least)) throw badUse(`timeouts.${name} must be ${least} ms or more, not ${value}`);
	}
	return { ...sharedTimeouts, ...own };
}

/** @throws FleetlingError websocket.bad-use */
export function makeLimits(own?: Partial<WebSocketLimits>): WebSocketLimits {
	if (own === undefined) return defaultLimits;
	for (const [name, value] of Object.entries(own))
		if (!Number.isSafeInteger(value) || value < 1) throw badUse(`limits.${name} must be a whole number of bytes, not ${value}`);
	const limits = { ...defaultLimits, ...own };
	const { fragmentBytes } = limits;
	if (fragmentBytes < smallestFragment || fragmentBytes > largestFragment)
		throw badUse(`limits.fragmentBytes must be from ${smallestFragment} to ${largestFragment}, not ${fragmentBytes}`);
	return limits;
}
