import { FleetlingError } from "fleetling/error/error";
import { HeaderObject } from "./json";
import { quoted } from "./quoted";

/** The two kinds of artifact: one format with two names. */
export type ArtifactFormat = "mender" | "rdfm";

/** The only version that is in use. 1 and 2 had no manifest that covers everything. */
const supported = 3;

/** Reads the member `version` and refuses what is not one of `formats` in its version 3. */
export function checkVersion(bytes: Uint8Array, formats: readonly ArtifactFormat[]): void {
	const version = HeaderObject.parse(bytes, "version");
	const format = version.text("format");
	const number = version.get("version");
	if (formats.some((known) => known === format) && number === supported) return;
	throw new FleetlingError(
		"artifact.unsupported-version",
		`the artifact is of format ${quoted(format)}, version ${quoted(String(number))}; this firmware reads version ${supported} of ${formats.join(" and ")}`,
	);
}
