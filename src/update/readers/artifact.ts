import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { SHA256 } from "../../common/crypto";
import type { Installed, Installer } from "../installer";
import type { PackageReader, ReaderContext, ReaderKind } from "../reader";
import { openArchive } from "./archive";
import { Checksums } from "./checksums";
import { type ArtifactHeader, HeaderReader } from "./header";
import { artifactLimits as limits } from "./limits";
import { ManifestReader } from "./manifest";
import { type ByteSink, CollectingSink } from "./octets";
import { PayloadReader } from "./payload";
import { combine, planOf } from "./plan";
import { quoted } from "./quoted";
import { type Excuse, Seal } from "./seal";
import { type Part, partOf, type StageKind, StageOrder } from "./stages";
import { type TarListener, type TarMember, TarReader } from "./tar";
import { type ArtifactFormat, checkVersion } from "./version";

/** What an artifact has to meet on this device. */
export interface ArtifactConditions {
	readonly deviceType: string;
	/** What the device provides: artifact_name, artifact_group, rootfs-image.version and so on. */
	readonly provides: Readonly<Record<string, string>>;
	/** Public keys in PEM (readKeys of signature.ts). With at least one, only what one of them has signed is installed. */
	readonly keys?: readonly string[];
	/** What is installed without a signature although there are keys. */
	readonly excuse?: Excuse;
	/** Both when absent. */
	readonly formats?: readonly ArtifactFormat[];
}

/** A Mender artifact, version 3, or RDFM's variant of it. `conditions` is asked once per artifact. */
export function artifact(conditions: () => ArtifactConditions): ReaderKind {
	return {
		name: "Mender or RDFM artifact",
		recognises: isArtifact,
		open: (context) => new ArtifactReader(conditions(), context),
	};
}

/** A tar archive whose first member is called "version". What version it is, the reader says better than "unknown package". */
function isArtifact(head: Uint8Array): boolean {
	const has = (text: string, at: number): boolean =>
		[...text].every((letter, index) => head[at + index] === letter.charCodeAt(0));
	return head.byteLength >= 512 && has("version\0", 0) && has("ustar", 257);
}

/** A member that is being read. */
interface Reading {
	readonly sink: ByteSink;
	/** Of the member as it is stored, where something depends on it. */
	readonly hash?: SHA256;
	/** After the last byte and `sink.finish`. */
	complete?(digest: ArrayBuffer): void;
}

/**
 * Reads an artifact while it streams by. Nothing reaches an installer before signature, device type, dependencies and
 * payload types have been found right; nothing can be activated before every file that the manifest lists has come and
 * had its checksum.
 */
class ArtifactReader implements PackageReader, TarListener {
	readonly #conditions: ArtifactConditions;
	readonly #context: ReaderContext;
	readonly #archive = new TarReader(this, "the artifact");
	readonly #order = new StageOrder();
	readonly #checksums = new Checksums();
	readonly #seal: Seal;
	#reading: Reading | undefined;
	/** Of the member `version`, which comes before the manifest that vouches for it. */
	#version: ArrayBuffer | undefined;
	#header: ArtifactHeader | undefined;
	#installers: readonly Installer[] = [];
	/** Bytes of the package before the block that is being read. */
	#position = 0;
	#payloadStart: number | undefined;
	#finished = false;

	constructor(conditions: ArtifactConditions, context: ReaderContext) {
		this.#conditions = conditions;
		this.#context = context;
		this.#seal = new Seal(conditions.keys ?? [], conditions.excuse);
	}

	/** An image that is not compressed goes into its slot as it stands in the package. */
	get payloadStart(): number | undefined {
		return this.#payloadStart;
	}

	write(bytes: Uint8Array): void {
		this.#archive.write(bytes, 0, bytes.byteLength);
		this.#position += bytes.byteLength;
	}

	finish(): Installed {
		this.#archive.finish();
		const header = this.#header;
		const expected = header?.types.length ?? 1;
		if (header === undefined || this.#order.payloads < expected)
			throw new FleetlingError(
				"artifact.missing-file",
				`the artifact ends after ${this.#order.payloads} of ${expected} payloads; write it again`,
			);
		this.#checksums.finish();
		const installed: Installed[] = [];
		try {
			for (const installer of this.#installers) installed.push(installer.finish());
		} catch (error) {
			for (const part of installed) part.discard?.();
			throw error;
		}
		this.#finished = true;
		return combine(header, installed);
	}

	abort(): void {
		if (this.#finished) return;
		this.#finished = true;
		this.#release();
		for (const installer of this.#installers) installer.abort();
	}

	begin(member: TarMember): void {
		const { name } = member;
		const part = partOf(name);
		this.#order.advance(part, name);
		this.#reading = ArtifactReader.#openers[part.kind](this, part, member);
	}

	data(bytes: Uint8Array, start: number, end: number): void {
		const reading = this.#reading;
		reading?.hash?.update(bytes, start, end - start);
		reading?.sink.write(bytes, start, end);
	}

	end(): void {
		const reading = this.#reading;
		if (reading === undefined) return;
		reading.sink.finish();
		const digest = reading.hash?.digest();
		this.#release();
		if (digest !== undefined) reading.complete?.(digest);
	}

	#release(): void {
		this.#reading?.sink.close();
		this.#reading?.hash?.close();
		this.#reading = undefined;
	}

	static readonly #openers: Readonly<Record<StageKind, (reader: ArtifactReader, part: Part, member: TarMember) => Reading>> =
		frozen({
			version: (reader, _, member) => reader.#readVersion(member),
			manifest: (reader, _, member) => reader.#readManifest(member),
			"manifest.sig": (reader, _, member) => reader.#readSignature(member),
			"manifest-augment": (reader, _, member) => reader.#readAugment(member),
			header: (reader, part, member) => reader.#readHeader(part, member),
			"header-augment": (reader, part, member) => reader.#readHeader(part, member),
			data: (reader, part, member) => reader.#readPayload(part, member),
		});

	#readVersion(member: TarMember): Reading {
		const { formats = ["mender", "rdfm"] } = this.#conditions;
		return {
			sink: new CollectingSink(bounded(member, limits.version), (bytes) => checkVersion(bytes, formats)),
			hash: new SHA256(),
			complete: (digest) => {
				this.#version = digest;
			},
		};
	}

	#readManifest(member: TarMember): Reading {
		bounded(member, limits.manifest);
		return {
			sink: new ManifestReader("manifest", this.#checksums),
			hash: new SHA256(),
			complete: (digest) => {
				this.#seal.manifest(digest);
				if (this.#version !== undefined) this.#checksums.verify("version", this.#version);
			},
		};
	}

	#readSignature(member: TarMember): Reading {
		return { sink: new CollectingSink(bounded(member, limits.signature), (bytes) => this.#seal.signature(bytes)) };
	}

	#readAugment(member: TarMember): Reading {
		this.#seal.needNone();
		bounded(member, limits.manifest);
		return { sink: new ManifestReader("manifest-augment", this.#checksums) };
	}

	/** The hash is of the archive as it is stored, so it is known only behind the last byte: until then nothing comes of it. */
	#readHeader(part: Part, member: TarMember): Reading {
		this.#seal.needForHeader();
		this.#checksums.expect(member.name);
		const listener = new HeaderReader(this.#header);
		return {
			sink: openArchive(listener, part, member),
			hash: new SHA256(),
			complete: (digest) => {
				this.#checksums.verify(member.name, digest);
				this.#header = listener.header;
			},
		};
	}

	#readPayload(part: Part, member: TarMember): Reading {
		const header = this.#header;
		if (header === undefined) throw new FleetlingError("artifact.out-of-order", `${quoted(member.name)} comes before the header`);
		const { payload: index } = part;
		if (index === 0) this.#decide(header);
		const installer = this.#installers[index];
		const type = header.types[index];
		if (installer === undefined || type === undefined)
			throw new FleetlingError(
				"artifact.out-of-order",
				`the artifact holds ${quoted(member.name)}, and header-info only ${header.types.length} payloads; write it again`,
			);
		const metaData = header.payloads[index]?.metaData;
		installer.describe?.({ type, size: undefined, ...(metaData && { metaData }) });
		const plain = part.compression === "none" && this.#installers.length === 1 && installer.endFile === undefined;
		const listener = new PayloadReader({
			index,
			type,
			metaData,
			installer,
			checksums: this.#checksums,
			...(plain && { onFirst: (start: number) => this.#place(start) }),
		});
		return { sink: openArchive(listener, part, member) };
	}

	#place(start: number): void {
		this.#payloadStart = this.#position + start;
	}

	/** Everything that can be known before the first payload byte is known. */
	#decide(header: ArtifactHeader): void {
		this.#seal.judge(header, this.#checksums.starting("data/").length);
		this.#installers = planOf(header, this.#checksums, this.#conditions, (type) => this.#context.installer(type));
	}
}

/** The size of a member that is small. */
function bounded({ name, size }: TarMember, most: number): number {
	if (size > most)
		throw new FleetlingError("artifact.too-large", `${quoted(name)} of the artifact has ${size} bytes; at most ${most} are read`);
	return size;
}
