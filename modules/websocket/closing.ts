/** Close frames: their codes and reasons (RFC 6455 sections 5.5.1 and 7.4). */
import { frozen } from "fleetling/frozen/frozen";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import { badUse, violation, WebSocketError } from "./failure";
import WSBytes from "./wsbytes";

export type CloseCode = number;

/** The codes that mean something here. */
export const closeCodes = frozen({
	normal: 1000,
	/** The device restarts, or the server does. */
	goingAway: 1001,
	protocolError: 1002,
	unsupportedData: 1003,
	/** Never sent: the Close frame had no code. */
	none: 1005,
	/** Never sent: there was no Close frame. */
	abnormal: 1006,
	invalidData: 1007,
	policy: 1008,
	tooLarge: 1009,
	internalError: 1011,
} as const satisfies Record<string, CloseCode>);

/**
 * Ranges of codes that may be in a Close frame: those of RFC 6455 without 1004 to 1006 and 1015, those registered since
 * (1012 to 1014), and what is free for libraries and applications.
 */
const validCodes: readonly (readonly [first: number, last: number])[] = frozen([
	[1000, 1003],
	[1007, 1014],
	[3000, 4999],
]);

/** A control frame holds 125 bytes, 2 of which are the code. */
const longestReason = 123;

export interface CloseStatus {
	readonly code: CloseCode;
	readonly reason: string;
}

export function isCloseCode(code: number): boolean {
	return Number.isInteger(code) && validCodes.some(([first, last]) => code >= first && code <= last);
}

/**
 * The payload of a Close frame.
 *
 * @throws FleetlingError websocket.bad-use for a code that must not be sent, or a reason that is too long or no Unicode text
 */
export function encodeClose(code: CloseCode, reason: string): Uint8Array {
	if (!isCloseCode(code)) throw badUse(`${code} cannot be sent as the code of a Close frame; use 1000, or 3000 to 4999`);
	const text = new TextEncoder().encode(reason);
	if (text.length > longestReason)
		throw badUse(`the reason of a Close frame has ${text.length} bytes and can have ${longestReason}; shorten it`);
	if (WSBytes.utf8(0, text, text.length) !== 0)
		throw badUse("the reason of a Close frame holds half of a surrogate pair; correct it");
	const payload = new Uint8Array(2 + text.length);
	payload[0] = code >> 8;
	payload[1] = code & 255;
	payload.set(text, 2);
	return payload;
}

/**
 * Reads the payload of a Close frame that came in.
 *
 * @throws WebSocketError with close code 1002 or 1007
 */
export function decodeClose(payload: Uint8Array, peer: string): CloseStatus {
	const [high, low] = payload;
	if (high === undefined) return { code: closeCodes.none, reason: "" };
	if (low === undefined) throw violation(peer, "a Close frame with half a code");
	const code = high * 256 + low;
	if (!isCloseCode(code)) throw violation(peer, `a Close frame with the code ${code}`);
	const text = payload.subarray(2);
	if (WSBytes.utf8(0, text, text.length) !== 0) throw invalidText(peer, "the reason of its Close frame");
	return { code, reason: new TextDecoder("utf-8", { ignoreBOM: true }).decode(text) };
}

export function invalidText(peer: string, where: string): WebSocketError {
	return new WebSocketError(
		"websocket.bad-text",
		closeCodes.invalidData,
		"invalid UTF-8",
		`${peer} sent bytes that are no UTF-8 in ${where}; the server has to send them as binary, or correct them`,
	);
}
