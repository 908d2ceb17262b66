/**
 * Writes Mender artifacts, version 3, and RDFM's, for tests that want an artifact without mender-artifact, or one that it
 * cannot make: RDFM's format, several payloads. What it writes is verified by the real mender-artifact in a test.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { SigningKey } from "./keys";
import { type TarEntry, writeTar } from "./tar";

export interface ArtifactPayload {
	readonly type: string;
	readonly files: readonly TarEntry[];
	readonly provides?: Readonly<Record<string, string>>;
	readonly depends?: Readonly<Record<string, string | readonly string[]>>;
	readonly clears?: readonly string[];
	readonly metaData?: Readonly<Record<string, unknown>>;
}

export interface ArtifactDescription {
	readonly format?: "mender" | "rdfm";
	readonly name: string;
	readonly group?: string;
	readonly deviceTypes: readonly string[];
	readonly depends?: { readonly artifact_name?: readonly string[]; readonly artifact_group?: readonly string[] };
	readonly payloads: readonly ArtifactPayload[];
	readonly compression?: "none" | "gzip";
	readonly key?: SigningKey;
}

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const numbered = (index: number): string => String(index).padStart(4, "0");

export function writeArtifact(description: ArtifactDescription): Buffer {
	const { format = "mender", name, group, deviceTypes, depends, payloads, compression = "none", key } = description;
	const suffix = compression === "gzip" ? ".tar.gz" : ".tar";
	const pack = (entries: readonly TarEntry[]): Buffer =>
		compression === "gzip" ? gzipSync(writeTar(entries)) : writeTar(entries);
	const info = {
		payloads: payloads.map(({ type }) => ({ type })),
		artifact_provides: { artifact_name: name, ...(group && { artifact_group: group }) },
		artifact_depends: { device_type: deviceTypes, ...depends },
	};
	const version = json({ format, version: 3 });
	const buckets = payloads.flatMap((payload, index): TarEntry[] => {
		const folder = `headers/${numbered(index)}`;
		const typeInfo = {
			type: format === "rdfm" ? null : payload.type,
			artifact_provides: payload.provides,
			artifact_depends: payload.depends,
			clears_artifact_provides: payload.clears,
		};
		const metaData = payload.metaData && { name: `${folder}/meta-data`, content: json(payload.metaData) };
		return [{ name: `${folder}/type-info`, content: json(typeInfo) }, ...(metaData ? [metaData] : [])];
	});
	const header = pack([{ name: "header-info", content: json(info) }, ...buckets]);
	const listed: TarEntry[] = [
		...payloads.flatMap(({ files }, index) => files.map((file) => ({ ...file, name: `data/${numbered(index)}/${file.name}` }))),
		{ name: `header${suffix}`, content: header },
		{ name: "version", content: version },
	];
	const lines = listed.map((entry) => `${createHash("sha256").update(entry.content).digest("hex")}  ${entry.name}\n`);
	const manifest = Buffer.from(lines.join(""));
	return writeTar([
		{ name: "version", content: version },
		{ name: "manifest", content: manifest },
		...(key ? [{ name: "manifest.sig", content: Buffer.from(key.sign(manifest)) }] : []),
		{ name: `header${suffix}`, content: header },
		...payloads.map(({ files }, index) => ({ name: `data/${numbered(index)}${suffix}`, content: pack(files) })),
	]);
}
