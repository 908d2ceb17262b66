/** Classes of bytes in HTTP's grammar. */

const HTAB = 0x09;
const SP = 0x20;
const DEL = 0x7f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** The token characters that are neither letters nor digits (RFC 9110 section 5.6.2). */
const tokenSymbols = "!#$%&'*+-.^_`|~";

export function isTokenByte(c: number): boolean {
	return (
		(c >= 0x61 && c <= 0x7a) ||
		(c >= 0x41 && c <= 0x5a) ||
		(c >= 0x30 && c <= 0x39) ||
		(c > SP && c < DEL && tokenSymbols.includes(String.fromCharCode(c)))
	);
}

/** Blanks around values (RFC 9110 section 5.6.3). */
export function isBlank(c: number | undefined): boolean {
	return c === SP || c === HTAB;
}

/** What a field value may hold (RFC 9110 section 5.5). */
export function isTextByte(c: number): boolean {
	return (c >= SP && c !== DEL) || c === HTAB;
}

/** Value of a hexadecimal digit; -1 for anything else. */
export function hexadecimal(c: number): number {
	if (c >= 0x30 && c <= 0x39) return c - 0x30;
	const letter = c | 0x20;
	return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
