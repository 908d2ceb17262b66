import { assert } from "chai";
import { ServerError } from "fleetling/agent/server";
import { sleep } from "fleetling/common/time";
import type { FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";
import Time from "time";
import { bench, bytes, count, failed, offer, send } from "../fakes/agent";
import { MemoryStore } from "../fakes/store";

/** A device in the first run of what it has fetched, with a server to which the outcome is told. */
async function benchOnTrial(): ReturnType<typeof bench> {
	const store = new MemoryStore();
	const before = await bench({ store, reports: true });
	before.server.onCheck = () => offer;
	await before.until(() => before.host.restarts === 1);
	await before.agent.stop();
	return bench({ store, running: 1, state: "pending-verify", version: "1.1.0", reports: true, pollSeconds: 600 });
}

describe("agent with an update", () => {
	it("takes an update to its restart", async () => {
		const states: string[] = [];
		const percents: number[] = [];
		const events = {
			update: (state: string) => void states.push(state),
			progress: (percent: number) => void percents.push(percent),
		};
		const { agent, server, slots, until, host } = await bench({ events });
		server.onCheck = () => offer;
		await until(() => host.restarts === 1);
		assert.deepEqual(states, ["download", "install", "reboot"]);
		assert.deepEqual(percents, [0, 25, 51, 76, 100]);
		assert.deepEqual(slots.calls, ["write 2000", "finish", "activate"]);
		assert.equal(agent.state, "restarting");
		assert.equal(server.closed, 1, "connections are closed before the restart");
		await sleep(60);
		assert.equal(count(server, "check"), 1, "nothing happens after the restart was asked for");
		await agent.stop();
	});

	it("fetches with a new token when the old one ends between offer and download", async () => {
		const { agent, server, until, host } = await bench();
		let downloads = 0;
		server.onCheck = () => offer;
		server.onDownload = (sink) => {
			downloads += 1;
			if (downloads === 1) throw failed("server.token-refused");
			send(sink);
		};
		await until(() => host.restarts === 1);
		assert.deepEqual(server.calls, ["authenticate", "check t1", "download 7 t1", "authenticate", "download 7 t2"]);
		await agent.stop();
	});

	it("tries a download that broke off again, with growing pauses", async () => {
		const { agent, server, until, host } = await bench();
		let downloads = 0;
		server.onCheck = () => offer;
		server.onDownload = (sink) => {
			downloads += 1;
			if (downloads < 3) throw failed("net.reset");
			send(sink);
		};
		await until(() => host.restarts === 1);
		await agent.stop();
		assert.equal(downloads, 3);
	});

	it("comes back when an update that has to wait may go on", async () => {
		let asked = 0;
		const policy = { allows: () => ++asked > 2 || 40 };
		const { agent, server, until, host } = await bench({ pollSeconds: 600, rules: { policy } });
		server.onCheck = () => offer;
		await until(() => host.restarts === 1);
		assert.equal(count(server, "check"), 3);
		assert.equal(count(server, "download"), 1);
		await agent.stop();
	});

	it("asks an application again at once when it is told to check", async () => {
		let allowed = false;
		const { agent, server, until, host } = await bench({ pollSeconds: 600, rules: { policy: { allows: () => allowed } } });
		server.onCheck = () => offer;
		await until(() => agent.state === "idle");
		assert.equal(host.restarts, 0);
		allowed = true;
		agent.checkNow();
		await until(() => host.restarts === 1);
		await agent.stop();
	});

	it("calls an update off when it is told to, goes on polling and does not fetch it again", async () => {
		const { agent, server, until, host } = await bench();
		server.onCheck = () => offer;
		server.onDownload = async (sink, cancellation) => {
			sink.begin({ length: bytes.byteLength });
			assert.isTrue(agent.cancelUpdate("not today"));
			cancellation.throwIfCancelled();
		};
		await until(() => count(server, "check") >= 4);
		assert.isFalse(agent.cancelUpdate("not today"));
		await agent.stop();
		assert.equal(count(server, "download"), 1);
		assert.equal(host.restarts, 0);
	});

	it("ends a download when it is stopped, and leaves it to be gone on with", async () => {
		const { agent, server, until, host } = await bench();
		server.onCheck = () => offer;
		server.onDownload = (sink, cancellation) =>
			new Promise((_, reject) => {
				sink.begin({ length: bytes.byteLength });
				sink.block(bytes.subarray(0, 512));
				cancellation.add(() => reject(cancellation.reason));
			});
		await until(() => host.slots.calls.length > 0);
		await agent.stop();
		assert.equal(agent.state, "stopped");
		assert.isTrue(host.updater.cancel("x", "server"), "it waits");
	});

	it("takes no offer for new that the server made before it knew of the last update's end", async () => {
		const { agent, server, log, until } = await benchOnTrial();
		server.onCheck = () => (server.calls.includes("report success") ? undefined : offer);
		await until(() => agent.state === "idle" && count(server, "check") === 2);
		assert.deepEqual(server.calls, ["authenticate", "check t1", "report success", "check t1"]);
		assert.equal(log.with("is running already").length, 0);
		await agent.stop();
	});

	it("tells how an update ended once in a poll, again after a pause, not with the next poll, and before it asks for anything else", async () => {
		const { agent, server, updater, until } = await benchOnTrial();
		let told = 0;
		server.report = async () => {
			told += 1;
			server.calls.push("report");
			if (told < 3) throw failed("server.failed");
		};
		await until(() => told === 3);
		await agent.stop();
		assert.isFalse(updater.untold);
		assert.deepEqual(server.calls.slice(0, 6), ["authenticate", "check t1", "report", "report", "check t1", "report"]);
	});

	it("tells how an update ended again no sooner than the server says, and not with the poll that is due before", async () => {
		const { agent, server, until } = await benchOnTrial();
		const times: number[] = [];
		server.report = async () => {
			times.push(Time.ticks);
			if (times.length < 2) throw new ServerError("server.busy", "come back later", 429, 1_500);
		};
		await until(() => times.length === 2);
		await agent.stop();
		assert.isAtLeast((times[1] ?? 0) - (times[0] ?? 0), 1_500);
	});

	it("fetches a bad package once, says so once, and goes on polling", async () => {
		const troubles: FleetlingError[] = [];
		const { agent, server, log, until } = await bench({ events: { trouble: (error) => void troubles.push(error) } });
		server.onCheck = () => ({ ...offer, sha256: "0".repeat(64) });
		await until(() => count(server, "check") >= 6);
		await agent.stop();
		assert.equal(count(server, "download"), 1);
		assert.equal(log.with("update.known-bad").length, 1);
		assert.deepEqual(
			troubles.map((error) => error.code),
			["update.wrong-hash", "update.known-bad"],
		);
	});
});
