/** Reads artifacts as a download does, in pieces of any size, and notes what reaches the installers. */
import { FleetlingError } from "fleetling/error/error";
import type { Installed, Installer, Payload } from "fleetling/update/installer";
import type { PackageReader } from "fleetling/update/reader";
import { type ArtifactConditions, artifact } from "fleetling/update/readers/artifact";

export interface NotedFile {
	readonly name: string | undefined;
	readonly type: string;
	readonly size: number | undefined;
	readonly head: number;
	readonly metaData: Readonly<Record<string, unknown>> | undefined;
	readonly bytes: number[];
}

export interface NotingOptions {
	/** Takes one file only. */
	readonly single?: boolean;
	readonly alone?: boolean;
	readonly installed?: Partial<Installed>;
	readonly onBegin?: () => void;
}

/** Notes what it is given, in order. */
export class NotingInstaller implements Installer {
	readonly alone: boolean;
	readonly files: NotedFile[] = [];
	readonly calls: string[] = [];
	readonly endFile?: () => void;
	readonly #installed: Partial<Installed>;
	readonly #onBegin: (() => void) | undefined;

	constructor({ single = false, alone = false, installed = {}, onBegin }: NotingOptions = {}) {
		this.alone = alone;
		this.#onBegin = onBegin;
		this.#installed = installed;
		if (!single) this.endFile = () => void this.calls.push("endFile");
	}

	begin({ name, type, size, metaData }: Payload, head: Uint8Array): void {
		this.#onBegin?.();
		this.calls.push(`begin ${name}`);
		this.files.push({ name, type, size, head: head.byteLength, metaData, bytes: [] });
	}

	write(bytes: Uint8Array): void {
		for (const byte of bytes) this.files.at(-1)?.bytes.push(byte);
	}

	finish(): Installed {
		this.calls.push("finish");
		return { version: "", slot: "", immediate: true, activate: () => void this.calls.push("activate"), ...this.#installed };
	}

	abort(): void {
		this.calls.push("abort");
	}
}

export const thisDevice = "this-device";

export interface Run {
	readonly conditions?: Partial<ArtifactConditions>;
	readonly installers?: Readonly<Record<string, NotingInstaller>>;
	/** Bytes of each piece. */
	readonly piece?: number;
	readonly onOpen?: (reader: PackageReader) => void;
}

/** Reads all of `bytes`; throws what the reader throws, having aborted it as a download does. */
export function readArtifact(bytes: Uint8Array, { conditions, installers, piece = 4096, onOpen }: Run = {}): Installed {
	const known: Readonly<Record<string, Installer>> = installers ?? { "test-file": new NotingInstaller() };
	const kind = artifact(() => ({ deviceType: thisDevice, provides: { artifact_name: "release-1" }, ...conditions }));
	const reader = kind.open({
		size: bytes.byteLength,
		installer: (type) => {
			const found = known[type];
			if (found === undefined) throw new FleetlingError("update.unknown-payload", type);
			return found;
		},
	});
	onOpen?.(reader);
	const buffer = new Uint8Array(piece);
	try {
		for (let at = 0; at < bytes.byteLength; at += piece) {
			const part = bytes.subarray(at, at + piece);
			buffer.set(part);
			reader.write(part.byteLength === piece ? buffer : buffer.subarray(0, part.byteLength));
			// What is kept beyond the call shows.
			buffer.fill(0xee);
		}
		return reader.finish();
	} finally {
		reader.abort();
	}
}
