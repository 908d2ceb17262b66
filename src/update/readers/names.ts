/**
 * The names in an artifact, taken apart by hand: XS's regular expressions keep a state of 40 bytes for each character of a
 * repetition, in the stack's free part or on the native heap.
 */

const digits = "0123456789";
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** What the format allows in the name of a payload's file. */
const fileCharacters = `${letters}${digits}.,_-`;

/** Whether `text` is not empty and of these characters only. */
export function consistsOf(text: string, characters: string): boolean {
	for (let at = 0; at < text.length; at++) if (!characters.includes(text.charAt(at))) return false;
	return text !== "";
}

export function isFileName(name: string): boolean {
	return consistsOf(name, fileCharacters);
}

/** Four digits, as the names in an artifact have them. */
export function numbered(payload: number): string {
	return `000${payload}`.slice(-4);
}

/** The number that `text` is, undefined when it is not four digits. */
export function readNumber(text: string): number | undefined {
	return text.length === 4 && consistsOf(text, digits) ? Number(text) : undefined;
}

/** The name of an archive: "header", "header-augment" or "data/NNNN", and ".tar" with or without another suffix. */
export interface ArchiveName {
	readonly kind: "header" | "header-augment" | "data";
	/** Which payload; 0 for what is no payload. */
	readonly payload: number;
	readonly suffix: string;
}

const dataFolder = "data/";

export function readArchiveName(name: string): ArchiveName | undefined {
	const dot = name.indexOf(".");
	if (dot < 0) return undefined;
	const base = name.slice(0, dot);
	const suffix = name.slice(dot);
	const isArchive = suffix === ".tar" || (suffix.startsWith(".tar.") && isFileName(suffix.slice(5)));
	if (!isArchive) return undefined;
	if (base === "header" || base === "header-augment") return { kind: base, payload: 0, suffix };
	const payload = base.startsWith(dataFolder) ? readNumber(base.slice(dataFolder.length)) : undefined;
	return payload === undefined ? undefined : { kind: "data", payload, suffix };
}

/** Whether `name` is that of a payload's file, as manifests have it: "data/NNNN/name". */
export function isDataName(name: string): boolean {
	const [folder, number = "", file = "", ...rest] = name.split("/");
	return folder === "data" && rest.length === 0 && readNumber(number) !== undefined && isFileName(file);
}

/** The name of a file in a header archive: "headers/NNNN/type-info" or "headers/NNNN/meta-data". */
export function readBucketName(name: string): { readonly payload: number; readonly kind: "type-info" | "meta-data" } | undefined {
	const [folder, number = "", kind, ...rest] = name.split("/");
	const payload = readNumber(number);
	if (folder !== "headers" || rest.length > 0 || payload === undefined) return undefined;
	return kind === "type-info" || kind === "meta-data" ? { payload, kind } : undefined;
}
