import { assert } from "chai";
import type { Installed, Installer } from "fleetling/update/installer";
import type { FinalReport } from "fleetling/update/observer";
import type { ReaderKind } from "fleetling/update/reader";
import { describe, it } from "test/harness";
import { Bench, type BenchOptions, good, installed, offerOf, onTrial } from "../fakes/bench";
import { image } from "../fakes/image";
import { MemoryStore } from "../fakes/store";

/** What was told until there is nothing left to do: the server offers `bytes` until it has heard of the end. */
async function ending(store: MemoryStore, options: BenchOptions, bytes: Uint8Array, offer = offerOf(bytes)) {
	const bench = new Bench({ ...options, store });
	const told: FinalReport[] = [];
	bench.observe({ report: async (report) => void told.push(report) });
	bench.updater.boot(1_000);
	for (let polls = 0; polls < 3; polls++) {
		await bench.updater.checkedIn();
		if (told.length === 0) await bench.install(bytes, offer);
	}
	return { bench, told };
}

/** Calls `check` for what a power cut after each of the writes from `first` on leaves in storage. */
async function eachCut(store: MemoryStore, first: number, check: (store: MemoryStore, cut: number) => Promise<void>) {
	const cuts = store.cuts.slice(first);
	assert.isAtLeast(cuts.length, 2);
	for (const [index, values] of cuts.entries()) await check(new MemoryStore(Object.fromEntries(values)), index);
}

describe("a power cut after any write to storage", () => {
	it("of an update whose package is bad: told once as that, or nothing left to tell", async () => {
		const bad = image({ chip: 9 });
		const bench = new Bench();
		bench.updater.boot(1_000);
		let heard = 0;
		bench.observe({
			report: async () => {
				heard = bench.store.writes;
			},
		});
		assert.equal((await bench.install(bad)).kind, "failed");
		await eachCut(bench.store, 0, async (store, cut) => {
			const { bench: after, told } = await ending(store, { resetReason: "power-on" }, bad);
			assert.deepEqual(
				told.map(({ outcome }) => outcome),
				cut + 1 > heard ? [] : ["failure"],
				`cut ${cut}`,
			);
			assert.isUndefined(after.record);
		});
	});

	it("of a rollback: told once as what it was, and the package remembered", async () => {
		for (const resetReason of ["panic", "watchdog"] as const) {
			const bench = (await installed()).next({ other: "aborted", resetReason });
			const first = bench.store.cuts.length;
			bench.updater.boot(1_000);
			await eachCut(bench.store, first, async (store, cut) => {
				const again = await ending(store, { other: "aborted", resetReason: "power-on" }, good);
				assert.equal(again.told.length, 1, `cut ${cut}`);
				assert.include(again.told[0]?.text, resetReason === "panic" ? "crashed" : "hung");
				assert.equal(again.bench.updater.refusal(offerOf(good))?.code, "update.known-bad");
			});
		}
	});

	it("of a confirmation: told once as a success, and the package remembered", async () => {
		const bench = (await installed()).next(onTrial);
		const first = bench.store.cuts.length;
		let heard = 0;
		bench.observe({
			report: async () => {
				heard = bench.store.cuts.length;
			},
		});
		bench.updater.boot(1_000);
		await bench.updater.checkedIn();
		await eachCut(bench.store, first, async (store, cut) => {
			const { told, bench: after } = await ending(store, { ...onTrial, state: "valid", resetReason: "power-on" }, good);
			const once = first + cut + 1 > heard ? [] : ["success"];
			assert.deepEqual(
				told.map(({ outcome }) => outcome),
				once,
				`cut ${cut}`,
			);
			assert.equal(
				after.updater.refusal({ id: "8", url: "https://y/", sha256: offerOf(good).sha256 ?? "" })?.code,
				"update.same-version",
			);
		});
	});

	it("of a package that needs no restart: told once as a success", async () => {
		const parcel = new Uint8Array(700).fill(0x46);
		const done: Installed = { version: "cfg-2", slot: "", immediate: true, activate: () => {} };
		const installer: Installer = { begin: () => {}, write: () => {}, finish: () => done, abort: () => {} };
		const reader: ReaderKind = { name: "file", recognises: (head) => head[0] === 0x46, open: () => installer };
		const bench = new Bench({ readers: [reader] });
		bench.updater.boot(1_000);
		let heard = 0;
		bench.observe({
			report: async () => {
				heard = bench.store.writes;
			},
		});
		assert.deepEqual(await bench.install(parcel), { kind: "done" });
		await eachCut(bench.store, 0, async (store, cut) => {
			const { told } = await ending(store, { readers: [reader], resetReason: "power-on" }, parcel);
			assert.deepEqual(
				told.map(({ outcome }) => outcome),
				cut + 1 > heard ? [] : ["success"],
				`cut ${cut}`,
			);
		});
	});
});
