import { assert } from "chai";
import { SHA256 } from "fleetling/common/crypto";
import type { ResetReason } from "fleetling/common/device";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { SlotImageInstaller } from "fleetling/update/installers/slot-image";
import type { FinalReport, UpdateObserver } from "fleetling/update/observer";
import type { Offer } from "fleetling/update/offer";
import { rawImage } from "fleetling/update/readers/raw-image";
import { Updater } from "fleetling/update/updater";
import Hex from "hex";
import { describe, it } from "test/harness";
import { rejects } from "../fakes/errors";
import { image } from "../fakes/image";
import { Lines } from "../fakes/log";
import { FakeSlots, type FakeSlotsOptions, otaFailure } from "../fakes/slots";
import { MemoryStore } from "../fakes/store";

const blockBytes = 512;

interface BenchOptions extends FakeSlotsOptions {
	readonly resetReason?: ResetReason;
	readonly store?: MemoryStore;
}

/** One boot of a device with two slots. */
class Bench {
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

function offerOf(bytes: Uint8Array, id = "7"): Offer {
	return { id, url: "https://x/", sha256: Hex.toString(new SHA256().update(bytes).digest()).toLowerCase() };
}

const good = image({ length: 3000 });

/** Installs `good` and returns the storage as the restart finds it. */
async function installed(): Promise<Bench> {
	const bench = new Bench();
	bench.updater.boot(1_000);
	const result = await bench.install(good);
	assert.deepEqual(result, { kind: "restarting" });
	return bench;
}

const onTrial = { running: 1, state: "pending-verify", version: "1.1.0" } as const;

describe("a good update", () => {
	it("is announced, activated and restarted into", async () => {
		const bench = await installed();
		assert.deepEqual(bench.states, ["download", "install", "reboot"]);
		assert.deepEqual(bench.slots.calls, ["write 3000", "finish", "activate"]);
		assert.equal(bench.restarts, 1);
		const record = JSON.parse(String(bench.store.read("record")));
		assert.deepInclude(record, { state: "reboot", id: "7", from: "1.0.0", version: "1.1.0", slot: "ota_1", trials: 1 });
	});

	it("is written down before the slot is switched", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		let announced: unknown;
		bench.slots.activate = () => {
			announced = bench.store.read("record");
		};
		await bench.install(good);
		assert.isString(announced);
	});

	it("is confirmed by the check-in and not before, and leaves nothing under way", async () => {
		const bench = (await installed()).next(onTrial);
		assert.equal(bench.updater.boot(1_000).kind, "trial");
		assert.isTrue(bench.updater.onTrial);
		await sleep(20);
		assert.deepEqual(bench.slots.calls, []);
		await bench.updater.checkedIn();
		assert.isFalse(bench.updater.onTrial);
		assert.deepEqual(bench.slots.calls, ["confirm"]);
		assert.deepEqual(bench.states, ["verify", "commit", "report"]);
		assert.deepEqual(bench.ended, [{ id: "7", from: "1.0.0", version: "1.1.0", outcome: "success" }]);
		assert.isUndefined(bench.store.read("record"));
		const after = bench.next({ running: 1, version: "1.1.0" });
		assert.equal(after.updater.boot(1_000).kind, "ordinary");
	});

	it("costs at most ten writes to storage", async () => {
		const first = await installed();
		const bench = first.next(onTrial);
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		assert.isAtMost(bench.store.writes, 10);
	});

	it("is confirmed although the deadline is near, and not rolled back afterwards", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(60);
		await sleep(20);
		await bench.updater.checkedIn();
		await sleep(150);
		assert.deepEqual(bench.slots.calls, ["confirm"]);
	});

	it("that lost power after its confirmation is known as confirmed", async () => {
		const bench = (await installed()).next({ running: 1, version: "1.1.0", resetReason: "power-on" });
		assert.equal(bench.updater.boot(1_000).kind, "confirmed");
		await bench.updater.checkedIn();
		assert.deepEqual(bench.ended, [{ id: "7", from: "1.0.0", version: "1.1.0", outcome: "success" }]);
		assert.isUndefined(bench.store.read("record"));
	});

	it("is not fetched again while it runs, whatever the server calls it", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		assert.equal(bench.updater.refusal(offerOf(good, "8"))?.code, "update.same-version");
		assert.isUndefined(bench.updater.refusal(offerOf(image({ version: "1.2.0" }))));
	});

	it("gives an application the chance to close connections before the restart", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		const order: string[] = [];
		bench.observe({
			restarting: () => {
				order.push(`restarting, ${bench.restarts} so far`);
				throw new Error("does not matter");
			},
		});
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
		assert.deepEqual(order, ["restarting, 0 so far"]);
		assert.equal(bench.restarts, 1);
	});
});

describe("a trial", () => {
	it("that does not check in is rolled back within its deadline", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(30);
		await sleep(250);
		assert.deepEqual(bench.states, ["verify", "rollback"]);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
		assert.deepInclude(JSON.parse(String(bench.store.read("record"))), { state: "rollback", failure: "no-check-in" });
	});

	it("that was given up is rolled back at once", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(60_000);
		bench.updater.giveUp();
		await sleep(200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("without a deadline left is rolled back at once", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(0);
		await sleep(200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("does not take another offer", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(1_000);
		assert.equal(bench.updater.refusal(offerOf(image({ version: "1.2.0" })))?.code, "update.busy");
		await bench.updater.checkedIn();
	});

	it("with nothing to go back to waits for its check-in without a deadline", async () => {
		const bench = (await installed()).next({ ...onTrial, canRollBack: false });
		bench.updater.boot(10);
		await sleep(60);
		assert.deepEqual(bench.slots.calls, []);
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["confirm"]);
	});

	it("whose rollback fails can still be confirmed", async () => {
		const bench = (await installed()).next(onTrial);
		bench.slots.fail = { call: "rollBack", error: otaFailure() };
		bench.updater.boot(10);
		await sleep(200);
		assert.isTrue(bench.updater.onTrial);
		bench.slots.fail = undefined;
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["confirm"]);
		assert.isUndefined(bench.store.read("record"));
	});

	it("whose confirmation fails is rolled back", async () => {
		const bench = (await installed()).next(onTrial);
		bench.slots.fail = { call: "confirm", error: otaFailure() };
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("of an image from elsewhere follows the same rule", async () => {
		const bench = new Bench(onTrial);
		assert.equal(bench.updater.boot(1_000).kind, "trial");
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["confirm"]);
		assert.deepEqual(bench.ended, []);
	});
});

describe("a rollback", () => {
	const ends: readonly (readonly [ResetReason, string, boolean])[] = [
		["panic", "crashed", false],
		["restart", "crashed", false],
		["watchdog", "hung", false],
		["power-on", "power", true],
		["brown-out", "voltage", true],
		["other", "reset from outside", true],
	];
	for (const [resetReason, text, again] of ends)
		it(`after ${resetReason} is told, remembered${again ? " and may be tried again" : " and not tried again"}`, async () => {
			const bench = (await installed()).next({ other: "aborted", resetReason });
			assert.equal(bench.updater.boot(1_000).kind, "rolled-back");
			assert.equal(bench.log.with("version 1.1.0 was rolled back").length, 1);
			assert.include(bench.updater.lastFailure?.text, text);
			assert.equal(bench.updater.lastFailure?.version, "1.1.0");
			const refusal = bench.updater.refusal(offerOf(good));
			if (again) assert.isUndefined(refusal);
			else {
				assert.equal(refusal?.code, "update.known-bad");
				assert.include(refusal?.message, text);
			}
			assert.isUndefined(bench.updater.refusal(offerOf(image({ version: "1.2.0" }))), "another package is welcome");
			await bench.updater.checkedIn();
			assert.deepInclude(bench.ended[0], { id: "7", outcome: "failure", code: "update.rolled-back" });
		});

	it("that the new firmware announced is told as that", async () => {
		const trial = (await installed()).next(onTrial);
		trial.updater.boot(10);
		await sleep(200);
		const bench = trial.next({ other: "aborted", resetReason: "restart" });
		bench.updater.boot(1_000);
		assert.include(bench.updater.lastFailure?.text, "did not check in");
		assert.equal(bench.updater.refusal(offerOf(good))?.code, "update.known-bad");
	});

	it("keeps its reason when the power goes before it could be reported", async () => {
		const first = (await installed()).next({ other: "aborted", resetReason: "watchdog" });
		first.updater.boot(1_000);
		const second = first.next({ other: "aborted", resetReason: "power-on" });
		assert.equal(second.updater.boot(1_000).kind, "unreported");
		assert.include(second.updater.lastFailure?.text, "hung");
		await second.updater.checkedIn();
		assert.deepInclude(second.ended[0], { outcome: "failure", code: "update.rolled-back" });
		assert.equal(second.next({ other: "aborted" }).updater.boot(1_000).kind, "ordinary");
	});

	it("that was interrupted is carried out", async () => {
		const trial = (await installed()).next(onTrial);
		trial.slots.fail = { call: "rollBack", error: otaFailure() };
		trial.updater.boot(10);
		await sleep(200);
		const bench = trial.next({ ...onTrial, resetReason: "power-on" });
		assert.equal(bench.updater.boot(1_000).kind, "rollback-due");
		await sleep(200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("for want of power is tried three times at most", async () => {
		const store = new MemoryStore();
		for (let trial = 1; trial <= 3; trial++) {
			const bench = new Bench({ store });
			bench.updater.boot(1_000);
			assert.deepEqual(await bench.install(good), { kind: "restarting" }, `trial ${trial}`);
			const after = new Bench({ store, other: "aborted", resetReason: "power-on" });
			after.updater.boot(1_000);
			await after.updater.checkedIn();
		}
		assert.equal(new Bench({ store }).updater.refusal(offerOf(good))?.code, "update.known-bad");
	});

	it("did not happen when the power went before the switch", async () => {
		const bench = (await installed()).next({ resetReason: "power-on" });
		assert.equal(bench.updater.boot(1_000).kind, "untried");
		assert.isUndefined(bench.store.read("record"));
		assert.isUndefined(bench.updater.refusal(offerOf(good)));
	});
});

describe("a bad package", () => {
	const kinds = [
		["update.wrong-hash", good, "0".repeat(64)],
		["update.unknown-package", new Uint8Array(600).fill(0x3c), undefined],
		["image.wrong-chip", image({ chip: 9 }), undefined],
		["update.too-large", image({ length: 65537 }), undefined],
		["update.same-version", image({ version: "1.0.0" }), undefined],
	] as const;
	for (const [code, bytes, sha256] of kinds)
		it(`is refused, remembered and not fetched again: ${code}`, async () => {
			const bench = new Bench();
			bench.updater.boot(1_000);
			const offer = sha256 === undefined ? offerOf(bytes) : { ...offerOf(bytes), sha256 };
			const result = await bench.install(bytes, offer);
			assert.equal(result.kind, "failed");
			if (result.kind === "failed") assert.equal(result.error.code, code);
			assert.equal(bench.restarts, 0);
			assert.notInclude(bench.slots.calls, "activate");
			assert.deepInclude(bench.ended[0], { id: "7", outcome: "failure", code });
			assert.isUndefined(bench.store.read("record"));
			const later = bench.next({ resetReason: "power-on" });
			assert.equal(later.updater.boot(1_000).kind, "ordinary");
			assert.deepEqual((await later.install(bytes, offer)).kind, "refused");
			assert.deepEqual(later.slots.calls, []);
		});

	it("announced as larger than the slot is not even asked for", () => {
		const bench = new Bench({ size: 1000 });
		assert.equal(bench.updater.refusal({ ...offerOf(good), size: 1001 })?.code, "update.too-large");
		assert.isUndefined(bench.updater.refusal({ ...offerOf(good), size: 1000 }));
	});

	it("does not stop another one", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		await bench.install(image({ chip: 9 }));
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
	});
});

describe("trouble on the way", () => {
	it("with the network says nothing about the package", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		const offer = offerOf(good);
		const open = async (): Promise<never> => {
			throw new FleetlingError("net.reset", "cut");
		};
		await rejects("net.reset", () => bench.updater.install(offer, { open, blockBytes }));
		assert.isUndefined(bench.updater.lastFailure);
		assert.deepEqual(await bench.install(good, offer), { kind: "restarting" });
	});

	it("in the middle of a package frees the slot", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		const cut = bench.updater.install(offerOf(good), {
			blockBytes,
			open: async (sink) => {
				sink.begin({ length: good.byteLength });
				sink.block(good.subarray(0, blockBytes));
				throw new FleetlingError("net.closed", "cut");
			},
		});
		await rejects("net.closed", () => cut);
		assert.deepEqual(bench.slots.calls, ["write 3000", "close"]);
	});

	it("with the flash is tried again, but not for ever", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		for (let count = 1; count <= 3; count++) {
			bench.slots.fail = { call: "block", error: otaFailure() };
			await rejects("storage.failed", () => bench.install(good));
			assert.equal(bench.updater.refusal(offerOf(good)) === undefined, count < 3, `after ${count}`);
		}
	});

	it("with the switch of slots keeps the old firmware", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		bench.slots.fail = { call: "activate", error: otaFailure() };
		await rejects("storage.failed", () => bench.install(good));
		assert.deepEqual(bench.states, ["download", "install", "reboot", "rollback", "report"]);
		assert.include(bench.slots.calls, "deactivate");
		assert.equal(bench.restarts, 0);
		assert.isUndefined(bench.store.read("record"));
		bench.slots.fail = undefined;
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
	});

	it("with storage before the switch does not switch", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		bench.store.broken = true;
		await rejects("update.failed", () => bench.install(good));
		assert.notInclude(bench.slots.calls, "activate");
		assert.equal(bench.restarts, 0);
	});

	it("with storage afterwards does not undo a confirmation", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(1_000);
		bench.store.broken = true;
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["confirm"]);
	});

	it("with storage does not keep a bad firmware from being rolled back", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(10);
		bench.store.broken = true;
		await sleep(200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("with storage does not stop the boot after a rollback", async () => {
		const bench = (await installed()).next({ other: "aborted", resetReason: "panic" });
		bench.store.broken = true;
		assert.equal(bench.updater.boot(1_000).kind, "rolled-back");
		await bench.updater.checkedIn();
	});

	it("with an observer that never answers does not delay a rollback", async () => {
		const bench = (await installed()).next(onTrial);
		bench.observe({ entered: () => new Promise(() => {}) });
		bench.updater.boot(10);
		await sleep(200);
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});

	it("with telling the observer does not stop an update", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		bench.observe({ entered: () => Promise.reject(new FleetlingError("net.timeout", "no answer")) });
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
	});

	it("with the journal goes on from what the slots say", () => {
		const bench = new Bench({ store: new MemoryStore({ record: "{" }) });
		assert.equal(bench.updater.boot(1_000).kind, "ordinary");
		assert.equal(bench.log.with("update.bad-journal").length, 1);
	});

	it("with a second update at the same time refuses it", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		const first = bench.install(good);
		const second = await bench.install(image({ version: "2.0.0" }));
		assert.equal(second.kind, "refused");
		assert.deepEqual(await first, { kind: "restarting" });
	});
});

describe("a server that follows an update", () => {
	it("is told of its end until it has heard it", async () => {
		const bench = (await installed()).next(onTrial);
		const told: FinalReport[] = [];
		let deaf = true;
		bench.observe({
			report: async (report) => {
				if (deaf) throw new FleetlingError("server.failed", "500");
				told.push(report);
			},
		});
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		assert.deepInclude(JSON.parse(String(bench.store.read("record"))), { state: "report", outcome: "success" });
		await bench.updater.checkedIn();
		assert.deepEqual(told, []);
		deaf = false;
		await bench.updater.checkedIn();
		await bench.updater.checkedIn();
		assert.deepEqual(told, [{ id: "7", from: "1.0.0", version: "1.1.0", outcome: "success" }]);
		assert.isUndefined(bench.store.read("record"));
	});

	it("is told over a restart", async () => {
		const bench = (await installed()).next(onTrial);
		bench.observe({ report: () => Promise.reject(new FleetlingError("net.closed", "gone")) });
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		const after = bench.next({ running: 1, version: "1.1.0" });
		const told: FinalReport[] = [];
		after.observe({ report: async (report) => void told.push(report) });
		assert.equal(after.updater.boot(1_000).kind, "unreported");
		await after.updater.checkedIn();
		assert.deepEqual(told, [{ id: "7", from: "1.0.0", version: "1.1.0", outcome: "success" }]);
	});

	it("can call it off before the switch", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		bench.observe({
			entered: async (state) => {
				if (state === "reboot") throw new FleetlingError("update.cancelled", "the deployment was aborted");
			},
		});
		await rejects("update.cancelled", () => bench.install(good));
		assert.notInclude(bench.slots.calls, "activate");
		assert.equal(bench.restarts, 0);
		assert.isUndefined(bench.updater.lastFailure);
	});

	it("can call it off on trial", async () => {
		const bench = (await installed()).next(onTrial);
		bench.observe({
			entered: async (state) => {
				if (state === "commit") throw new FleetlingError("update.cancelled", "the deployment was aborted");
			},
		});
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		assert.deepEqual(bench.slots.calls, ["rollBack"]);
	});
});
