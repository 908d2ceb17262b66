/** Reads artifacts from the host's files, whole or with one bit changed, and says what would become of each. */
import { SHA256 } from "fleetling/common/crypto";
import { FleetlingError } from "fleetling/error/error";
import Files from "fleetling/host/files";
import type { Installed, Installer, Payload } from "fleetling/update/installer";
import { artifact } from "fleetling/update/readers/artifact";
import { applyProvides } from "fleetling/update/readers/provides";
import Hex from "hex";
import { emit, exit, parameters } from "test/harness";

interface Job {
	readonly name: string;
	/** Below the folder. */
	readonly path: string;
	readonly keys: readonly string[];
	/** Bytes of each piece that the reader gets. */
	readonly piece: number;
	/** Each is tried with this bit changed, instead of the file as it is. */
	readonly bits?: readonly number[];
}

const known = ["test-module", "rootfs-image"];
const provides = { artifact_name: "release-1", artifact_group: "beta", "rootfs-image.version": "7" };

/** Notes name, length and hash of each file. */
class NotingInstaller implements Installer {
	readonly files: [name: string, length: number, sha256: string][] = [];
	metaData: unknown;
	#name = "";
	#length = 0;
	#hash: SHA256 | undefined;

	begin({ name = "", metaData }: Payload): void {
		this.metaData = metaData;
		this.#name = name;
		this.#length = 0;
		this.#hash = new SHA256();
	}

	write(bytes: Uint8Array): void {
		this.#length += bytes.byteLength;
		this.#hash?.update(bytes);
	}

	endFile(): void {
		const digest = this.#hash?.digest();
		this.#hash = undefined;
		if (digest !== undefined) this.files.push([this.#name, this.#length, Hex.toString(digest).toLowerCase()]);
	}

	finish(): Installed {
		return { version: "", slot: "", immediate: true, activate() {} };
	}

	abort(): void {
		this.#hash?.close();
		this.#hash = undefined;
	}
}

interface Result {
	readonly code: string;
	readonly text?: string;
	readonly begun: number;
	readonly files?: NotingInstaller["files"];
	readonly metaData?: unknown;
	readonly provides?: object;
}

function read({ path, keys, piece }: Job, bit?: number): Result {
	const installer = new NotingInstaller();
	const file = Files.openFile({ path });
	const reader = artifact(() => ({ deviceType: "this-device", provides, keys })).open({
		size: file.status().size,
		installer: (type) => {
			if (!known.includes(type)) throw new FleetlingError("update.unknown-payload", type);
			return installer;
		},
	});
	const buffer = new Uint8Array(piece);
	try {
		let at = 0;
		for (let count = file.read(buffer, at); count > 0; count = file.read(buffer, at)) {
			if (bit !== undefined && bit >> 3 >= at && bit >> 3 < at + count)
				buffer[(bit >> 3) - at] = (buffer[(bit >> 3) - at] ?? 0) ^ (1 << (bit & 7));
			reader.write(count === piece ? buffer : buffer.subarray(0, count));
			at += count;
		}
		const { change } = reader.finish();
		const { files, metaData } = installer;
		return { code: "installed", begun: files.length, files, metaData, provides: change ? applyProvides(provides, change) : {} };
	} catch (error) {
		if (!(error instanceof FleetlingError)) throw error;
		return { code: error.code, text: error.message, begun: installer.files.length };
	} finally {
		reader.abort();
		file.close();
	}
}

Files.use(String(parameters.folder));
for (const job of parameters.jobs as readonly Job[]) {
	if (job.bits === undefined) emit({ event: "read", name: job.name, ...read(job) });
	else emit({ event: "bits", name: job.name, results: job.bits.map((bit) => read(job, bit)) });
}
exit();
