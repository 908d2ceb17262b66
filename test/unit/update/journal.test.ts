import { assert } from "chai";
import { type JournalEntry, KeyValueJournal } from "fleetling/update/journal";
import { PackageMemory } from "fleetling/update/memory";
import { crc32 } from "fleetling/update/readers/crc32";
import type { UpdateRecord } from "fleetling/update/record";
import { describe, it } from "test/harness";
import TextEncoder from "text/encoder";
import { rejects } from "../fakes/errors";
import { MemoryStore } from "../fakes/store";

const record: UpdateRecord = {
	state: "reboot",
	id: "7",
	package: "ab",
	from: "1.0.0",
	version: "1.1.0",
	slot: "ota_1",
	trials: 1,
	stores: 2,
};

function read(store: MemoryStore): JournalEntry {
	return new KeyValueJournal(store).read();
}

/** A record as it is stored. */
function sealed(fields: Readonly<Record<string, unknown>>): string {
	const text = JSON.stringify({ form: 2, sequence: 0, ...fields });
	const digits = (crc32(new TextEncoder().encode(text)) >>> 0).toString(16);
	return "0".repeat(8 - digits.length) + digits + text;
}

describe("journal", () => {
	const written: readonly UpdateRecord[] = [
		record,
		{ ...record, state: "download", kept: { size: 3000, start: 0, done: 1024 } },
		{ ...record, state: "download", kept: { size: 3000, start: 512, done: 0, validator: '"é"' } },
		{ ...record, state: "rollback", failure: "hang" },
		{ ...record, state: "report", outcome: "success" },
	];
	for (const entry of written)
		it(`gives back what was written, over a restart: ${JSON.stringify(entry.kept ?? entry.state)}`, () => {
			const store = new MemoryStore();
			new KeyValueJournal(store).write(entry);
			assert.deepEqual(read(store), { record: entry });
		});

	it("gives back the last of many, whichever journal wrote them", () => {
		const store = new MemoryStore();
		const journal = new KeyValueJournal(store);
		for (let trials = 0; trials < 7; trials++) {
			(trials % 3 === 0 ? new KeyValueJournal(store) : journal).read();
			(trials % 3 === 0 ? new KeyValueJournal(store) : journal).write({ ...record, trials });
			assert.equal(read(store).record?.trials, trials);
			journal.read();
		}
		assert.deepEqual([...store.values.keys()].sort(), ["record0", "record1"]);
	});

	it("is empty at first and after it was cleared, which is one write", () => {
		const store = new MemoryStore();
		const journal = new KeyValueJournal(store);
		assert.deepEqual(journal.read(), { record: undefined });
		journal.clear();
		assert.equal(store.writes, 0, "clearing nothing must not wear flash");
		journal.write(record);
		journal.clear();
		assert.equal(store.writes, 2);
		assert.deepEqual(read(store), { record: undefined });
		journal.clear();
		assert.equal(store.writes, 2);
	});

	it("goes round with its numbers", () => {
		const store = new MemoryStore({
			record0: sealed({ ...record, sequence: 0xfffe, trials: 1 }),
			record1: sealed({ ...record, sequence: 0xffff, trials: 2 }),
		});
		const journal = new KeyValueJournal(store);
		assert.equal(journal.read().record?.trials, 2);
		for (let trials = 3; trials < 9; trials++) {
			journal.write({ ...record, trials });
			assert.equal(read(store).record?.trials, trials);
		}
		assert.equal(JSON.parse(String(store.read("record1")).slice(8)).sequence, 5);
	});

	for (const [at, expected] of [
		[0, 1],
		[5, 1],
		[8, 1],
		[30, 1],
	] as const)
		it(`holds what was there before when a write is torn after ${at} characters`, () => {
			const store = new MemoryStore();
			const journal = new KeyValueJournal(store);
			journal.write({ ...record, trials: 1 });
			journal.write({ ...record, trials: 2 });
			store.values.set("record1", String(store.read("record1")).slice(0, at));
			const { record: found, torn } = read(store);
			assert.equal(found?.trials, expected);
			assert.equal(torn?.code, "update.torn-journal");
			assert.include(torn?.message, "record1");
			// The next one goes over the torn one, never over the only one that holds.
			const next = new KeyValueJournal(store);
			next.read();
			next.write({ ...record, trials: 3 });
			assert.deepEqual(read(store), { record: { ...record, trials: 3 } });
			assert.equal(JSON.parse(String(store.read("record0")).slice(8)).trials, 1);
		});

	it("finds every flipped bit", () => {
		const store = new MemoryStore();
		const journal = new KeyValueJournal(store);
		journal.write({ ...record, trials: 1 });
		journal.write({ ...record, trials: 2 });
		const text = String(store.read("record1"));
		for (let at = 0; at < text.length; at++) {
			const flipped = String.fromCharCode(text.charCodeAt(at) ^ 1);
			store.values.set("record1", text.slice(0, at) + flipped + text.slice(at + 1));
			assert.equal(read(store).record?.trials, 1, `at ${at}`);
		}
	});

	it("says when nothing of it can be read, and works again after it was cleared", async () => {
		for (const values of [
			{ record0: "x" },
			{ record1: new ArrayBuffer(4) },
			{ record0: sealed(record as never).slice(1), record1: "" },
		]) {
			const store = new MemoryStore(values);
			await rejects("update.bad-journal", () => read(store));
			const journal = new KeyValueJournal(store);
			journal.clear();
			assert.isUndefined(read(store).record);
			journal.write(record);
			assert.deepEqual(read(store).record, record);
		}
	});

	const unknown: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
		["another form", { ...record, form: 3 }],
		["an unknown state", { ...record, state: "toString" }],
		["an unknown failure", { ...record, failure: "valueOf" }],
		["an unknown outcome", { ...record, outcome: "perhaps" }],
		["a field of another type", { ...record, trials: "1" }],
		["a field missing", { ...record, slot: undefined }],
		["a number that is none of its own", { ...record, sequence: 65_536 }],
		["no number", { ...record, sequence: undefined }],
	];
	for (const [what, fields] of unknown)
		it(`does not guess at ${what}`, async () => {
			await rejects("update.bad-journal", () => read(new MemoryStore({ record0: sealed(fields) })));
			const store = new MemoryStore({ record0: sealed(fields), record1: sealed({ ...record, trials: 9 }) });
			assert.equal(read(store).record?.trials, 9);
		});

	it("begins a download afresh whose remains it cannot read", () => {
		for (const remains of [
			{ size: 10 },
			{ size: "10", start: 0, done: 0 },
			{ size: 10, start: 11, done: 0 },
			{ size: 10, start: -1, done: 0 },
			{ size: 10, start: 0, done: 0.5 },
		]) {
			const store = new MemoryStore({ record0: sealed({ ...record, state: "download", ...remains }) });
			assert.deepEqual(read(store), { record: { ...record, state: "download" } });
		}
	});
});

describe("journal of an older firmware", () => {
	const { stores: _, ...fields } = record;
	const old = JSON.stringify({ form: 1, ...fields });

	it("is understood, and gone with the first record of this one", () => {
		const store = new MemoryStore({ record: old });
		const journal = new KeyValueJournal(store);
		assert.deepEqual(journal.read(), { record: { ...record, stores: 1 } });
		journal.write({ ...record, trials: 5 });
		assert.equal(read(store).record?.trials, 5);
		assert.isUndefined(store.read("record"));
	});

	it("is the last word, because only a firmware that knows no other has written it", () => {
		const store = new MemoryStore({ record: old, record0: sealed({ ...record, trials: 9 }) });
		assert.equal(read(store).record?.trials, 1);
		new KeyValueJournal(store).clear();
		assert.isUndefined(read(store).record);
	});

	for (const damaged of ["", old.slice(0, 40), "[]", old.replace('"form":1', '"form":7'), old.replace("reboot", "valueOf")])
		it(`is not guessed at: ${damaged.slice(0, 20)}`, async () => {
			const store = new MemoryStore({ record: damaged });
			await rejects("update.bad-journal", () => read(store));
			new KeyValueJournal(store).clear();
			assert.isUndefined(read(store).record);
		});
});

describe("memory of packages", () => {
	const failed = { package: "ab", version: "1.1.0", code: "update.rolled-back", text: "it hung", at: 5 };

	it("remembers over a restart, and how often", () => {
		const store = new MemoryStore();
		const memory = new PackageMemory(store);
		assert.equal(memory.failed, undefined);
		assert.equal(memory.installed, undefined);
		memory.fail(failed);
		assert.deepEqual(new PackageMemory(store).failed, { ...failed, times: 1 });
		memory.fail({ ...failed, at: 9 });
		assert.deepEqual(new PackageMemory(store).failed, { ...failed, at: 9, times: 2 });
		memory.fail({ ...failed, package: "cd" });
		assert.equal(memory.failed?.times, 1);
	});

	it("forgets what failed when another succeeds", () => {
		const memory = new PackageMemory(new MemoryStore());
		memory.fail(failed);
		memory.succeed({ package: "cd", version: "1.2.0" });
		assert.isUndefined(memory.failed);
		assert.deepEqual(memory.installed, { package: "cd", version: "1.2.0" });
	});

	it("understands what an older firmware has left, as long ago", () => {
		const value = JSON.stringify({ package: "ab", version: "1", code: "c", text: "t", trials: 1, final: true });
		const memory = new PackageMemory(new MemoryStore({ failed: value }));
		assert.deepEqual(memory.failed, { package: "ab", version: "1", code: "c", text: "t", at: 0, times: 1 });
	});

	it("keeps what an image provides with its slot, for as long as that holds the image", () => {
		const store = new MemoryStore();
		const memory = new PackageMemory(store);
		const [old, target] = [
			{ slot: "ota_0", version: "1.0.0" },
			{ slot: "ota_1", version: "1.1.0" },
		];
		assert.deepEqual(memory.provides("ota_0", "1.0.0"), { artifact_name: "1.0.0" });
		memory.provide(old, old, { provides: { artifact_name: "first", group: "a", "rootfs-image.x": "1" }, clears: [] });
		memory.provide(old, target, { provides: { artifact_name: "second" }, clears: ["rootfs-image.*"] });
		const later = new PackageMemory(store);
		assert.deepEqual(later.provides("ota_0", "1.0.0"), { artifact_name: "first", group: "a", "rootfs-image.x": "1" });
		assert.deepEqual(later.provides("ota_1", "1.1.0"), { artifact_name: "second", group: "a" });
		assert.deepEqual(later.provides("ota_1", "1.1.1"), { artifact_name: "1.1.1" }, "flashed by other means");
		store.values.set("of ota_1", '{"version":"1.1.0","provides":{"artifact_name":7,"ok":"yes"}}');
		assert.deepEqual(later.provides("ota_1", "1.1.0"), { artifact_name: "1.1.0", ok: "yes" });
	});

	it("takes what it cannot read for forgotten", () => {
		for (const value of ["", "{", "[]", "{}", JSON.stringify({ ...failed, at: "yes" }), JSON.stringify({ ...failed, text: 1 })])
			assert.isUndefined(new PackageMemory(new MemoryStore({ failed: value })).failed, value);
		assert.isUndefined(new PackageMemory(new MemoryStore({ installed: '{"package":1,"version":"1"}' })).installed);
	});
});
