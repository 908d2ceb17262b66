/** What a Mender server makes of a configuration that is deployed: an artifact without files, not compressed, not signed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { menderArtifact, write } from "./mender";
import { writeArtifact } from "./writer";

const type = "mender-configure";
const version = "data-partition.mender-configure.version";
const clears = "data-partition.mender-configure.*";

export interface ConfigurationArtifact {
	readonly name: string;
	readonly deviceType: string;
	readonly values: Readonly<Record<string, unknown>>;
}

/** By the real mender-artifact where it is installed, whose library is the server's own. */
export function configurationArtifact(description: ConfigurationArtifact): Buffer {
	return "missing" in menderArtifact() ? plain(description) : real(description);
}

function real({ name, deviceType, values }: ConfigurationArtifact): Buffer {
	const folder = mkdtempSync(join(tmpdir(), "fleetling-configuration-"));
	try {
		const path = join(folder, "configuration.mender");
		const metaData = join(folder, "meta-data.json");
		writeFileSync(metaData, JSON.stringify(values));
		const own = ["--no-default-software-version", "--no-default-clears-provides"];
		const more = ["--meta-data", metaData, "--provides", `${version}:${name}`, "--clears-provides", clears, ...own];
		write(path, { name, deviceTypes: [deviceType], type, more });
		return readFileSync(path);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

export function plain({ name, deviceType, values }: ConfigurationArtifact): Buffer {
	const payload = { type, files: [], provides: { [version]: name }, clears: [clears], metaData: values };
	return writeArtifact({ name, deviceTypes: [deviceType], payloads: [payload] });
}
