import { assert } from "chai";
import { Agent } from "fleetling/agent/agent";
import type { AgentEvents } from "fleetling/agent/events";
import { FactSheet } from "fleetling/agent/facts";
import { Identity } from "fleetling/agent/identity";
import { type Grant, type Server, ServerError } from "fleetling/agent/server";
import type { Cancellation } from "fleetling/common/cancellation";
import { SHA256 } from "fleetling/common/crypto";
import type { Sink } from "fleetling/common/sink";
import { sleep } from "fleetling/common/time";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import { SlotImageInstaller } from "fleetling/update/installers/slot-image";
import type { Offer } from "fleetling/update/offer";
import { rawImage } from "fleetling/update/readers/raw-image";
import { Updater } from "fleetling/update/updater";
import Hex from "hex";
import { describe, it } from "test/harness";
import Time from "time";
import { image } from "../fakes/image";
import { Lines } from "../fakes/log";
import { FakeSlots, type FakeSlotsOptions } from "../fakes/slots";
import { MemoryStore } from "../fakes/store";

const bytes = image({ length: 2000 });
const offer: Offer = { id: "7", url: "https://x/", sha256: Hex.toString(new SHA256().update(bytes).digest()).toLowerCase() };

function failed(code: ErrorCode): FleetlingError {
	return new FleetlingError(code, `${code} happened`);
}

/** A server whose answers the test sets. */
class FakeServer implements Server {
	readonly name = "test server";
	readonly calls: string[] = [];
	/** Milliseconds at which `check` or, before a token was given, `authenticate` was called. */
	readonly times: number[] = [];
	tokens = 0;
	closed = 0;
	onAuthenticate: () => void = () => {};
	onCheck: (token: string) => Offer | undefined = () => undefined;
	onDownload: (sink: Sink) => void = send;

	async authenticate(): Promise<Grant> {
		this.calls.push("authenticate");
		this.times.push(Time.ticks);
		this.onAuthenticate();
		this.tokens += 1;
		return { token: `t${this.tokens}` };
	}

	async check(token: string): Promise<Offer | undefined> {
		this.calls.push(`check ${token}`);
		this.times.push(Time.ticks);
		return this.onCheck(token);
	}

	async download(token: string, { id }: Offer, sink: Sink, cancellation: Cancellation): Promise<void> {
		cancellation.throwIfCancelled();
		this.calls.push(`download ${id} ${token}`);
		this.onDownload(sink);
	}

	close(): void {
		this.closed += 1;
	}
}

function send(sink: Sink): void {
	sink.begin({ length: bytes.byteLength });
	for (let at = 0; at < bytes.byteLength; at += sink.buffer.byteLength)
		sink.block(bytes.subarray(at, at + sink.buffer.byteLength));
}

let identity: Identity | undefined;

interface BenchOptions extends FakeSlotsOptions {
	readonly pollSeconds?: number;
	readonly checkInSeconds?: number;
	readonly store?: MemoryStore;
	readonly events?: AgentEvents;
}

class Bench {
	readonly server = new FakeServer();
	readonly log = new Lines();
	readonly slots: FakeSlots;
	readonly updater: Updater;
	readonly agent: Agent;
	readonly store: MemoryStore;
	restarts = 0;

	constructor(key: Identity, options: BenchOptions) {
		const { pollSeconds = 0.02, checkInSeconds = 5 } = options;
		this.slots = new FakeSlots(options);
		this.store = options.store ?? new MemoryStore();
		this.updater = new Updater({
			slots: this.slots,
			store: this.store,
			log: this.log.tag("update"),
			readers: [rawImage],
			installers: { "esp32-image": () => new SlotImageInstaller(this.slots) },
			resetReason: "restart",
			restart: () => {
				this.restarts += 1;
			},
		});
		this.updater.boot(checkInSeconds * 1000);
		const memory = { slotsUsed: 0, slotsPeak: 0, chunksUsed: 0, chunksPeak: 0, stackPeak: 0, limit: 0 };
		this.agent = new Agent({
			settings: { pollSeconds, checkInSeconds, blockBytes: 512 },
			server: this.server,
			identity: key,
			updater: this.updater,
			facts: new FactSheet({
				system: {
					resetReason: "restart",
					target: "test",
					engine: "13",
					restart: () => {},
					ticks: () => Time.ticks,
					memory: () => memory,
				},
				version: () => this.updater.version,
				slot: "ota_0",
				deviceType: "thermostat",
				mac: "24:6f:28:aa:bb:cc",
			}),
			log: this.log.tag("agent"),
			random: () => 0.5,
			ticks: () => Time.ticks,
			...(options.events && { events: options.events }),
		});
	}

	/** Lets the agent live until `done`, or fails. */
	async until(done: () => boolean): Promise<void> {
		this.agent.start();
		const start = Time.ticks;
		while (!done()) {
			if (Time.ticks - start > 5_000) assert.fail(`did not happen: ${this.log.lines.join("\n")}`);
			await sleep(5);
		}
	}
}

async function bench(options: BenchOptions = {}): Promise<Bench> {
	identity ??= await Identity.load(new MemoryStore(), "p-256", new Lines().tag());
	return new Bench(identity, options);
}

/** Counts calls that begin so. */
function count(server: FakeServer, call: string): number {
	return server.calls.filter((name) => name.startsWith(call)).length;
}

describe("agent", () => {
	it("authenticates once and polls at intervals", async () => {
		const { agent, server, log, until } = bound(await bench());
		await until(() => count(server, "check") >= 5);
		await agent.stop();
		assert.deepEqual(server.calls.slice(0, 3), ["authenticate", "check t1", "check t1"]);
		assert.equal(log.with("no update").filter((line) => line.startsWith("I")).length, 1, "no news with each poll");
	});

	it("spreads its polls by a tenth", async () => {
		const { agent, server, until } = bound(await bench({ pollSeconds: 0.2 }));
		await until(() => count(server, "check") >= 3);
		await agent.stop();
		const [, , second = 0, third = 0] = server.times;
		assert.approximately(third - second, 200, 60);
	});

	it("stops cleanly, whatever it does, and stays stopped", async () => {
		const { agent, server, until } = bound(await bench({ pollSeconds: 600 }));
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
		const { agent, server, until } = bound(await bench({ pollSeconds: 600 }));
		await until(() => agent.state === "idle");
		agent.checkNow();
		await until(() => count(server, "check") === 2);
		await agent.stop();
	});

	it("checks once more when it was asked to during a check", async () => {
		const { agent, server, until } = bound(await bench({ pollSeconds: 600 }));
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
		const { agent, server, log, until } = bound(await bench());
		server.onAuthenticate = () => {
			throw failed("server.not-approved");
		};
		await until(() => count(server, "authenticate") >= 6);
		assert.equal(agent.state, "pending");
		assert.equal(log.with("approve 24:6f:28:aa:bb:cc").length, 1);
		assert.equal(count(server, "check"), 0);
		server.onAuthenticate = () => {};
		await until(() => count(server, "check") >= 1);
		await agent.stop();
		assert.equal(log.with("has let this device in").length, 1);
	});

	it("gets a new token when the server refuses the old one, between any two calls", async () => {
		const { agent, server, until } = bound(await bench());
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
		const { agent, server, log, until } = bound(await bench());
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
		const { agent, server, log, until } = bound(await bench());
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
		const { agent, server, until } = bound(await bench());
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

	it("takes an update to its restart", async () => {
		const states: string[] = [];
		const percents: number[] = [];
		const events = {
			update: (state: string) => void states.push(state),
			progress: (percent: number) => void percents.push(percent),
		};
		const { agent, server, slots, until, host } = bound(await bench({ events }));
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
		const { agent, server, until, host } = bound(await bench());
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
		const { agent, server, until, host } = bound(await bench());
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

	it("fetches a bad package once, says so once, and goes on polling", async () => {
		const troubles: FleetlingError[] = [];
		const { agent, server, log, until } = bound(await bench({ events: { trouble: (error) => void troubles.push(error) } }));
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

	it("confirms a firmware on trial by its first check-in", async () => {
		const { agent, slots, updater, until } = bound(await bench({ running: 1, state: "pending-verify", version: "1.1.0" }));
		assert.isTrue(updater.onTrial);
		await until(() => slots.calls.includes("confirm"));
		await agent.stop();
		assert.isFalse(updater.onTrial);
	});

	it("does not confirm when it is let in but its check fails", async () => {
		const { agent, server, slots, until } = bound(await bench({ running: 1, state: "pending-verify" }));
		server.onCheck = () => {
			throw failed("server.failed");
		};
		await until(() => count(server, "check") >= 2);
		await agent.stop();
		assert.deepEqual(slots.calls, []);
	});

	it("tries often enough on trial, although polls are far apart", async () => {
		const options = { running: 1, state: "pending-verify", pollSeconds: 900, checkInSeconds: 0.6 } as const;
		const { agent, server, slots, until } = bound(await bench(options));
		server.onCheck = () => {
			throw failed("net.refused");
		};
		await until(() => slots.calls.includes("rollBack"));
		await agent.stop();
		assert.isAtLeast(count(server, "check"), 5);
	});

	it("is not stopped by an application's mistake", async () => {
		const events = {
			state: () => {
				throw new Error("application");
			},
		};
		const { agent, server, log, until } = bound(await bench({ events }));
		await until(() => count(server, "check") >= 3);
		await agent.stop();
		assert.isAtLeast(log.with("application").length, 1);
	});
});

function bound(host: Bench) {
	const { agent, server, log, slots, updater } = host;
	return { agent, server, log, slots, updater, host, until: (done: () => boolean) => host.until(done) };
}
