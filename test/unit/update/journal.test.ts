import { assert } from "chai";
import { KeyValueJournal, type UpdateRecord } from "fleetling/update/journal";
import { PackageMemory } from "fleetling/update/memory";
import { describe, it } from "test/harness";
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
};

describe("journal", () => {
	it("gives back what was written, over a restart", () => {
		const store = new MemoryStore();
		for (const written of [
			record,
			{ ...record, state: "rollback", failure: "hang" },
			{ ...record, state: "report", outcome: "success" },
		] as const) {
			new KeyValueJournal(store).write(written);
			assert.deepEqual(new KeyValueJournal(store).read(), written);
		}
	});

	it("is empty at first and after it was cleared", () => {
		const store = new MemoryStore();
		const journal = new KeyValueJournal(store);
		assert.isUndefined(journal.read());
		journal.clear();
		assert.equal(store.writes, 0, "clearing nothing must not wear flash");
		journal.write(record);
		journal.clear();
		assert.isUndefined(journal.read());
	});

	const stored = JSON.stringify({ form: 1, ...record });
	const damaged: readonly (readonly [string, string | ArrayBuffer])[] = [
		["an empty text", ""],
		["half of it", stored.slice(0, 40)],
		["something else", "[]"],
		["another form", stored.replace('"form":1', '"form":2')],
		["no form", JSON.stringify(record)],
		["an unknown state", stored.replace("reboot", "toString")],
		["an unknown failure", stored.replace("}", ',"failure":"valueOf"}')],
		["an unknown outcome", stored.replace("}", ',"outcome":"perhaps"}')],
		["a field of another type", stored.replace('"trials":1', '"trials":"1"')],
		["a field missing", stored.replace('"slot":"ota_1",', "")],
		["bytes", new ArrayBuffer(4)],
	];
	for (const [what, value] of damaged)
		it(`refuses ${what}`, async () => {
			await rejects("update.bad-journal", () => new KeyValueJournal(new MemoryStore({ record: value })).read());
		});
});

describe("memory of packages", () => {
	const failed = { package: "ab", version: "1.1.0", code: "update.rolled-back", text: "it hung", trials: 1, final: true };

	it("remembers over a restart", () => {
		const store = new MemoryStore();
		const memory = new PackageMemory(store);
		assert.isUndefined(memory.failed);
		assert.isUndefined(memory.installed);
		memory.fail(failed);
		assert.deepEqual(new PackageMemory(store).failed, failed);
	});

	it("forgets what failed when another succeeds", () => {
		const memory = new PackageMemory(new MemoryStore());
		memory.fail(failed);
		memory.succeed({ package: "cd", version: "1.2.0" });
		assert.isUndefined(memory.failed);
		assert.deepEqual(memory.installed, { package: "cd", version: "1.2.0" });
	});

	it("takes what it cannot read for forgotten", () => {
		for (const value of [
			"",
			"{",
			"[]",
			"{}",
			JSON.stringify({ ...failed, final: "yes" }),
			JSON.stringify({ ...failed, text: 1 }),
		])
			assert.isUndefined(new PackageMemory(new MemoryStore({ failed: value })).failed, value);
		assert.isUndefined(new PackageMemory(new MemoryStore({ installed: '{"package":1,"version":"1"}' })).installed);
	});
});
