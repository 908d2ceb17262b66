import { assert } from "chai";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import type { Consent } from "fleetling/update/gate";
import type { Installed, Installer } from "fleetling/update/installer";
import type { FinalReport } from "fleetling/update/observer";
import type { ReaderKind } from "fleetling/update/reader";
import { UpdateWindow } from "fleetling/update/window";
import { describe, it } from "test/harness";
import { Bench, deliver, good, installed, offerOf, onTrial } from "../fakes/bench";
import { rejects } from "../fakes/errors";
import { image } from "../fakes/image";
import { MemoryStore } from "../fakes/store";

const hour = 3_600_000;
const midnight = 20_780 * 24 * hour;

function begun(options: ConstructorParameters<typeof Bench>[0] = {}): Bench {
	const bench = new Bench(options);
	bench.updater.boot(1_000);
	return bench;
}

describe("an update that has to wait", () => {
	const rules = { window: UpdateWindow.parse("01:00-05:00") };

	it("for its window costs nothing until then", async () => {
		const bench = begun({ rules, now: midnight });
		const result = await bench.install(good);
		assert.equal(result.kind, "postponed");
		if (result.kind === "postponed") assert.isTrue(result.wait >= hour && result.wait < 2 * hour);
		assert.deepEqual([bench.starts, bench.store.writes, bench.restarts], [[], 0, 0]);
		bench.now += hour;
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
	});

	it("for its window before the restart keeps what it has fetched, over a power cut", async () => {
		const bench = begun({ rules, now: midnight + 4 * hour });
		const result = await bench.fetch(offerOf(good), (sink) => {
			bench.now += 2 * hour;
			deliver(sink, good);
		});
		assert.equal(result.kind, "postponed");
		assert.deepEqual(bench.slots.calls, ["write 3000", "finish"]);
		assert.deepInclude(bench.record ?? {}, { state: "install", slot: "ota_1", version: "1.1.0", trials: 0 });
		const writes = bench.store.writes;
		assert.equal((await bench.install(good)).kind, "postponed");
		assert.equal(bench.store.writes, writes, "each poll asks again, and nothing is written for that");
		const after = bench.next({ rules, now: midnight + 25 * hour, resetReason: "power-on" });
		assert.equal(after.updater.boot(1_000).kind, "untried");
		assert.deepEqual(await after.install(good), { kind: "restarting" });
		assert.deepEqual([after.starts, after.slots.calls], [[], ["activate"]]);
	});

	it("because the application says so goes on when it may", async () => {
		const asked: string[] = [];
		const answers: Consent[] = [false, true, 5_000, true];
		const policy = {
			allows: (step: string) => {
				asked.push(step);
				return answers.shift() ?? true;
			},
		};
		const bench = begun({ rules: { policy } });
		assert.equal((await bench.install(good)).kind, "postponed");
		assert.equal((await bench.install(good)).kind, "postponed", "not asked again so soon");
		bench.updater.reconsider();
		assert.deepEqual(await bench.install(good), { kind: "postponed", wait: 5_000 });
		bench.uptime += 5_000;
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
		assert.deepEqual(asked, ["download", "download", "restart", "restart"]);
		assert.deepEqual(bench.starts, [0]);
	});

	it("does not stop another one", async () => {
		const bench = begun({ rules: { policy: { allows: (_, { id }) => id !== "7" } } });
		assert.equal((await bench.install(good)).kind, "postponed");
		const other = image({ version: "1.2.0" });
		assert.deepEqual(await bench.install(other, offerOf(other, "8")), { kind: "restarting" });
	});
});

describe("a package that failed", () => {
	const bad = image({ chip: 9 });

	it("is left alone until the time is over, twice as long after each failure", async () => {
		const store = begun().store;
		let now = 1_800_000_000_000;
		for (const wait of [10, 20, 40]) {
			const bench = begun({ store, now, rules: { retryFailHours: 10 } });
			assert.equal((await bench.install(bad)).kind, "failed");
			const later = begun({ store, now, rules: { retryFailHours: 10 } });
			later.now = now + wait * hour - 1;
			assert.equal(later.updater.refusal(offerOf(bad))?.code, "update.known-bad");
			later.now += 1;
			assert.equal(later.updater.refusal(offerOf(bad)), undefined, `after ${wait} hours`);
			now = later.now;
		}
	});

	it("is left alone for ever where it is wanted so, and for a week by default", async () => {
		for (const [rules, weeks] of [
			[{ retryFailHours: 0 }, Number.POSITIVE_INFINITY],
			[{}, 1],
		] as const) {
			const bench = begun({ rules });
			await bench.install(bad);
			const later = begun({ store: bench.store, now: bench.now + Math.min(weeks, 5_000) * 168 * hour - 1, rules });
			assert.equal(later.updater.refusal(offerOf(bad))?.code, "update.known-bad");
			later.now += 1;
			assert.equal(later.updater.refusal(offerOf(bad)) === undefined, weeks === 1);
		}
	});

	it("is left alone for no longer when the clock is set back, or was never set", async () => {
		const bench = begun({ rules: { retryFailHours: 10 } });
		await bench.install(bad);
		const later = bench.next({ now: bench.now - 1_000_000 * hour, rules: { retryFailHours: 10 } });
		later.updater.boot(1_000);
		assert.equal(later.updater.refusal(offerOf(bad))?.code, "update.known-bad");
		later.uptime += 10 * hour;
		assert.equal(later.updater.refusal(offerOf(bad)), undefined);
		assert.equal((await later.install(bad)).kind, "failed");
		assert.equal(later.updater.refusal(offerOf(bad))?.code, "update.known-bad", "counted from the failure, not from the boot");
	});

	it("is left alone for no shorter when the clock is set afterwards, which had not been before", async () => {
		const bench = begun({ rules: { retryFailHours: 10 } });
		await bench.install(bad);
		bench.now += 1_000 * hour;
		assert.equal(bench.updater.refusal(offerOf(bad))?.code, "update.known-bad");
		bench.uptime += 10 * hour;
		assert.equal(bench.updater.refusal(offerOf(bad)), undefined);
	});

	it("is left alone although there is no room to remember it, until the device restarts", async () => {
		class Full extends MemoryStore {
			override write(key: string, value: string): void {
				if (key === "failed") throw new Error("nvs: not enough space");
				super.write(key, value);
			}
		}
		const bench = begun({ store: new Full(), rules: { retryFailHours: 10 } });
		for (const hours of [10, 20]) {
			await bench.install(bad);
			bench.uptime += hours * hour - 1_000;
			assert.equal(bench.updater.refusal(offerOf(bad))?.code, "update.known-bad");
			bench.uptime += 1_000;
			assert.equal(bench.updater.refusal(offerOf(bad)), undefined);
		}
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
	});

	it("is not mixed up with another one", async () => {
		const bench = begun();
		await bench.install(bad);
		assert.equal(bench.updater.refusal(offerOf(good)), undefined);
	});
});

describe("an update that is called off", () => {
	it("while it is fetched stops at once; by the application it is not wanted again", async () => {
		for (const by of ["server", "application"] as const) {
			const bench = begun();
			const told: FinalReport[] = [];
			bench.observe({ report: async (report) => void told.push(report) });
			const result = await bench.fetch(offerOf(good), (sink, cancellation) => {
				deliver(sink, good.subarray(0, 1024));
				assert.isTrue(bench.updater.cancel("not today", by));
				cancellation.throwIfCancelled();
			});
			assert.equal(result.kind, "cancelled");
			assert.deepEqual(bench.slots.calls, ["write 1024", "close", "invalidate"]);
			assert.deepInclude(told[0], { id: "7", outcome: "failure", code: "update.cancelled", text: "not today" });
			assert.isUndefined(bench.record);
			assert.equal(bench.updater.refusal(offerOf(good))?.code, by === "server" ? undefined : "update.known-bad");
		}
	});

	it("by the server, which knows it by its name", async () => {
		const bench = begun();
		const result = await bench.fetch(offerOf(good), (sink, cancellation) => {
			assert.isFalse(bench.updater.abort("8", "aborted"));
			assert.isFalse(cancellation.cancelled);
			assert.isTrue(bench.updater.abort("7", "aborted"));
			cancellation.throwIfCancelled();
			deliver(sink, good);
		});
		assert.equal(result.kind, "cancelled");
	});

	it("after its download is not activated", async () => {
		const bench = begun();
		bench.observe({ entered: (state) => void (state === "install" && bench.updater.cancel("stop", "server")) });
		assert.equal((await bench.install(good)).kind, "cancelled");
		assert.notInclude(bench.slots.calls, "activate");
	});

	it("while it waits is forgotten, and its outcome told", async () => {
		const bench = begun({ rules: { policy: { allows: (step) => step === "download" } } });
		assert.equal((await bench.install(good)).kind, "postponed");
		assert.isTrue(bench.updater.cancel("stop", "application"));
		await sleep(0);
		assert.deepInclude(bench.ended[0], { id: "7", outcome: "failure", code: "update.cancelled" });
		assert.isUndefined(bench.record);
		assert.equal(bench.updater.refusal(offerOf(good))?.code, "update.known-bad");
		assert.isFalse(bench.updater.cancel("stop", "application"), "there is nothing left");
	});

	it("before it has begun is not begun, by whoever it was called off", async () => {
		for (const by of ["server", "application"] as const) {
			const bench = begun({ rules: { policy: { allows: () => false } } });
			const told: FinalReport[] = [];
			bench.observe({ report: async (report) => void told.push(report) });
			assert.equal((await bench.install(good)).kind, "postponed");
			assert.equal(bench.store.writes, 0);
			assert.isFalse(bench.updater.abort("8", "stop"), "another one");
			assert.isTrue(by === "server" ? bench.updater.abort("7", "stop") : bench.updater.cancel("stop", by));
			await sleep(0);
			assert.deepInclude(told[0], { id: "7", outcome: "failure", code: "update.cancelled", text: "stop" });
			assert.isUndefined(bench.record);
			assert.equal(bench.updater.refusal(offerOf(good))?.code, by === "server" ? undefined : "update.known-bad");
		}
	});

	it("and is not offered any more was never under way", async () => {
		const bench = begun({ rules: { policy: { allows: () => false } } });
		await bench.install(good);
		bench.updater.rest();
		assert.isFalse(bench.updater.cancel("stop", "application"));
		assert.deepEqual(bench.ended, []);
	});

	it("on trial is rolled back, and told as what it was", async () => {
		for (const [by, code, refused] of [
			["server", "update.cancelled", undefined],
			["application", "update.rolled-back", "update.known-bad"],
		] as const) {
			const trial = (await installed()).next(onTrial);
			trial.updater.boot(60_000);
			assert.isTrue(trial.updater.cancel("stop", by));
			await sleep(200);
			assert.deepEqual(trial.slots.calls, ["rollBack"]);
			const back = trial.next({ other: "aborted", resetReason: "restart" });
			assert.equal(back.updater.boot(1_000).kind, "rolled-back");
			await back.updater.checkedIn();
			assert.deepInclude(back.ended[0], { outcome: "failure", code });
			assert.equal(back.updater.refusal(offerOf(good))?.code, refused);
		}
	});

	it("when the slot has been switched, is too late", async () => {
		const bench = begun();
		bench.observe({ restarting: () => assert.isFalse(bench.updater.cancel("stop", "server")) });
		assert.deepEqual(await bench.install(good), { kind: "restarting" });
	});

	it("is not one that is only interrupted: that goes on", async () => {
		const bench = begun();
		const stopped = bench.fetch(offerOf(good), (sink, cancellation) => {
			deliver(sink, good.subarray(0, 1024), undefined, { validator: '"3000"' });
			bench.updater.interrupt(new FleetlingError("server.stopped", "stopped"));
			cancellation.throwIfCancelled();
		});
		await rejects("server.stopped", () => stopped);
		assert.deepEqual(bench.ended, []);
		assert.equal(bench.updater.refusal(offerOf(good)), undefined);
	});

	it("nor is it right before the restart", async () => {
		const bench = begun();
		const interrupt = () => bench.updater.interrupt(new FleetlingError("server.stopped", "stopped"));
		bench.observe({ entered: (state) => void (state === "reboot" && interrupt()), report: async () => undefined });
		await rejects("server.stopped", () => bench.install(good));
		assert.deepEqual(bench.ended, [], "nobody is told that it failed");
		const next = bench.next({ resetReason: "restart" });
		next.updater.boot(1_000);
		assert.deepEqual(await next.install(good), { kind: "restarting" });
		assert.deepEqual(next.starts, [2048], "it goes on from the last mark");
	});
});

describe("the outcome", () => {
	it("is the last word of a server that does not want to know", async () => {
		const bench = (await installed()).next(onTrial);
		let told = 0;
		bench.observe({
			report: async () => {
				told++;
				throw new FleetlingError("server.refused", "404");
			},
		});
		bench.updater.boot(1_000);
		assert.isTrue(await bench.updater.checkedIn());
		await bench.updater.checkedIn();
		assert.equal(told, 1);
		assert.isUndefined(bench.record);
		assert.equal(bench.ended.length, 1);
	});

	it("comes before the next update, and before the new name", async () => {
		const bench = (await installed()).next(onTrial);
		let deaf = true;
		bench.observe({
			report: async () => {
				if (deaf) throw new FleetlingError("server.failed", "500");
			},
		});
		bench.updater.boot(1_000);
		assert.equal(bench.updater.settledVersion, "1.0.0", "on trial");
		assert.isFalse(await bench.updater.checkedIn());
		assert.equal(bench.updater.settledVersion, "1.0.0", "confirmed, but not accepted");
		const other = image({ version: "1.2.0" });
		assert.equal((await bench.install(other)).kind, "refused");
		deaf = false;
		assert.isTrue(await bench.updater.checkedIn());
		assert.equal(bench.updater.settledVersion, bench.updater.version);
		assert.deepEqual(await bench.install(other), { kind: "restarting" });
	});

	it("is no concern of a server that is not told", async () => {
		const bench = (await installed()).next(onTrial);
		bench.updater.boot(1_000);
		assert.equal(bench.updater.settledVersion, "1.1.0");
		await bench.updater.checkedIn();
	});
});

describe("a package that needs no restart", () => {
	const parcel = new Uint8Array(700).fill(0x46);

	class FileBench {
		readonly done: string[] = [];
		fails = "";
		/** What a restart would find if the power went at the last step. */
		found = new MemoryStore();
		readonly bench: Bench;

		constructor(store?: Bench["store"]) {
			const step = (name: string) => (): void => {
				this.done.push(name);
				this.found = new MemoryStore(Object.fromEntries(this.bench.store.values));
				if (this.fails === name) throw new FleetlingError("storage.failed", name);
			};
			const installed: Installed = {
				version: "cfg-2",
				slot: "",
				immediate: true,
				activate: step("activate"),
				revert: step("revert"),
				commit: step("commit"),
				discard: step("discard"),
			};
			const installer: Installer = { begin: () => {}, write: () => {}, finish: () => installed, abort: () => {} };
			const reader: ReaderKind = {
				name: "file",
				recognises: (head) => head[0] === 0x46,
				open: (context) => context.installer("file") as Installer & { write(bytes: Uint8Array): void },
			};
			this.bench = begun({ readers: [reader], installers: { file: () => installer }, ...(store && { store }) });
		}
	}

	it("is in use at once, and not fetched again", async () => {
		const { bench, done } = new FileBench();
		assert.deepEqual(await bench.install(parcel), { kind: "done" });
		assert.deepEqual(done, ["activate", "commit"]);
		assert.deepEqual(bench.states, ["download", "install", "reboot", "verify", "commit", "report"]);
		assert.deepInclude(bench.ended[0], { id: "7", version: "cfg-2", outcome: "success" });
		assert.deepEqual([bench.restarts, bench.slots.calls], [0, []]);
		assert.isUndefined(bench.record);
		assert.equal(new FileBench(bench.store).bench.updater.refusal(offerOf(parcel))?.code, "update.same-version");
	});

	it("is taken back when it cannot be kept", async () => {
		const file = new FileBench();
		file.fails = "commit";
		await rejects("storage.failed", () => file.bench.install(parcel));
		assert.deepEqual(file.done, ["activate", "commit", "revert", "discard"]);
		assert.deepInclude(file.bench.ended[0], { outcome: "failure", code: "storage.failed" });
	});

	it("that is called off before it is in use leaves nothing that waits", async () => {
		const { bench, done } = new FileBench();
		bench.observe({ entered: (state) => void (state === "reboot" && bench.updater.cancel("stop", "server")) });
		assert.equal((await bench.install(parcel)).kind, "cancelled");
		assert.deepEqual(done, ["discard"]);
	});

	it("in the middle of which the power goes is taken up again", async () => {
		const first = new FileBench();
		await first.bench.install(parcel);
		assert.equal(first.done.at(-1), "commit");
		const second = new FileBench(first.found);
		assert.equal(second.bench.log.with("was not started").length, 1);
		assert.deepEqual(await second.bench.install(parcel), { kind: "done" });
	});
});
