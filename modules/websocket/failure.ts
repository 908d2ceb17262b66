import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import type { HeaderMap } from "fleetling/http/types";
import type { CloseCode } from "./closing";

/** An error for which the connection is given up in order: the server is told the reason before. */
export class WebSocketError extends FleetlingError {
	/** What the server is told in the Close frame (RFC 6455 section 7.4.1). */
	readonly closeCode: CloseCode;
	/** The words that go with it. */
	readonly closeReason: string;

	constructor(code: ErrorCode, closeCode: CloseCode, closeReason: string, text: string, options?: { readonly cause?: unknown }) {
		super(code, text, options);
		this.closeCode = closeCode;
		this.closeReason = closeReason;
	}
}

/** The server answered the opening handshake with something else than a WebSocket. */
export class RefusedError extends FleetlingError {
	/** Of the answer, such as 401. */
	readonly status: number;
	/** Some of its headers, by their names in lower case: see `keptHeaders` in handshake.ts. */
	readonly headers: HeaderMap;
	/** The beginning of its body. Comes from the server, and may hold anything. */
	readonly excerpt: string;

	constructor(text: string, status: number, headers: HeaderMap, excerpt: string) {
		super("websocket.refused", text);
		this.status = status;
		this.headers = headers;
		this.excerpt = excerpt;
	}
}

/** The server broke a rule of RFC 6455. `what` completes "the server sent …". */
export function violation(peer: string, what: string): WebSocketError {
	return new WebSocketError(
		"websocket.protocol",
		1002,
		what,
		`${peer} sent ${what}: it breaks the rules of WebSocket, or something in between does; connect again`,
	);
}

/** The caller asks for what cannot be. */
export function badUse(text: string): FleetlingError {
	return new FleetlingError("websocket.bad-use", text);
}

/** Something took longer than its deadline. `what` completes "waited … ms". */
export function late(peer: string, what: string, milliseconds: number): FleetlingError {
	return new FleetlingError(
		"websocket.timeout",
		`waited ${milliseconds} ms ${what} from ${peer}; check the network and the server, or connect again`,
	);
}

/** The connection ended where it should not have. */
export function lost(peer: string, when: string): FleetlingError {
	return new FleetlingError("websocket.lost", `${peer} ended the connection ${when}; connect again`);
}

/** An exception that left a callback. */
export function callbackFailed(peer: string, cause: unknown): WebSocketError {
	return new WebSocketError(
		"websocket.callback",
		1011,
		"internal error",
		`a callback of the WebSocket with ${peer} failed; this is a fault of the firmware, report it`,
		{ cause },
	);
}
