import TextDecoder from "text/decoder";
import { tarFault } from "./tar-header";

/** What an extended header (POSIX.1-2001, pax) says that matters here. */
export interface Extended {
	readonly path?: string;
	readonly size?: number;
}

/**
 * Records of the form "length key=value\n", the length counting the whole record. Times, owners and comments are passed
 * over; what would make the data mean something else is refused.
 */
export function readExtended(bytes: Uint8Array, what: string): Extended {
	const fault = () => tarFault(what, "is damaged: an extended header cannot be read");
	let extended: Extended = {};
	for (let at = 0; at < bytes.byteLength; ) {
		const space = bytes.indexOf(0x20, at);
		const length = space < 0 ? 0 : readDecimal(bytes, at, space);
		const end = at + length;
		if (length === 0 || end > bytes.byteLength || end <= space + 1 || bytes[end - 1] !== 0x0a) throw fault();
		const equals = bytes.indexOf(0x3d, space + 1);
		if (equals < 0 || equals >= end) throw fault();
		const key = decode(bytes.subarray(space + 1, equals), fault);
		if (key === "path") {
			const path = decode(bytes.subarray(equals + 1, end - 1), fault);
			if (path === "" || path.includes("\0")) throw fault();
			extended = { ...extended, path };
		} else if (key === "size") {
			extended = { ...extended, size: readDecimal(bytes, equals + 1, end - 1) };
		} else if (key.startsWith("GNU.sparse.") || key === "linkpath") throw tarFault(what, `holds what is no plain file (${key})`);
		at = end;
	}
	return extended;
}

/** 0 for what is no number: neither a record nor a file of that size would need one. */
function readDecimal(bytes: Uint8Array, start: number, end: number): number {
	let value = 0;
	// No record and no file has more digits.
	if (end - start > 11) return 0;
	for (let at = start; at < end; at++) {
		const digit = (bytes[at] ?? 0) - 0x30;
		if (digit < 0 || digit > 9) return 0;
		value = value * 10 + digit;
	}
	return value;
}

function decode(bytes: Uint8Array, fault: () => Error): string {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		throw fault();
	}
}
