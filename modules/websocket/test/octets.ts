/** Bytes as tests write and show them. */
import Hex from "hex";

export const hex = (text: string): Uint8Array => {
	const digits = text.replace(/\s/g, "");
	return digits === "" ? new Uint8Array(0) : new Uint8Array(Hex.toBuffer(digits));
};

export const hexOf = (bytes: ArrayBuffer | Uint8Array): string =>
	bytes.byteLength === 0 ? "" : Hex.toString(bytes instanceof Uint8Array ? bytes.slice().buffer : bytes).toLowerCase();

/** One byte for each character. */
export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

export function textOf(bytes: Uint8Array): string {
	let text = "";
	for (const byte of bytes) text += String.fromCharCode(byte);
	return text;
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
	const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.length;
	}
	return all;
}

/** Bytes that tell where they stand. */
export const pattern = (length: number, seed = 0): Uint8Array =>
	Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + seed) & 255);
