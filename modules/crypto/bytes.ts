import { FleetlingError } from "../error/error";

/** Anything that bytes can be read from. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/**
 * The same bytes, not a copy, as a Uint8Array.
 * @throws crypto.bad-argument when `value` is no buffer; `what` names it in the text
 */
export function viewOf(value: Bytes, what: string): Uint8Array {
	if (value instanceof Uint8Array) return value;
	if (value instanceof ArrayBuffer) return new Uint8Array(value);
	if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
	throw new FleetlingError("crypto.bad-argument", `${what} must be an ArrayBuffer or a view of bytes, not ${typeof value}`);
}
