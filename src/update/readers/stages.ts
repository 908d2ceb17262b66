import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { readArchiveName } from "./names";
import { quoted } from "./quoted";

/**
 * The members of an artifact in the only order that the format allows. The order is what makes it possible to know
 * everything about an update before its first byte.
 */
export const stages = frozen([
	{ kind: "version", required: true },
	{ kind: "manifest", required: true },
	{ kind: "manifest.sig", required: false },
	{ kind: "manifest-augment", required: false },
	{ kind: "header", required: true },
	{ kind: "header-augment", required: false },
	{ kind: "data", required: true },
] as const);

export type StageKind = (typeof stages)[number]["kind"];

export type Compression = "none" | "gzip";

/** What a member of an artifact is, by its name. */
export interface Part {
	readonly kind: StageKind;
	/** Index in `stages`. */
	readonly rank: number;
	readonly compression: Compression;
	/** Which payload; 0 for what is no payload. */
	readonly payload: number;
}

const compressions: Readonly<Record<string, Compression>> = frozen({ ".tar": "none", ".tar.gz": "gzip" });

/** Names of forms that exist and that this reader does not decompress. */
const refused: Readonly<Record<string, string>> = frozen({ ".tar.xz": "xz", ".tar.zst": "zstd", ".tar.bz2": "bzip2" });

/** Which header archive this is the name of, in a compression that exists. */
export function headerName(name: string): "header" | "header-augment" | undefined {
	const { kind, suffix = "" } = readArchiveName(name) ?? {};
	if (!Object.hasOwn(compressions, suffix) && !Object.hasOwn(refused, suffix)) return undefined;
	return kind === "data" ? undefined : kind;
}

/** What the member called `name` is; throws when the format has none of that name. */
export function partOf(name: string): Part {
	const archive = readArchiveName(name);
	const kind = archive?.kind ?? name;
	const rank = stages.findIndex((stage) => stage.kind === kind);
	const stage = stages[rank];
	const isArchive = kind === "header" || kind === "header-augment" || kind === "data";
	if (stage === undefined || isArchive !== (archive !== undefined))
		throw new FleetlingError(
			"artifact.out-of-order",
			`the artifact holds ${quoted(name)}, for which the format has no place; write it again with mender-artifact or rdfm-artifact`,
		);
	return { kind: stage.kind, rank, compression: compressionOf(name, archive?.suffix), payload: archive?.payload ?? 0 };
}

function compressionOf(name: string, suffix: string | undefined): Compression {
	if (suffix === undefined) return "none";
	const compression = Object.hasOwn(compressions, suffix) ? compressions[suffix] : undefined;
	if (compression !== undefined) return compression;
	const form = Object.hasOwn(refused, suffix) ? refused[suffix] : `something (${suffix})`;
	throw new FleetlingError(
		"artifact.unsupported-compression",
		`${quoted(name)} of the artifact is compressed with ${form}, which this firmware cannot decompress; write it with --compression none or gzip`,
	);
}

/** Follows the order of an artifact's members. */
export class StageOrder {
	/** Rank of the last member; -1 before the first. */
	#rank = -1;
	/** Payloads that have begun. */
	#payloads = 0;

	/** Whether a member of this kind has begun. */
	reached(kind: StageKind): boolean {
		return this.#rank >= stages.findIndex((stage) => stage.kind === kind);
	}

	get payloads(): number {
		return this.#payloads;
	}

	/** The next member is `part`; throws when it comes at the wrong place or something is left out. */
	advance({ kind, rank, payload }: Part, name: string): void {
		const again = rank === this.#rank;
		if (again ? kind !== "data" : rank < this.#rank) throw misplaced(name, "comes too late or twice");
		const missing = stages.slice(this.#rank + 1, rank).find((stage) => stage.required);
		if (missing !== undefined) throw misplaced(name, `comes before its ${missing.kind}`);
		if (kind === "data" && payload !== this.#payloads) throw misplaced(name, `comes where payload ${this.#payloads} should`);
		this.#rank = rank;
		if (kind === "data") this.#payloads++;
	}
}

function misplaced(name: string, text: string): FleetlingError {
	return new FleetlingError(
		"artifact.out-of-order",
		`${quoted(name)} of the artifact ${text}; write it again with mender-artifact or rdfm-artifact`,
	);
}
