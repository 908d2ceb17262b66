import { assert } from "chai";
import type { Cancellation } from "fleetling/common/cancellation";
import { SHA256 } from "fleetling/common/crypto";
import type { ResetReason } from "fleetling/common/device";
import type { Sink } from "fleetling/common/sink";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import type { UpdateRules } from "fleetling/update/gate";
import type { InstallerKinds } from "fleetling/update/installer";
import { SlotImageInstaller } from "fleetling/update/installers/slot-image";
import { KeyValueJournal } from "fleetling/update/journal";
import type { FinalReport, UpdateObserver } from "fleetling/update/observer";
import type { Offer } from "fleetling/update/offer";
import { type ReaderKind, verbatim } from "fleetling/update/reader";
import { rawImage } from "fleetling/update/readers/raw-image";
import type { UpdateRecord } from "fleetling/update/record";
import { Updater } from "fleetling/update/updater";
import Hex from "hex";
import Time from "time";
import { image } from "./image";
import { Lines } from "./log";
import { FakeSlots, type FakeSlotsOptions } from "./slots";
import { MemoryStore } from "./store";

export const blockBytes = 512;

export interface BenchOptions extends FakeSlotsOptions {
	readonly resetReason?: ResetReason;
	readonly store?: MemoryStore;
	readonly rules?: UpdateRules;
	readonly readers?: readonly ReaderKind[];
	readonly installers?: InstallerKinds;
	/** Milliseconds since 1970. */
	readonly now?: number;
}

/** One boot of a device with two slots. */
export class Bench {
	readonly slots: FakeSlots;
	readonly store: MemoryStore;
	readonly log = new Lines();
	readonly updater: Updater;
	readonly states: string[] = [];
	readonly ended: FinalReport[] = [];
	restarts = 0;
	/** The clocks of the device. */
	now: number;
	uptime = 0;
	/** Where each transfer began. */
	readonly starts: number[] = [];
	readonly percents: number[] = [];

	constructor(options: BenchOptions = {}) {
		this.now = options.now ?? 1_800_000_000_000;
		this.slots = new FakeSlots(options);
		this.store = options.store ?? new MemoryStore();
		this.updater = new Updater({
			slots: this.slots,
			store: this.store,
			log: this.log.tag("update"),
			packages: () => ({
				readers: [verbatim(rawImage), ...(options.readers ?? [])],
				installers: { "esp32-image": (slots) => new SlotImageInstaller(slots), ...options.installers },
			}),
			random: () => 0.01,
			ticks: () => Time.ticks + this.uptime,
			clock: () => this.now,
			resetReason: options.resetReason ?? "restart",
			restart: () => {
				this.restarts += 1;
			},
		});
		if (options.rules !== undefined) this.updater.rules = options.rules;
		this.observe();
	}

	observe(more: UpdateObserver = {}): void {
		this.updater.observer = {
			entered: (state) => void this.states.push(state),
			ended: (report) => void this.ended.push(report),
			progress: (percent) => void this.percents.push(percent),
			...more,
		};
	}

	/** Hands over what is missing of `bytes`; up to `until`, where the server fails, if that comes before the end. */
	install(bytes: Uint8Array, offer: Offer = offerOf(bytes), until = Number.POSITIVE_INFINITY) {
		return this.fetch(offer, (sink) => deliver(sink, bytes, until));
	}

	/** Takes up `offer`; `serve` answers each request. */
	fetch(offer: Offer, serve: (sink: Sink, cancellation: Cancellation) => void | Promise<void>) {
		return this.updater.install(offer, {
			blockBytes,
			open: async (sink, cancellation) => {
				cancellation.throwIfCancelled();
				this.starts.push(sink.missing?.start ?? 0);
				await serve(sink, cancellation);
			},
		});
	}

	/** What a restart would find. */
	get record(): UpdateRecord | undefined {
		return new KeyValueJournal(this.store).read().record;
	}

	/** The same device after it has restarted into something. */
	next(options: BenchOptions = {}): Bench {
		return new Bench({ now: this.now, flash: this.slots.flash, ...options, store: this.store });
	}
}

export interface Delivery {
	/** Sends everything, whatever is asked for. */
	readonly whole?: boolean;
	/** Default: its length. */
	readonly validator?: string | undefined;
	/** What happens at `until`. */
	readonly code?: ErrorCode;
}

/** What a server sends that serves parts; it fails before it has sent the byte at `until`. */
export function deliver(
	sink: Sink,
	bytes: Uint8Array,
	until = Number.POSITIVE_INFINITY,
	{ whole = false, validator = `"${bytes.byteLength}"`, code = "server.failed" }: Delivery = {},
): void {
	const { start = 0, end = bytes.byteLength } = (whole ? undefined : sink.missing) ?? {};
	sink.begin({ start, length: bytes.byteLength, validator, ...(end < bytes.byteLength && { end }) });
	for (let at = start; at < end; ) {
		if (at >= until) throw new FleetlingError(code, `broke at ${at}`);
		const part = bytes.subarray(at, Math.min(at + sink.buffer.byteLength, end));
		sink.buffer.set(part);
		sink.block(sink.buffer.subarray(0, part.byteLength));
		at += part.byteLength;
	}
}

export function offerOf(bytes: Uint8Array, id = "7"): Offer {
	return { id, url: "https://x/", sha256: Hex.toString(new SHA256().update(bytes).digest()).toLowerCase() };
}

export const good = image({ length: 3000 });

/** Installs `good` and returns the storage as the restart finds it. */
export async function installed(): Promise<Bench> {
	const bench = new Bench();
	bench.updater.boot(1_000);
	const result = await bench.install(good);
	assert.deepEqual(result, { kind: "restarting" });
	return bench;
}

export const onTrial = { running: 1, state: "pending-verify", version: "1.1.0" } as const;
