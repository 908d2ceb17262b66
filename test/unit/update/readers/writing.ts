/** Artifacts made by hand, byte for byte, so that each test can damage the one thing it is about. */
import Base64 from "base64";
import { type Key, SHA256 } from "fleetling/common/crypto";
import { crc32 } from "fleetling/update/readers/crc32";
import Hex from "hex";
import TextEncoder from "text/encoder";

const block = 512;

export function bytesOf(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
	const result = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
	let at = 0;
	for (const part of parts) {
		result.set(part, at);
		at += part.byteLength;
	}
	return result;
}

export function hashOf(bytes: Uint8Array): string {
	return Hex.toString(new SHA256().update(bytes).digest()).toLowerCase();
}

/** Bytes without a pattern that a mistake in an offset could hide behind. */
export function noise(length: number, seed = 1): Uint8Array {
	const bytes = new Uint8Array(length);
	let state = seed;
	for (let at = 0; at < length; at++) {
		state = (state * 48_271) % 2_147_483_647;
		bytes[at] = state >> 8;
	}
	return bytes;
}

export interface HeaderFields {
	readonly name?: string;
	readonly prefix?: string;
	readonly size?: number;
	readonly type?: string;
	readonly magic?: string;
	/** The size field as it is to be written. */
	readonly sizeText?: string;
	readonly checksum?: number;
}

export function tarHeader(fields: HeaderFields): Uint8Array {
	const { name = "file", prefix = "", size = 0, type = "0", magic = "ustar\x0000", checksum } = fields;
	const bytes = new Uint8Array(block);
	const put = (at: number, text: string): void => {
		for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
	};
	put(0, name);
	put(100, "0000600\0");
	put(124, fields.sizeText ?? `${size.toString(8).padStart(11, "0")}\0`);
	put(148, "        ");
	put(156, type);
	put(257, magic);
	put(345, prefix);
	const sum = checksum ?? bytes.reduce((total, value) => total + value, 0);
	put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
	return bytes;
}

export function padded(bytes: Uint8Array): Uint8Array {
	return joined(bytes, new Uint8Array((block - (bytes.byteLength % block)) % block));
}

/** One file of an archive; a name of more than 100 characters gets an extended header. */
export function tarFile(name: string, content: Uint8Array | string): Uint8Array {
	const bytes = typeof content === "string" ? bytesOf(content) : content;
	const file = joined(tarHeader({ name: name.slice(0, 100), size: bytes.byteLength }), padded(bytes));
	if (name.length <= 100) return file;
	const record = paxRecord("path", name);
	return joined(tarHeader({ name: "PaxHeaders.0/x", type: "x", size: record.byteLength }), padded(record), file);
}

export function paxRecord(key: string, value: string): Uint8Array {
	const rest = ` ${key}=${value}\n`.length;
	let length = rest + 1;
	while (String(length).length + rest !== length) length++;
	return bytesOf(`${length} ${key}=${value}\n`);
}

export const tarEnd = new Uint8Array(2 * block);

export type Files = readonly (readonly [name: string, content: Uint8Array | string])[];

export function tar(files: Files): Uint8Array {
	return joined(...files.map(([name, content]) => tarFile(name, content)), tarEnd);
}

/** gzip whose contents are stored, in blocks as deflate has them. */
export function gzip(bytes: Uint8Array, head: Uint8Array = gzipHead()): Uint8Array {
	const blocks: Uint8Array[] = [];
	const most = 1500;
	for (let at = 0; at === 0 || at < bytes.byteLength; at += most) {
		const content = bytes.subarray(at, at + most);
		const { byteLength: length } = content;
		const last = at + most >= bytes.byteLength ? 1 : 0;
		blocks.push(new Uint8Array([last, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff]), content);
	}
	const tail = new Uint8Array(8);
	new DataView(tail.buffer).setInt32(0, crc32(bytes), true);
	new DataView(tail.buffer).setUint32(4, bytes.byteLength, true);
	return joined(head, ...blocks, tail);
}

export function gzipHead(flags = 0, rest: readonly number[] = []): Uint8Array {
	return new Uint8Array([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255, ...rest]);
}

export interface ArtifactParts {
	readonly version?: string;
	readonly headerInfo?: object | string;
	/** Of each payload: type-info, meta-data, files. */
	readonly payloads?: readonly PayloadParts[];
	readonly compression?: "none" | "gzip";
	readonly key?: Key;
	/** Instead of the signature that `key` makes. */
	readonly signature?: string;
	readonly augment?: { readonly header?: Files; readonly files?: Files };
	/** Further files in the header archive, behind header-info. */
	readonly extra?: Files;
	/** Last say over the manifest's lines and over the members. */
	readonly editManifest?: (lines: string[]) => string[];
	readonly editMembers?: (members: [string, Uint8Array][]) => [string, Uint8Array][];
}

export interface PayloadParts {
	readonly typeInfo?: object | string;
	readonly metaData?: string;
	readonly files: Files;
}

export const plainInfo = {
	payloads: [{ type: "test-file" }],
	artifact_provides: { artifact_name: "release-2" },
	artifact_depends: { device_type: ["this-device"] },
};

const plainTypeInfo = {
	type: "test-file",
	clears_artifact_provides: ["test-file.*"],
	artifact_provides: { "test-file.version": "2" },
};

const textOf = (value: object | string): string => (typeof value === "string" ? value : JSON.stringify(value));
const line = (name: string, bytes: Uint8Array): string => `${hashOf(bytes)}  ${name}`;

/** The members of an artifact in order, to be damaged and put together by `tar`. */
export function artifactBytes(parts: ArtifactParts = {}): Uint8Array {
	const { headerInfo = plainInfo, payloads = [{ files: [["file", noise(2000)]] }], extra = [], augment, key } = parts;
	const suffix = parts.compression === "gzip" ? ".tar.gz" : ".tar";
	const pack = (bytes: Uint8Array): Uint8Array => (parts.compression === "gzip" ? gzip(bytes) : bytes);
	const numbered = (index: number): string => String(index).padStart(4, "0");
	const version = bytesOf(parts.version ?? '{"format":"mender","version":3}');
	const buckets = payloads.flatMap(({ typeInfo = plainTypeInfo, metaData }, index): Files => {
		const folder = `headers/${numbered(index)}`;
		const info = [`${folder}/type-info`, textOf(typeInfo)] as const;
		return metaData === undefined ? [info] : [info, [`${folder}/meta-data`, metaData]];
	});
	const header = pack(tar([["header-info", textOf(headerInfo)], ...extra, ...buckets]));
	const augmentedHeader = augment?.header && pack(tar(augment.header));
	const added = (index: number): Files => (index === 0 ? (augment?.files ?? []) : []);
	const fileLines = (index: number, files: Files): string[] =>
		files.map(([name, content]) =>
			line(`data/${numbered(index)}/${name}`, typeof content === "string" ? bytesOf(content) : content),
		);
	const lines = [
		...payloads.flatMap(({ files }, index) => fileLines(index, files)),
		line(`header${suffix}`, header),
		line("version", version),
	];
	const manifest = bytesOf(`${(parts.editManifest?.(lines) ?? lines).join("\n")}\n`);
	const signature = parts.signature ?? (key && Base64.encode(key.sign(manifest, "raw")));
	const augmentLines = [
		...fileLines(0, added(0)),
		...(augmentedHeader === undefined ? [] : [line(`header-augment${suffix}`, augmentedHeader)]),
	];
	const members: [string, Uint8Array][] = [
		["version", version],
		["manifest", manifest],
		...(signature === undefined ? [] : [["manifest.sig", bytesOf(signature)] as [string, Uint8Array]]),
		...(augment === undefined ? [] : [["manifest-augment", bytesOf(`${augmentLines.join("\n")}\n`)] as [string, Uint8Array]]),
		[`header${suffix}`, header],
		...(augmentedHeader === undefined ? [] : [[`header-augment${suffix}`, augmentedHeader] as [string, Uint8Array]]),
		...payloads.map(({ files }, index): [string, Uint8Array] => [
			`data/${numbered(index)}${suffix}`,
			pack(tar([...files, ...added(index)])),
		]),
	];
	return tar(parts.editMembers?.(members) ?? members);
}
