import { assert } from "chai";
import { ServerError } from "fleetling/agent/server";
import { sleep } from "fleetling/common/time";
import { describe, it } from "test/harness";
import { bench, count, failed } from "../fakes/agent";
import { rejects } from "../fakes/errors";

describe("agent", () => {
	it("authenticates once and polls at intervals", async () => {
		const { agent, server, log, until } = await bench();
		await until(() => count(server, "check") >= 5);
		await agent.stop();
		assert.deepEqual(server.calls.slice(0, 3), ["authenticate", "check t1", "check t1"]);
		assert.equal(log.with("no update").filter((line) => line.startsWith("I")).length, 1, "no news with each poll");
	});

	it("spreads its polls by a tenth", async () => {
		// Far beyond what a generator gives, so that nobody has to wait for the difference: ten tenths less than 600 s.
		const { agent, server, until } = await bench({ pollSeconds: 600, random: () => -4.5 });
		await until(() => count(server, "check") >= 3);
		await agent.stop();
	});

	it("stops cleanly, whatever it does, and stays stopped", async () => {
		const { agent, server, until } = await bench({ pollSeconds: 600 });
		await until(() => count(server, "check") === 1);
		await agent.stop();
		await agent.stop();
		const calls = server.calls.length;
		await sleep(40);
		assert.equal(server.calls.length, calls);
		assert.isAtLeast(server.closed, 1);
		assert.equal(agent.state, "stopped");
	});

	it("checks at once when asked to", async () => {
		const { agent, server, until } = await bench({ pollSeconds: 600 });
		await until(() => agent.state === "idle");
		agent.checkNow();
		await until(() => count(server, "check") === 2);
		await agent.stop();
	});

	it("checks once more when it was asked to during a check", async () => {
		const { agent, server, until } = await bench({ pollSeconds: 600 });
		server.onCheck = () => {
			if (count(server, "check") === 1) agent.checkNow();
			return undefined;
		};
		await until(() => count(server, "check") === 2);
		await sleep(30);
		assert.equal(count(server, "check"), 2);
		await agent.stop();
	});

	it("waits for its approval, says so once in plain language, and goes on when it has it", async () => {
		const { agent, server, log, until } = await bench();
		server.onAuthenticate = () => {
			throw failed("server.not-approved");
		};
		await until(() => count(server, "authenticate") >= 6 && agent.state === "pending");
		assert.equal(log.with("approve 24:6f:28:aa:bb:cc").length, 1);
		assert.equal(count(server, "check"), 0);
		server.onAuthenticate = () => {};
		await until(() => count(server, "check") >= 1);
		await agent.stop();
		assert.equal(log.with("has let this device in").length, 1);
	});

	it("gets a new token when the server refuses the old one, between any two calls", async () => {
		const { agent, server, until } = await bench();
		let calls = 0;
		server.onCheck = (token) => {
			calls += 1;
			if (calls === 3 && token === "t1") throw failed("server.token-refused");
			return undefined;
		};
		await until(() => count(server, "check t2") >= 2);
		await agent.stop();
		assert.equal(count(server, "authenticate"), 2);
	});

	it("outlives a server that is down, and says once that it is and that it is back", async () => {
		const { agent, server, log, until } = await bench();
		server.onCheck = () => {
			throw failed("net.refused");
		};
		await until(() => count(server, "check") >= 5);
		assert.equal(log.with("net.refused").filter((line) => line.startsWith("W")).length, 1);
		server.onCheck = () => undefined;
		await until(() => agent.state === "idle");
		await agent.stop();
		assert.equal(log.with("answers again").length, 1);
	});

	it("outlives a mistake of its own", async () => {
		const { agent, server, log, until } = await bench();
		let calls = 0;
		server.onCheck = () => {
			calls += 1;
			if (calls === 1) throw new TypeError("oops");
			return undefined;
		};
		await until(() => count(server, "check") >= 3);
		await agent.stop();
		assert.equal(log.with("oops").length, 1);
	});

	it("does as the server asks when it is to come back later", async () => {
		const { agent, server, until } = await bench();
		let calls = 0;
		server.onCheck = () => {
			calls += 1;
			if (calls === 1) throw new ServerError("server.busy", "429", 429, 150);
			return undefined;
		};
		await until(() => count(server, "check") >= 2);
		await agent.stop();
		const [, first = 0, second = 0] = server.times;
		assert.isAtLeast(second - first, 149);
	});

	it("tells the application of what the server's side says and wants to know", async () => {
		const told: string[] = [];
		const events = { alert: (text: string) => void told.push(text), identify: () => void told.push("identify") };
		const { agent } = await bench({ events });
		agent.alert("maintenance at noon");
		agent.identify();
		assert.deepEqual(told, ["maintenance at noon", "identify"]);
	});

	it("lends its token, and gets another one when it is refused", async () => {
		const { agent, server } = await bench({});
		const used: string[] = [];
		// A new token that is refused is no matter of time.
		await rejects("server.token-refused", () =>
			agent.authorized(async (token) => {
				used.push(token);
				throw failed("server.token-refused");
			}),
		);
		await agent.authorized(async (token) => void used.push(token));
		assert.deepEqual(used, ["t1", "t2"]);
		assert.equal(count(server, "check"), 0);
	});

	it("is not stopped by an application's mistake", async () => {
		const events = {
			state: () => {
				throw new Error("application");
			},
		};
		const { agent, server, log, until } = await bench({ events });
		await until(() => count(server, "check") >= 3);
		await agent.stop();
		assert.isAtLeast(log.with("application").length, 1);
	});
});
