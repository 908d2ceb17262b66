/** What commands may do to this device, where it is more than handing on: how it leaves. */
import { assert } from "chai";
import type { Agent } from "fleetling/agent/agent";
import type { Device, KeyValueStore } from "fleetling/common/device";
import type { Directory } from "fleetling/common/files";
import { LogMemory } from "fleetling/common/log-memory";
import { sleep } from "fleetling/common/time";
import { makePowers, type PowersOptions } from "fleetling/powers";
import { describe, it } from "test/harness";
import Time from "time";
import { FakePowers } from "./fakes/powers";
import { MemoryStore } from "./fakes/store";

/** A device whose agent stops as `stop` says. */
function leaving(stop: () => Promise<void>, files?: Partial<Directory>) {
	const fakes = new FakePowers();
	const { calls } = fakes;
	const device = {
		storage: { open: (): KeyValueStore => new MemoryStore() },
		system: fakes.system,
		clock: fakes.clock,
		files: files as Directory | undefined,
	} satisfies Partial<Device> as unknown as Device;
	const powers = makePowers({
		...{ device, build: () => undefined, log: fakes.log, logMemory: new LogMemory(0), slots: fakes.slots },
		updater: fakes.update as PowersOptions["updater"],
		identity: { publicPEM: "" } as PowersOptions["identity"],
		facts: () => ({ mac: "", deviceType: "" }) as ReturnType<PowersOptions["facts"]>,
		agent: () => ({ stop }) as Agent,
		server: () => "test server",
		evaluates: false,
		remote: undefined,
	});
	return { powers, calls };
}

describe("powers", () => {
	it("restarts when the agent has said goodbye", async () => {
		const { powers, calls } = leaving(() => sleep(30));
		powers.restart("because");
		await sleep(10);
		assert.notInclude(calls, "system.restart");
		await sleep(60);
		assert.deepEqual(calls, ["system.restart"]);
	});

	it("restarts although a goodbye failed", async () => {
		const { powers, calls } = leaving(() => Promise.reject(new Error("no")));
		powers.restart("because");
		await sleep(20);
		assert.deepEqual(calls, ["system.restart"]);
	});

	it("deletes all files with a factory reset, as Moddable's file system wants to be asked for them", async () => {
		const there = new Map<string, readonly string[]>([
			["", ["folder", "file"]],
			["folder", ["inner"]],
		]);
		const deleted: string[] = [];
		const { powers, calls } = leaving(() => Promise.resolve(), {
			scan: (path) => there.get(String(path)) ?? assert.fail(`LFS ERR -2: ${path}`),
			status: (path) => ({ size: 0, isFile: () => !there.has(path), isDirectory: () => there.has(path) }),
			delete: (path) => deleted.push(path) > 0,
		});
		powers.factoryReset();
		while (!calls.includes("system.restart")) await sleep(20);
		assert.deepEqual(deleted, ["folder/inner", "folder", "file"]);
	});

	it("forgets the key with a factory reset also when the files cannot be deleted", async () => {
		const { powers, calls } = leaving(() => Promise.resolve(), { scan: () => assert.fail("LFS ERR -84") });
		powers.factoryReset();
		while (!calls.includes("system.restart")) await sleep(20);
		assert.deepEqual(calls, ["system.forget", "system.restart"]);
	});

	it("does not wait longer than three seconds for a goodbye", async () => {
		const { powers, calls } = leaving(() => new Promise(() => {}));
		const begun = Time.ticks;
		powers.factoryReset();
		while (!calls.includes("system.restart") && Time.ticks - begun < 10_000) await sleep(20);
		assert.deepEqual(calls, ["system.forget", "system.restart"]);
		const waited = Time.ticks - begun;
		assert.ok(waited >= 2_990 && waited < 9_000, `${waited} ms`);
	});
});
