import { assert } from "chai";
import { SHA256 } from "fleetling/common/crypto";
import type { ResetReason } from "fleetling/common/device";
import { SlotImageInstaller } from "fleetling/update/installers/slot-image";
import type { FinalReport, UpdateObserver } from "fleetling/update/observer";
import type { Offer } from "fleetling/update/offer";
import { rawImage } from "fleetling/update/readers/raw-image";
import { Updater } from "fleetling/update/updater";
import Hex from "hex";
import { image } from "./image";
import { Lines } from "./log";
import { FakeSlots, type FakeSlotsOptions } from "./slots";
import { MemoryStore } from "./store";

export const blockBytes = 512;

export interface BenchOptions extends FakeSlotsOptions {
	readonly resetReason?: ResetReason;
	readonly store?: MemoryStore;
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

	constructor(options: BenchOptions = {}) {
		this.slots = new FakeSlots(options);
		this.store = options.store ?? new MemoryStore();
		this.updater = new Updater({
			slots: this.slots,
			store: this.store,
			log: this.log.tag("update"),
			readers: [rawImage],
			installers: { "esp32-image": () => new SlotImageInstaller(this.slots) },
			resetReason: options.resetReason ?? "restart",
			restart: () => {
				this.restarts += 1;
			},
		});
		this.observe();
	}

	observe(more: UpdateObserver = {}): void {
		this.updater.observer = {
			entered: (state) => void this.states.push(state),
			ended: (report) => void this.ended.push(report),
			...more,
		};
	}

	install(bytes: Uint8Array, offer: Offer = offerOf(bytes)) {
		return this.updater.install(offer, {
			blockBytes,
			open: async (sink) => {
				sink.begin({ length: bytes.byteLength });
				for (let at = 0; at < bytes.byteLength; at += blockBytes) {
					const part = bytes.subarray(at, at + blockBytes);
					sink.buffer.set(part);
					sink.block(sink.buffer.subarray(0, part.byteLength));
				}
			},
		});
	}

	/** The same device after it has restarted into something. */
	next(options: BenchOptions): Bench {
		return new Bench({ ...options, store: this.store });
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
