/**
 * IP addresses as text (RFC 4291 section 2.2; dotted decimal with four numbers only, none of the shorthands of old
 * resolvers) to bytes, because certificates hold them as bytes.
 */

const hexadecimal = /^[0-9A-Fa-f]{1,4}$/;

/** By characters: pieces, patterns and iterators would cost as much as a fifth of what JavaScript does for a TLS connection. */
function parseV4(text: string): Uint8Array | undefined {
	const { length } = text;
	// "0.0.0.0" to "255.255.255.255"
	if (length < 7 || length > 15) return undefined;
	const bytes = new Uint8Array(4);
	let index = 0;
	let digits = 0;
	let value = 0;
	for (let at = 0; at < length; at++) {
		const code = text.charCodeAt(at);
		if (code === 0x2e) {
			if (digits === 0 || index === 3) return undefined;
			bytes[index++] = value;
			digits = 0;
			value = 0;
			continue;
		}
		// A leading zero would be octal to old resolvers.
		if (code < 0x30 || code > 0x39 || (digits > 0 && value === 0)) return undefined;
		value = value * 10 + code - 0x30;
		digits++;
		if (value > 255) return undefined;
	}
	if (digits === 0 || index !== 3) return undefined;
	bytes[3] = value;
	return bytes;
}

/** The 16-bit groups of one side of "::", or undefined. At the end of an address there may be an IPv4 address, which counts as two. */
function parseGroups(text: string, isEnd: boolean): readonly number[] | undefined {
	if (text === "") return [];
	const parts = text.split(":");
	const last = parts[parts.length - 1] ?? "";
	const groups: number[] = [];
	if (isEnd && last.includes(".")) {
		const four = parseV4(last);
		if (four === undefined) return undefined;
		parts.pop();
		parts.push(...[0, 2].map((index) => (((four[index] ?? 0) << 8) | (four[index + 1] ?? 0)).toString(16)));
	}
	for (const part of parts) {
		if (!hexadecimal.test(part)) return undefined;
		groups.push(Number.parseInt(part, 16));
	}
	return groups;
}

function parseV6(text: string): Uint8Array | undefined {
	const sides = text.split("::");
	if (sides.length > 2) return undefined;
	const head = parseGroups(sides[0] ?? "", sides.length === 1);
	const tail = sides.length === 2 ? parseGroups(sides[1] ?? "", true) : [];
	if (head === undefined || tail === undefined) return undefined;
	const missing = 8 - head.length - tail.length;
	// "::" stands for at least one group (RFC 5952 section 4.2.2 advises, RFC 4291 requires "one or more").
	if (sides.length === 2 ? missing < 1 : missing !== 0) return undefined;
	const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
	const bytes = new Uint8Array(16);
	for (let index = 0; index < 8; index++) {
		const group = groups[index] ?? 0;
		bytes[index * 2] = group >> 8;
		bytes[index * 2 + 1] = group & 0xff;
	}
	return bytes;
}

/** The 4 or 16 bytes of an IP literal ("192.0.2.1", "2001:db8::1", "[2001:db8::1]"), or undefined when `text` is a name. */
export function parseAddress(text: string): Uint8Array | undefined {
	const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
	return bare.includes(":") ? parseV6(bare) : parseV4(text);
}

const hostCharacters = /^[A-Za-z0-9_-]+$/;

function isLabel(text: string): boolean {
	// Lengths are counted here: XS 13 lets `(?:[a-z]{0,61}[a-z])?` match more than it says.
	return text.length <= 63 && hostCharacters.test(text) && !text.startsWith("-") && !text.endsWith("-");
}

/** Whether `text` can stand in SNI and in a certificate: letters, digits, hyphens, dots; at most 253 characters. */
export function isHostName(text: string): boolean {
	return text.length <= 253 && text.split(".").every(isLabel);
}
