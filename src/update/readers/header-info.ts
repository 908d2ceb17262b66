import { frozen } from "fleetling/frozen/frozen";
import { isObject } from "../../common/json";
import { type Depends, HeaderObject, type Provides } from "./json";
import { artifactLimits as limits } from "./limits";

/** What header-info says of the artifact as a whole. */
export interface HeaderInfo {
	/** Types of the payloads, in order; "" where the augmented header has to tell. */
	readonly types: readonly string[];
	readonly name: string;
	/** artifact_name, and artifact_group where there is one. */
	readonly provides: Provides;
	/** device_type, artifact_name, artifact_group. */
	readonly depends: Depends;
}

/** What type-info and meta-data say of one payload. */
export interface PayloadInfo {
	readonly provides: Provides;
	readonly depends: Depends;
	/** Patterns of what is not provided any more; absent in artifacts from before there was such a field. */
	readonly clears?: readonly string[];
	/** For whoever installs it; absent when it is absent or empty. */
	readonly metaData?: Readonly<Record<string, unknown>>;
}

export const nothingSaid: PayloadInfo = frozen({ provides: {}, depends: {} });

export function readHeaderInfo(bytes: Uint8Array): HeaderInfo {
	const header = HeaderObject.parse(bytes, "header-info");
	const provides = header.object("artifact_provides").provides();
	const depends = header.object("artifact_depends").depends();
	const { artifact_name: name = "" } = provides;
	if (name === "") throw header.fault('has no "artifact_name"');
	// An artifact that does not say what it is for would go onto anything.
	if ((depends.device_type ?? []).length === 0) throw header.fault('names no "device_type"');
	return { types: readTypes(header), name, provides, depends };
}

/**
 * The payload types of an augmented header. mender-artifact writes the whole header-info there once more; nothing but the
 * types may come from it, because it is not signed.
 */
export function readAugmentedTypes(bytes: Uint8Array): readonly string[] {
	return readTypes(HeaderObject.parse(bytes, "header-info in header-augment"));
}

function readTypes(header: HeaderObject): readonly string[] {
	const payloads = header.list("payloads");
	if (payloads.length === 0) throw header.fault("lists no payloads: there is nothing to install");
	if (payloads.length > limits.payloads)
		throw header.fault(`lists ${payloads.length} payloads; this firmware takes ${limits.payloads} at a time`);
	return payloads.map((payload) => {
		if (!isObject(payload)) throw header.fault("lists a payload that is no object");
		return new HeaderObject(payload, "header-info").text("type");
	});
}

/**
 * Reads type-info. Its own type is no use: mender-artifact 3.9 writes "" for rootfs-image, rdfm-artifact always null. One
 * that is there and contradicts header-info is a mistake nevertheless.
 */
export function readTypeInfo(bytes: Uint8Array, what: string, type: string): PayloadInfo {
	const info = HeaderObject.parse(bytes, what);
	const own = info.text("type");
	if (own !== "" && type !== "" && own !== type) throw info.fault(`says type "${own}" where header-info says "${type}"`);
	const provides = info.object("artifact_provides").provides();
	const depends = info.object("artifact_depends").depends();
	const clears = "clears_artifact_provides";
	return info.get(clears) === undefined ? { provides, depends } : { provides, depends, clears: info.texts(clears) };
}

/** meta-data: a JSON object, or nothing at all. */
export function readMetaData(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> | undefined {
	return bytes.byteLength === 0 ? undefined : HeaderObject.parse(bytes, what).values;
}
