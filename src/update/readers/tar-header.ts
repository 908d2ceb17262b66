import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { quoted } from "./quoted";

/** A header of a member (POSIX.1-1988 ustar, and the extended header of POSIX.1-2001). */
export interface TarHeader {
	/** "extended": its data are records about the member that follows. */
	readonly kind: "file" | "extended";
	readonly name: string;
	/** Bytes of data that follow, without their padding. */
	readonly size: number;
}

export const tarBlock = 512;

/** Offset and length of the fields that matter. Owner, mode and time say nothing that an update could rely on. */
const fields = frozen({
	name: [0, 100],
	size: [124, 12],
	checksum: [148, 8],
	type: [156, 1],
	magic: [257, 8],
	prefix: [345, 155],
} as const);

/** "ustar", NUL, "00": POSIX. GNU's own form has "ustar  " and means other things by some of the fields. */
const magic = frozen([0x75, 0x73, 0x74, 0x61, 0x72, 0x00, 0x30, 0x30]);

const kinds: Readonly<Record<number, TarHeader["kind"]>> = frozen({ 0: "file", 48: "file", 120: "extended" });

/** For texts. */
const otherKinds: Readonly<Record<string, string>> = frozen({
	"1": "a hard link",
	"2": "a symbolic link",
	"3": "a device",
	"4": "a device",
	"5": "a directory",
	"6": "a pipe",
	"7": "a contiguous file",
	g: "a global extended header",
	L: "a long name in GNU's form",
	K: "a long link in GNU's form",
	S: "a sparse file in GNU's form",
});

export function tarFault(what: string, text: string): FleetlingError {
	return new FleetlingError(
		"artifact.bad-tar",
		`${what} ${text}; write the artifact again with mender-artifact or rdfm-artifact`,
	);
}

/** Reads a header. `what` names the archive in errors, e.g. "header.tar". */
export function readTarHeader(block: Uint8Array, what: string): TarHeader {
	if (readOctal(block, fields.checksum, what) !== sum(block)) throw tarFault(what, "is damaged: a header has a wrong checksum");
	for (let at = 0; at < magic.length; at++)
		if (block[fields.magic[0] + at] !== magic[at]) throw tarFault(what, "is not in POSIX (ustar) form");
	const prefix = readText(block, fields.prefix);
	const base = readText(block, fields.name);
	const name = prefix === "" ? base : `${prefix}/${base}`;
	const type = block[fields.type[0]] ?? 0;
	const kind = kinds[type];
	if (kind === undefined) {
		const letter = String.fromCharCode(type);
		throw tarFault(what, `holds ${otherKinds[letter] ?? `something of type ${type}`} (${quoted(name)}) instead of a file`);
	}
	if (name === "") throw tarFault(what, "holds a file without a name");
	return { kind, name, size: readOctal(block, fields.size, what) };
}

/** Whether a block says that the archive ends. */
export function isZero(block: Uint8Array): boolean {
	for (let at = 0; at < tarBlock; at++) if (block[at] !== 0) return false;
	return true;
}

/** The sum of all bytes, those of the checksum counted as spaces. */
function sum(block: Uint8Array): number {
	const [start, length] = fields.checksum;
	let total = length * 0x20;
	for (let at = 0; at < tarBlock; at++) if (at < start || at >= start + length) total += block[at] ?? 0;
	return total;
}

/**
 * Octal digits, spaces before, NUL or space behind. Numbers in base 256 (first bit set) are for what does not fit into 11
 * digits: 8 GiB and more, which no device of this kind takes.
 */
function readOctal(block: Uint8Array, [start, length]: readonly [number, number], what: string): number {
	let value = 0;
	let digits = 0;
	let at = start;
	const end = start + length;
	while (at < end && block[at] === 0x20) at++;
	for (; at < end; at++, digits++) {
		const digit = (block[at] ?? 0) - 0x30;
		if (digit < 0 || digit > 7) break;
		value = value * 8 + digit;
	}
	for (; at < end; at++)
		if (block[at] !== 0 && block[at] !== 0x20) throw tarFault(what, "is damaged: a header has a number that is not octal");
	if (digits === 0) throw tarFault(what, "is damaged: a header lacks a number");
	return value;
}

/** Up to the first NUL. Bytes become characters one by one: names outside ASCII are refused by whoever gets them. */
function readText(block: Uint8Array, [start, length]: readonly [number, number]): string {
	let text = "";
	for (let at = start; at < start + length; at++) {
		const code = block[at] ?? 0;
		if (code === 0) break;
		text += String.fromCharCode(code);
	}
	return text;
}
