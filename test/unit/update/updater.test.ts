import { assert } from "chai";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import type { FinalReport } from "fleetling/update/observer";
import { describe, it } from "test/harness";
import { Bench, blockBytes, good, installed, offerOf, onTrial } from "../fakes/bench";
import { rejects } from "../fakes/errors";
import { image } from "../fakes/image";
import { otaFailure } from "../fakes/slots";
import { MemoryStore } from "../fakes/store";

describe("a good update", () => {
	it("is announced, activated and restarted into", async () => {
		const bench = await installed();
		assert.deepEqual(bench.states, ["download", "install", "reboot"]);
		assert.deepEqual(bench.slots.calls, ["write 3000", "finish", "activate"]);
		assert.equal(bench.restarts, 1);
		const record = bench.record;
		assert.deepInclude(record ?? {}, { state: "reboot", id: "7", from: "1.0.0", version: "1.1.0", slot: "ota_1", trials: 1 });
	});

	it("is written down before the slot is switched", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		let announced: unknown;
		bench.slots.activate = () => {
			announced = bench.record;
		};
		await bench.install(good);
		assert.deepInclude(announced, { state: "reboot", slot: "ota_1" });
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
		assert.isUndefined(bench.record);
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
		assert.isUndefined(bench.record);
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
			const last = code === "update.wrong-hash" ? ["close", "invalidate"] : [];
			assert.deepEqual(bench.slots.calls.slice(-2), last, "what has reached the slot does not stay bootable");
			assert.deepInclude(bench.ended[0], { id: "7", outcome: "failure", code });
			assert.isUndefined(bench.record);
			const later = bench.next({ resetReason: "power-on" });
			assert.equal(later.updater.boot(1_000).kind, "ordinary");
			assert.deepEqual((await later.install(bytes, offer)).kind, "refused");
			assert.deepEqual(later.slots.calls, []);
		});

	it("announced as larger than the slot and all that can be around an image is not even asked for", () => {
		const bench = new Bench({ size: 1000 });
		assert.equal(bench.updater.refusal({ ...offerOf(good), size: 66_537 })?.code, "update.too-large");
		assert.isUndefined(bench.updater.refusal({ ...offerOf(good), size: 66_536 }));
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

	it("in the middle of a package keeps what there is, and lets go of it for another", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		await rejects("server.failed", () => bench.install(good, offerOf(good), blockBytes));
		assert.deepEqual(bench.slots.calls, ["write 3000"]);
		const other = image({ version: "1.2.0" });
		assert.deepEqual(await bench.install(other), { kind: "restarting" });
		assert.deepEqual(bench.slots.calls, ["write 3000", "close", "write 1000", "finish", "activate"]);
	});

	it("with the flash is tried again, but not for ever", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		for (let count = 1; count <= 3; count++) {
			bench.slots.fail = { call: "block", error: otaFailure() };
			if (count < 3) await rejects("storage.failed", () => bench.install(good));
			else assert.equal((await bench.install(good)).kind, "failed");
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
		assert.isUndefined(bench.record);
		bench.slots.fail = undefined;
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
	});

	it("with the switch of slots and with its undoing says nothing that the next boot might refute", async () => {
		const bench = new Bench();
		bench.updater.boot(1_000);
		bench.observe({ report: async () => assert.fail("nobody knows yet how it ends") });
		const { slots } = bench;
		slots.fail = { call: "activate", error: otaFailure() };
		slots.deactivate = () => {
			throw otaFailure();
		};
		await rejects("storage.failed", () => bench.install(good));
		assert.deepInclude(bench.record, { state: "reboot", slot: "ota_1" });
		const trial = bench.next(onTrial);
		assert.equal(trial.updater.boot(1_000).kind, "trial");
		await trial.updater.checkedIn();
		assert.deepInclude(trial.ended[0], { id: "7", outcome: "success" });
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
		assert.deepInclude(bench.record, { state: "report", outcome: "success" });
		await bench.updater.checkedIn();
		assert.deepEqual(told, []);
		deaf = false;
		await bench.updater.checkedIn();
		await bench.updater.checkedIn();
		assert.deepEqual(told, [{ id: "7", from: "1.0.0", version: "1.1.0", outcome: "success" }]);
		assert.isUndefined(bench.record);
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
		assert.equal((await bench.install(good)).kind, "cancelled");
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
