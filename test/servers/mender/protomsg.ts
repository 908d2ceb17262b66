/** Messages of device connect as the server's Go writes and reads them: facts 1.7. */

/** An integer of Go's type int64, which the server tells from all others where it has not said what it wants. */
export class Int64 {
	readonly value: number;
	constructor(value: number) {
		this.value = value;
	}
}

/** An integer of Go's type uint16, which its library writes in full, however small. */
export class Uint16 {
	readonly value: number;
	constructor(value: number) {
		this.value = value;
	}
}

export type Value =
	| null
	| boolean
	| number
	| string
	| Int64
	| Uint16
	| Uint8Array
	| readonly Value[]
	| { readonly [name: string]: Value | undefined };

export interface ProtoMsg {
	readonly proto: number;
	readonly typ?: string;
	readonly sid?: string;
	readonly props?: Readonly<Record<string, Value>>;
	readonly body?: Uint8Array;
}

/** Empty members are left out, as `omitempty` has it. */
export function encodeMessage({ proto, typ = "", sid = "", props = {}, body = new Uint8Array(0) }: ProtoMsg): Buffer {
	const hdr: [string, Buffer][] = [["proto", encode(new Uint16(proto))]];
	if (typ !== "") hdr.push(["typ", encode(typ)]);
	if (sid !== "") hdr.push(["sid", encode(sid)]);
	if (Object.keys(props).length > 0) hdr.push(["props", encode(props)]);
	const members: [string, Buffer][] = [["hdr", map(hdr)]];
	if (body.byteLength > 0) members.push(["body", encode(body)]);
	return map(members);
}

/** Throws for what the server closes the connection for. */
export function decodeMessage(bytes: Uint8Array): Required<ProtoMsg> {
	const value = decode(bytes);
	if (!isMap(value) || !isMap(value.hdr)) throw new Error("a message without a head");
	const { proto, typ = "", sid = "", props = {} } = value.hdr;
	const body = value.body ?? new Uint8Array(0);
	if (typeof proto !== "number" || typeof typ !== "string" || typeof sid !== "string" || !isMap(props))
		throw new Error("a head with members of other types");
	if (!(body instanceof Uint8Array)) throw new Error("a body that is no bytes");
	return { proto, typ, sid, props: props as Readonly<Record<string, Value>>, body };
}

export function encode(value: Value): Buffer {
	if (value === null) return Buffer.of(0xc0);
	if (typeof value === "boolean") return Buffer.of(value ? 0xc3 : 0xc2);
	if (typeof value === "number") return integer(value);
	if (value instanceof Int64) return number(0xd3, value.value, 8);
	if (value instanceof Uint16) return number(0xcd, value.value, 2);
	if (typeof value === "string") {
		const text = Buffer.from(value);
		const head = text.length < 32 ? Buffer.of(0xa0 | text.length) : sized([0xd9, 0xda, 0xdb], text.length);
		return Buffer.concat([head, text]);
	}
	if (value instanceof Uint8Array) return Buffer.concat([sized([0xc4, 0xc5, 0xc6], value.length), value]);
	if (Array.isArray(value)) {
		if (value.length > 15) throw new Error("lists of more than 15 are not written here");
		return Buffer.concat([Buffer.of(0x90 | value.length), ...value.map(encode)]);
	}
	const entries = Object.entries(value as Readonly<Record<string, Value | undefined>>);
	return map(entries.flatMap(([name, each]) => (each === undefined ? [] : [[name, encode(each)]])));
}

/** A whole value, and nothing behind it. */
export function decode(bytes: Uint8Array): Value {
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	let at = 0;
	const take = (length: number): Buffer => {
		if (at + length > buffer.length) throw new Error("ends too early");
		at += length;
		return buffer.subarray(at - length, at);
	};
	const unsigned = (width: number): number =>
		width === 8 ? Number(take(8).readBigUInt64BE()) : take(width).readUIntBE(0, width);
	const list = (length: number): Value[] => Array.from({ length }, () => next());
	const members = (length: number): Value =>
		Object.fromEntries(Array.from({ length }, () => [String(next()), next()])) as Readonly<Record<string, Value>>;
	const next = (): Value => {
		const first = unsigned(1);
		if (first < 0x80) return first;
		if (first < 0x90) return members(first & 15);
		if (first < 0xa0) return list(first & 15);
		if (first < 0xc0) return take(first & 31).toString();
		if (first >= 0xe0) return first - 256;
		switch (first) {
			case 0xc0:
				return null;
			case 0xc2:
			case 0xc3:
				return first === 0xc3;
			case 0xc4:
			case 0xc5:
			case 0xc6:
				return new Uint8Array(take(unsigned(2 ** (first - 0xc4))));
			case 0xcc:
			case 0xcd:
			case 0xce:
			case 0xcf:
				return unsigned(2 ** (first - 0xcc));
			case 0xd0:
			case 0xd1:
			case 0xd2:
				return take(2 ** (first - 0xd0)).readIntBE(0, 2 ** (first - 0xd0));
			case 0xd3:
				return new Int64(Number(take(8).readBigInt64BE()));
			case 0xd9:
			case 0xda:
			case 0xdb:
				return take(unsigned(2 ** (first - 0xd9))).toString();
			case 0xdc:
				return list(unsigned(2));
			case 0xde:
				return members(unsigned(2));
			default:
				throw new Error(`a value that begins with ${first.toString(16)} is not read here`);
		}
	};
	const value = next();
	if (at !== buffer.length) throw new Error("goes on after its end");
	return value;
}

export const isMap = (value: unknown): value is Readonly<Record<string, Value>> =>
	typeof value === "object" &&
	value !== null &&
	!Array.isArray(value) &&
	!(value instanceof Uint8Array) &&
	!(value instanceof Int64);

function map(entries: readonly (readonly [string, Buffer])[]): Buffer {
	if (entries.length > 15) throw new Error("maps of more than 15 are not written here");
	return Buffer.concat([Buffer.of(0x80 | entries.length), ...entries.flatMap(([name, value]) => [encode(name), value])]);
}

function integer(value: number): Buffer {
	if (value < 0) return number(0xd3, value, 8);
	if (value < 0x80) return Buffer.of(value);
	if (value < 0x100) return number(0xcc, value, 1);
	if (value < 0x1_0000) return number(0xcd, value, 2);
	return value < 0x1_0000_0000 ? number(0xce, value, 4) : number(0xcf, value, 8);
}

function sized(heads: readonly [number, number, number], length: number): Buffer {
	if (length < 0x100) return number(heads[0], length, 1);
	return length < 0x1_0000 ? number(heads[1], length, 2) : number(heads[2], length, 4);
}

function number(head: number, value: number, width: number): Buffer {
	const bytes = Buffer.alloc(1 + width);
	bytes[0] = head;
	if (width === 8) bytes.writeBigInt64BE(BigInt(value), 1);
	else bytes.writeUIntBE(value, 1, width);
	return bytes;
}
