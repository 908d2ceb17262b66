import { assert } from "chai";
import type { RemoteConfiguration } from "fleetling/agent/remote";
import type { ResetReason } from "fleetling/common/device";
import { describe, it } from "test/harness";
import { rejects } from "../fakes/errors";
import { MemoryStorage } from "../fakes/storage";
import { type Bench, bench, heater } from "./remote-bench";

describe("a configuration of the server's with which the device crashes", () => {
	/** A device that has lived with one set, and has got another. */
	function changed(lived = 0): {
		readonly storage: MemoryStorage;
		readonly ticks: { now: number };
		readonly remote: RemoteConfiguration;
	} {
		const ticks = { now: 0 };
		const { remote, storage } = bench({ ticks: () => ticks.now });
		remote.want({ pollSeconds: "30" });
		remote.settle(true);
		remote.want({ pollSeconds: "40" });
		ticks.now = lived;
		remote.settle();
		return { storage, ticks, remote };
	}
	const restarted = (storage: MemoryStorage, resetReason: ResetReason): Bench => {
		const made = bench({ storage });
		made.remote.judge(resetReason);
		return made;
	};

	for (const reason of ["panic", "watchdog", "restart"] as const)
		it(`is taken back, said, and not tried again: ${reason}`, async () => {
			const { storage } = changed();
			const { remote, lines } = restarted(storage, reason);
			assert.equal(remote.settings.pollSeconds, 30);
			assert.lengthOf(lines.with("E (0) config: the device has crashed with what the server had set (pollSeconds)"), 1);
			await rejects("config.crashed", () => remote.want({ pollSeconds: "40" }), "pollSeconds");
			assert.equal(remote.settings.pollSeconds, 30);
			// Another crash is not its fault.
			assert.equal(restarted(storage, reason).remote.settings.pollSeconds, 30);
			remote.want({ pollSeconds: "50" });
			assert.equal(remote.settings.pollSeconds, 50);
			remote.settle(true);
			remote.want({ pollSeconds: "40" });
			assert.equal(remote.settings.pollSeconds, 40);
		});

	for (const reason of ["power-on", "brown-out", "other"] as const)
		it(`is not to blame for what comes from outside: ${reason}`, () => {
			const { storage } = changed();
			assert.equal(restarted(storage, reason).remote.settings.pollSeconds, 40);
			// It has not been proven by that.
			assert.equal(restarted(storage, "panic").remote.settings.pollSeconds, 30);
		});

	it("is not to blame once the device has lived with it for a minute, or has restarted in an orderly way", () => {
		assert.equal(restarted(changed(59_999).storage, "panic").remote.settings.pollSeconds, 30);
		assert.equal(restarted(changed(60_000).storage, "panic").remote.settings.pollSeconds, 40);
		const { storage, remote } = changed();
		remote.settle(true);
		assert.equal(restarted(storage, "restart").remote.settings.pollSeconds, 40);
	});

	it("is none that has been taken back already, whenever the power goes", () => {
		const { storage } = changed();
		const store = storage.domain("wanted");
		restarted(storage, "panic");
		for (const left of store.cuts) {
			const cut = new MemoryStorage();
			for (const [key, value] of left) cut.domain("wanted").write(key, value);
			const { remote } = restarted(cut, "panic");
			assert.include([900, 30], remote.settings.pollSeconds);
			assert.equal(restarted(cut, "panic").remote.settings.pollSeconds, remote.settings.pollSeconds);
		}
	});

	it("is none on trial that another one took the place of: what is held to be good has been lived with", () => {
		const { storage, remote } = changed();
		remote.want({ pollSeconds: "50" });
		assert.equal(restarted(storage, "panic").remote.settings.pollSeconds, 30);
		assert.equal(restarted(storage, "panic").remote.settings.pollSeconds, 30);
	});

	it("stays on trial when the next one is refused by the application, or taken back", () => {
		for (const how of ["refused", "taken back"] as const) {
			const { keys } = heater(5);
			const { remote, storage } = bench({ keys });
			remote.want({ pollSeconds: "30" });
			remote.settle(true);
			remote.want({ pollSeconds: "40" });
			if (how === "refused") assert.throws(() => remote.want({ pollSeconds: "50", target: "5" }), /too cold/);
			else {
				const change = remote.prepare({ pollSeconds: "50" });
				change.activate();
				change.revert();
			}
			assert.equal(remote.settings.pollSeconds, 40, how);
			assert.equal(restarted(storage, "panic").remote.settings.pollSeconds, 30, how);
		}
	});

	it("may be the first, and leaves nothing then", () => {
		const { remote, storage } = bench();
		remote.want({ pollSeconds: "30" });
		const again = restarted(storage, "panic").remote;
		assert.equal(again.settings.pollSeconds, 900);
		assert.deepEqual(again.wanted, {});
	});

	it("says when its end cannot be noted, and goes on", () => {
		const { storage, remote } = changed();
		storage.domain("wanted").delete = () => {
			throw new Error("nvs");
		};
		remote.settle(true);
		assert.equal(remote.settings.pollSeconds, 40);
	});
});
