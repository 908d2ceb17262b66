import { FleetlingError } from "fleetling/error/error";
import Hex from "hex";
import { SHA256 } from "../common/crypto";
import type { Sink, SinkHead } from "../common/sink";
import type { Installed, InstallerKinds } from "./installer";
import { installerFor } from "./installer";
import type { Offer } from "./offer";
import { Progress } from "./progress";
import { type PackageReader, type ReaderKind, readerFor } from "./reader";

/** Streams a package into `sink`; resolves after its last byte. */
export type PackageOpener = (sink: Sink) => Promise<void>;

export interface InstallOptions {
	readonly open: PackageOpener;
	/** Size of the block that the package passes through. */
	readonly blockBytes: number;
}

export interface DownloadOptions {
	readonly offer: Offer;
	/** Size of the one buffer that the package passes through. */
	readonly blockBytes: number;
	readonly readers: readonly ReaderKind[];
	readonly installers: InstallerKinds;
	readonly onPercent: (percent: number) => void;
}

/**
 * One package on its way in: hashes each block once and passes it on to the reader that the first block chose. Costs
 * one block of memory, whatever the size of the package.
 */
export class Download implements Sink {
	readonly buffer: Uint8Array;
	readonly #options: DownloadOptions;
	readonly #hash = new SHA256();
	readonly #progress: Progress;
	#reader: PackageReader | undefined;
	#total: number | undefined;
	#open = true;

	constructor(options: DownloadOptions) {
		this.#options = options;
		this.buffer = new Uint8Array(options.blockBytes);
		this.#progress = new Progress(options.onPercent);
	}

	/** Bytes that have arrived. */
	get bytes(): number {
		return this.#progress.bytes;
	}

	begin(head: SinkHead): void {
		const expected = this.#options.offer.size;
		if (expected !== undefined && head.length !== undefined && head.length !== expected)
			throw new FleetlingError(
				"update.wrong-size",
				`the server offered a package of ${expected} bytes and sends one of ${head.length}; upload the package again`,
			);
		this.#total = head.length ?? expected;
		this.#progress.begin(this.#total);
	}

	block(bytes: Uint8Array): void {
		this.#reader ??= this.#choose(bytes);
		this.#hash.update(bytes);
		this.#reader.write(bytes);
		this.#progress.add(bytes.byteLength);
	}

	/** After the last byte. Verifies the package as a whole before anything of it can be activated. */
	finish(): Installed {
		const reader = this.#reader;
		if (reader === undefined)
			throw new FleetlingError("update.unknown-package", "the package is empty; upload it to the server again");
		this.#verify();
		const installed = reader.finish();
		this.abort();
		return installed;
	}

	/** Lets go of everything. Idempotent. */
	abort(): void {
		if (!this.#open) return;
		this.#open = false;
		this.#hash.close();
		this.#reader?.abort();
	}

	#choose(head: Uint8Array): PackageReader {
		const { readers, installers } = this.#options;
		return readerFor(readers, head).open({ size: this.#total, installer: (type) => installerFor(installers, type) });
	}

	#verify(): void {
		const expected = this.#options.offer.sha256;
		if (expected === undefined) return;
		const actual = Hex.toString(this.#hash.digest()).toLowerCase();
		if (actual !== expected)
			throw new FleetlingError(
				"update.wrong-hash",
				`the package has SHA-256 ${actual} and the server announced ${expected}; upload the package again`,
			);
	}
}
