import { FleetlingError } from "fleetling/error/error";
import { Backoff } from "../common/backoff";
import type { Cancellation } from "../common/cancellation";
import { intervals, limits } from "../common/deadlines";
import type { TaggedLog } from "../common/log";
import type { Random } from "../common/random";
import type { Sink } from "../common/sink";
import { sleep } from "../common/time";
import { isCut } from "./blame";
import { Download } from "./download";
import type { Installed } from "./installer";
import { fingerprint, type Offer } from "./offer";
import type { PackageForms } from "./reader";
import type { Kept } from "./record";
import type { Slots } from "./slots";

/** Streams a package, or what `sink` says is missing of it, into `sink`; resolves after the last byte. */
export type PackageOpener = (sink: Sink, cancellation: Cancellation) => Promise<void>;

export interface InstallOptions {
	readonly open: PackageOpener;
	/** Size of the block that the package passes through. */
	readonly blockBytes: number;
}

export interface FetcherOptions {
	readonly slots: Slots;
	/** Asked for each package: what it is depends on the configuration. */
	readonly packages: () => PackageForms;
	readonly log: TaggedLog;
	readonly random: Random;
	/** Milliseconds, monotonic. */
	readonly ticks: () => number;
}

/** What is to be fetched, and who hears of it. */
export interface Fetch extends InstallOptions {
	readonly offer: Offer;
	readonly cancellation: Cancellation;
	/** What an earlier boot has left of this package in the slot. */
	readonly kept: Kept | undefined;
	readonly onPercent: (percent: number) => void;
	readonly onKept: (kept: Kept) => void;
}

/**
 * Gets a package into its place, however often the connection breaks. What there is of it stays until it is complete or
 * given up, so that a fresh link, after the next check, goes on where the old one ended.
 */
export class Fetcher {
	readonly #options: FetcherOptions;
	readonly #backoff: Backoff;
	#download: Download | undefined;

	constructor(options: FetcherOptions) {
		this.#options = options;
		const { downloadRetryBase: base, downloadRetryCap: cap, retryFloor: floor, retryLongest: longest } = intervals;
		this.#backoff = new Backoff({ base, cap, floor, longest, random: options.random });
	}

	/** Whether the package was put together from parts: if the whole is wrong, the package need not be. */
	get pieced(): boolean {
		return this.#download?.pieced ?? false;
	}

	/** Whether anything of the package in memory has gone into the slot. */
	get touched(): boolean {
		return this.#download?.touched ?? false;
	}

	/** Whether there is something of this package in memory, which can be gone on with as it is. */
	holds(offer: Offer): boolean {
		return this.#download?.package === fingerprint(offer);
	}

	/** Resolves when the whole package is there; rejects when a new link or a person is needed. */
	async fetch(wanted: Fetch): Promise<"success"> {
		const { log } = this.#options;
		const { open, cancellation } = wanted;
		const download = this.take(wanted);
		// All of it is there from before.
		if (download.buffer.byteLength === 0) return "success";
		const before = download.fetched;
		download.allot();
		this.#backoff.reset();
		for (;;) {
			const { furthest, position } = download;
			try {
				cancellation.throwIfCancelled();
				await download.replay(cancellation).catch((error: unknown) => this.abandon(error));
				// A server has no answer but an error to a request for what follows the last byte.
				if (download.satisfied) break;
				await open(download, cancellation);
				if (download.complete) break;
				if (download.position <= position) throw nothing(download.position);
			} catch (error) {
				if (download.furthest > furthest) this.#backoff.reset();
				const pause = this.pauseAfter(error, download);
				log.failure(error, "warn");
				log.info(`going on at byte ${download.position} in ${(pause / 1000).toFixed(1)} s`);
				await sleep(pause, cancellation);
			}
		}
		log.info(`${download.fetched - before} bytes received`);
		// Whoever is told of what follows needs the memory.
		download.buffer = new Uint8Array(0);
		return "success";
	}

	/** The package is complete: verifies it. */
	finish(): Installed {
		if (this.#download === undefined) throw new FleetlingError("update.failed", "there is no package to be verified");
		return this.#download.finish();
	}

	/** Lets go of what there is of a package in memory. What is in the slot stays, and can be gone on with. */
	drop(): void {
		this.#download?.abort();
		this.#download = undefined;
	}

	private take({ offer, blockBytes, kept, onPercent, onKept }: Fetch): Download {
		if (!this.holds(offer)) this.drop();
		const { packages, slots, ticks, log } = this.#options;
		this.#download ??= new Download({ ...packages(), offer, blockBytes, slots, ticks, kept, onPercent, onKept });
		const { position, kept: rest } = this.#download;
		const done = rest === undefined ? position : rest.start + rest.done;
		log.info(done === 0 ? `downloading update ${offer.id}` : `downloading update ${offer.id}, going on at byte ${done}`);
		return this.#download;
	}

	/** What has been read of the slot is in the hash: the next try has to begin with all of it again. */
	private abandon(error: unknown): never {
		this.drop();
		throw error;
	}

	/** Milliseconds until the next try. Throws what cannot be mended by trying again. */
	private pauseAfter(error: unknown, download: Download): number {
		const code = error instanceof FleetlingError ? error.code : undefined;
		if (code === "update.changed") download.restart();
		if (code === "update.bad-range") download.distrust();
		else if (!isCut(error)) throw error;
		if (download.late) throw download.tooSlow();
		// From the first byte on once more: that is worth a fresh check first, and pauses that grow.
		const had = download.position;
		download.interrupted();
		if (download.position < had || this.#backoff.failures >= limits.downloadTries) throw error;
		return this.#backoff.next();
	}
}

function nothing(position: number): FleetlingError {
	return new FleetlingError("http.body-short", `the server has sent nothing of what follows byte ${position}`);
}
