import { assert } from "chai";
import { FactSheet } from "fleetling/agent/facts";
import type { MemoryFigures, SystemControl } from "fleetling/common/device";
import { describe, it } from "test/harness";

const memory: MemoryFigures = {
	slotsUsed: 10_000,
	slotsPeak: 20_000,
	chunksUsed: 5_000,
	chunksPeak: 6_000,
	stackPeak: 1_000,
	limit: 65_536,
};

function sheet(figures: Partial<MemoryFigures> = {}): FactSheet {
	const system: SystemControl = {
		resetReason: "power-on",
		target: "esp32c3",
		engine: "13.3.0",
		forget: () => {},
		restart: () => {},
		ticks: () => 61_999,
		memory: () => ({ ...memory, ...figures }),
	};
	return new FactSheet({
		system,
		version: () => "1.0.0",
		slot: "ota_0",
		deviceType: "thermostat",
		mac: "24:6f:28:aa:bb:cc",
	});
}

describe("facts", () => {
	it("are all that the device knows, as texts", () => {
		assert.deepEqual(sheet().read(), {
			version: "1.0.0",
			settledVersion: "1.0.0",
			deviceType: "thermostat",
			mac: "24:6f:28:aa:bb:cc",
			others: { target: "esp32c3" },
			condition: { xs: "13.3.0", slot: "ota_0", reset: "power-on", uptime: "61", free: "50536" },
		});
	});

	it("prefer native memory where the target knows it", () => {
		assert.equal(sheet({ heapFree: 123_456 }).read().condition.free, "123456");
	});

	it("leave out what is not known", () => {
		assert.notProperty(sheet({ limit: 0 }).read().condition, "free");
	});

	it("take the application's, bounded, and replace them", () => {
		const facts = sheet();
		facts.add("site", () => "x".repeat(500));
		facts.add("uptime", () => undefined);
		facts.add("slot", () => "kitchen");
		const { others, condition } = facts.read();
		assert.equal(others.site?.length, 64);
		assert.equal(others.slot, "kitchen");
		assert.hasAllKeys(condition, ["xs", "reset", "free"]);
		assert.notProperty(others, "uptime");
	});
});
