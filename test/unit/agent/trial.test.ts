import { assert } from "chai";
import { describe, it } from "test/harness";
import { bench, count, failed } from "../fakes/agent";

describe("agent on trial", () => {
	it("confirms a firmware on trial by its first check-in", async () => {
		const { agent, slots, updater, until } = await bench({ running: 1, state: "pending-verify", version: "1.1.0" });
		assert.isTrue(updater.onTrial);
		await until(() => slots.calls.includes("confirm"));
		await agent.stop();
		assert.isFalse(updater.onTrial);
	});

	it("does not confirm when it is let in but its check fails", async () => {
		const { agent, server, slots, until } = await bench({ running: 1, state: "pending-verify" });
		server.onCheck = () => {
			throw failed("server.failed");
		};
		await until(() => count(server, "check") >= 2);
		await agent.stop();
		assert.deepEqual(slots.calls, []);
	});

	it("tries often enough on trial, although polls are far apart", async () => {
		const options = { running: 1, state: "pending-verify", pollSeconds: 900, checkInSeconds: 0.6 } as const;
		const { agent, server, slots, until } = await bench(options);
		server.onCheck = () => {
			throw failed("net.refused");
		};
		await until(() => slots.calls.includes("rollBack"));
		await agent.stop();
		assert.isAtLeast(count(server, "check"), 5);
	});
});
