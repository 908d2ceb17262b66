import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import type { Installed, Installer, ProvidesChange } from "fleetling/update/installer";
import { PackageMemory, type Provides } from "fleetling/update/memory";
import type { ReaderKind } from "fleetling/update/reader";
import { describe, it } from "test/harness";
import { Bench, type BenchOptions } from "../fakes/bench";
import { image } from "../fakes/image";
import { MemoryStore } from "../fakes/store";

const onTrial = { running: 1, state: "pending-verify", version: "1.1.0" } as const;
const old: Provides = { artifact_name: "release-1", bootloader: "7" };
const change: ProvidesChange = { provides: { artifact_name: "release-2", bootloader: "8" }, clears: [] };

/** As the object that it is compared with. */
const plain = (provides: Provides): Provides => ({ ...provides });

/** A device with "release-1" that has installed another image, which its artifact calls "release-2". */
async function updated(): Promise<Bench> {
	const store = new MemoryStore();
	const memory = new PackageMemory(store);
	const place = { slot: "ota_0", version: "1.0.0" };
	memory.provide(place, place, { provides: old, clears: ["*"] });
	const bench = new Bench({ store });
	bench.updater.boot(1_000);
	await bench.install(image({ version: "1.1.0" }));
	memory.provide(place, { slot: "ota_1", version: "1.1.0" }, change);
	assert.deepEqual(plain(bench.updater.settledProvides), old, "before the restart");
	return bench;
}

/** Has a report refused until `deaf` is set to false. */
function listen(bench: Bench): { deaf: boolean } {
	const server = { deaf: true };
	bench.observe({
		report: async () => {
			if (server.deaf) throw new FleetlingError("server.failed", "500");
		},
	});
	return server;
}

/** What makes it provide "release-2" without a restart. */
function immediately(): Pick<BenchOptions, "readers" | "installers"> {
	const installed: Installed = { version: "cfg-2", slot: "", immediate: true, change, activate: () => {} };
	const installer: Installer = { begin: () => {}, write: () => {}, finish: () => installed, abort: () => {} };
	const reader: ReaderKind = {
		name: "file",
		recognises: (head) => head[0] === 0x46,
		open: (context) => context.installer("file") as Installer & { write(bytes: Uint8Array): void },
	};
	return { readers: [reader], installers: { file: () => installer } };
}

describe("what a device provides, by a server that is told how updates end", () => {
	it("is the old until the server has accepted that there is a new one", async () => {
		const bench = (await updated()).next(onTrial);
		const server = listen(bench);
		bench.updater.boot(1_000);
		assert.deepEqual(plain(bench.updater.settledProvides), old, "on trial");
		await bench.updater.checkedIn();
		assert.deepEqual(plain(bench.updater.settledProvides), old, "confirmed, but not accepted");
		assert.equal(bench.updater.provides.artifact_name, "release-2", "what the next artifact depends on");
		assert.isTrue(bench.updater.untold);
		server.deaf = false;
		await bench.updater.checkedIn();
		assert.deepEqual(plain(bench.updater.settledProvides), change.provides);
		assert.isFalse(bench.updater.untold);
	});

	it("is the old for ever after a rollback", async () => {
		const before = await updated();
		const bench = before.next({ running: 0, state: "valid", version: "1.0.0", other: "aborted" });
		const server = listen(bench);
		bench.updater.boot(1_000);
		assert.deepEqual(plain(bench.updater.settledProvides), old);
		server.deaf = false;
		await bench.updater.checkedIn();
		assert.deepEqual(plain(bench.updater.settledProvides), old);
		assert.equal(bench.ended.at(-1)?.outcome, "failure");
	});

	it("is the new at once for a server that is not told", async () => {
		const bench = (await updated()).next(onTrial);
		bench.updater.boot(1_000);
		assert.deepEqual(plain(bench.updater.settledProvides), change.provides);
		await bench.updater.checkedIn();
	});

	it("is the old, over a restart, also for what needs none, until the server has accepted it; twice in a row", async () => {
		const options = immediately();
		let bench = new Bench(options);
		for (const [fill, before] of [
			[1, "1.0.0"],
			[2, "release-2"],
		] as const) {
			const server = listen(bench);
			bench.updater.boot(1_000);
			const bytes = new Uint8Array(700).fill(fill);
			bytes[0] = 0x46;
			await bench.install(bytes);
			assert.equal(bench.updater.settledProvides.artifact_name, before);
			bench = bench.next(options);
			const again = listen(bench);
			bench.updater.boot(1_000);
			assert.equal(bench.updater.settledProvides.artifact_name, before, "after a restart");
			again.deaf = false;
			server.deaf = false;
			await bench.updater.checkedIn();
			assert.equal(bench.updater.settledProvides.artifact_name, "release-2");
			bench = bench.next(options);
		}
	});

	it("is the old for what needs no restart whenever the power goes before the server knows, and the new once it does", async () => {
		const options = immediately();
		const bytes = new Uint8Array(700).fill(1);
		bytes[0] = 0x46;
		const first = new Bench(options);
		listen(first);
		first.updater.boot(1_000);
		await first.install(bytes);
		const { cuts } = first.store;
		assert.isAbove(cuts.length, 3);
		for (const [at, left] of cuts.entries()) {
			const what = `after write ${at + 1} of ${cuts.length}`;
			const bench = new Bench({ ...options, store: new MemoryStore(Object.fromEntries(left)) });
			const server = listen(bench);
			bench.updater.boot(1_000);
			assert.equal(bench.updater.settledProvides.artifact_name, "1.0.0", what);
			server.deaf = false;
			if (bench.updater.untold) await bench.updater.checkedIn();
			else await bench.install(bytes);
			assert.equal(bench.ended.at(-1)?.outcome, "success", what);
			assert.equal(bench.updater.settledProvides.artifact_name, "release-2", what);
		}
	});
});
