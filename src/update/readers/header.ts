import { FleetlingError } from "fleetling/error/error";
import {
	type HeaderInfo,
	nothingSaid,
	type PayloadInfo,
	readAugmentedTypes,
	readHeaderInfo,
	readMetaData,
	readTypeInfo,
} from "./header-info";
import { type Depends, headerFault } from "./json";
import { artifactLimits as limits } from "./limits";
import { readBucketName } from "./names";
import { Collector } from "./octets";
import { quoted } from "./quoted";
import type { TarListener, TarMember } from "./tar";

/** What is under way in a header archive, and the order in which it may come. */
type Step =
	| { readonly kind: "header-info" }
	| { readonly kind: "type-info"; readonly payload: number }
	| { readonly kind: "meta-data"; readonly payload: number };

/** What the headers say of an artifact. */
export interface ArtifactHeader extends HeaderInfo {
	readonly payloads: readonly PayloadInfo[];
}

/**
 * Reads header.tar, and header-augment.tar as far as that may add to it. One text is in memory at a time.
 *
 * What the augmented header may do: give a payload its type where header-info leaves it open, and add dependencies,
 * provides and meta-data that were not there. It changes nothing that header.tar has said.
 */
export class HeaderReader implements TarListener {
	readonly #base: ArtifactHeader | undefined;
	readonly #archive: string;
	#info: HeaderInfo | undefined;
	#types: readonly string[];
	readonly #payloads: PayloadInfo[] = [];
	#step: Step | undefined;
	#text = new Collector(0);

	/** `base`: what header.tar said, when this is header-augment.tar. */
	constructor(base?: ArtifactHeader) {
		this.#base = base;
		this.#archive = base === undefined ? "header" : "header-augment";
		this.#info = base;
		this.#types = base?.types ?? [];
	}

	/** After the end of the archive. */
	get header(): ArtifactHeader {
		const base = this.#base;
		const info = this.#info;
		if (info === undefined) throw headerFault(this.#archive, "holds no header-info");
		const open = this.#types.indexOf("");
		if (base !== undefined && open >= 0) throw headerFault(this.#archive, `leaves the type of payload ${open} open`);
		if (base === undefined && this.#payloads.length < this.#types.length)
			throw headerFault(this.#archive, `holds no type-info of payload ${this.#payloads.length}`);
		const payloads = this.#types.map((_, at) => join(base?.payloads[at], this.#payloads[at]));
		return { ...info, types: this.#types, payloads };
	}

	begin({ name, size }: TarMember): void {
		if (name.startsWith("scripts/"))
			throw new FleetlingError(
				"artifact.scripts",
				`the artifact holds the script ${quoted(name)}: this device runs none; write it without --script`,
			);
		this.#step = this.#stepOf(name);
		if (size > limits.headerText)
			throw new FleetlingError(
				"artifact.too-large",
				`${quoted(name)} of the artifact has ${size} bytes; at most ${limits.headerText} are read`,
			);
		this.#text = new Collector(size);
	}

	data(bytes: Uint8Array, start: number, end: number): void {
		this.#text.add(bytes, start, end);
	}

	end(): void {
		const { bytes } = this.#text;
		const step = this.#step;
		this.#text = new Collector(0);
		if (step === undefined) return;
		if (step.kind === "header-info") {
			this.#readInfo(bytes);
			return;
		}
		const { kind, payload } = step;
		const what = `${kind} of payload ${payload}`;
		if (kind === "type-info") {
			this.#payloads[payload] = readTypeInfo(bytes, what, this.#types[payload] ?? "");
		} else {
			const metaData = readMetaData(bytes, what);
			if (metaData !== undefined) this.#payloads[payload] = { ...(this.#payloads[payload] ?? nothingSaid), metaData };
		}
	}

	#readInfo(bytes: Uint8Array): void {
		if (this.#base === undefined) {
			this.#info = readHeaderInfo(bytes);
			this.#types = this.#info.types;
			return;
		}
		const types = readAugmentedTypes(bytes);
		if (types.length !== this.#types.length)
			throw headerFault(this.#archive, `lists ${types.length} payloads instead of ${this.#types.length}`);
		this.#types = this.#types.map((type, at) => {
			const added = types[at] ?? "";
			if (type !== "" && added !== "" && added !== type)
				throw headerFault(this.#archive, `changes the type of payload ${at} from ${quoted(type)} to ${quoted(added)}`);
			return type === "" ? added : type;
		});
	}

	/** What `name` is, when this is the place for it: header-info, then for each payload type-info and perhaps meta-data. */
	#stepOf(name: string): Step {
		const last = this.#step;
		if (name === "header-info" && last === undefined) return { kind: "header-info" };
		const { payload = 0, kind } = readBucketName(name) ?? {};
		const next = last === undefined || last.kind === "header-info" ? 0 : last.payload + 1;
		const isFirst = last === undefined && this.#base === undefined;
		if (!isFirst && kind === "type-info" && payload < this.#types.length && this.#follows(payload, next))
			return { kind, payload };
		if (kind === "meta-data" && last?.kind === "type-info" && last.payload === payload) return { kind, payload };
		throw headerFault(this.#archive, `holds ${quoted(name)} at a place where it does not belong`);
	}

	/** All payloads have a type-info; an augmented header says nothing of those to which it adds nothing. */
	#follows(payload: number, next: number): boolean {
		return this.#base === undefined ? payload === next : payload >= next;
	}
}

/** What both headers say of a payload. */
function join(base: PayloadInfo | undefined, added: PayloadInfo | undefined): PayloadInfo {
	if (base === undefined || added === undefined) return base ?? added ?? nothingSaid;
	const metaData = base.metaData ?? added.metaData;
	// Where both speak, header.tar is the one that counts. Dependencies have to hold both times.
	return {
		...base,
		provides: { ...added.provides, ...base.provides },
		depends: joinDepends(base.depends, added.depends),
		...(metaData && { metaData }),
	};
}

function joinDepends(base: Depends, added: Depends): Depends {
	const both = Object.entries(added).map(([name, values]) => {
		const first = Object.hasOwn(base, name) ? base[name] : undefined;
		return [name, first === undefined ? values : first.filter((value) => values.includes(value))] as const;
	});
	return Object.fromEntries([...Object.entries(base), ...both]);
}
