import { Gunzip } from "./gzip";
import type { ByteSink } from "./octets";
import type { Part } from "./stages";
import { type TarListener, type TarMember, TarReader } from "./tar";

/** Reads an archive inside of the artifact, decompressing it where its name says so. */
export function openArchive(listener: TarListener, { compression, kind }: Part, { name, size }: TarMember): ByteSink {
	const tar = new TarReader(listener, name);
	// What headers hold is little and decides much; what payloads hold has checksums of its own.
	return compression === "gzip" ? new Gunzip(tar, { size, what: name, checked: kind !== "data" }) : tar;
}
