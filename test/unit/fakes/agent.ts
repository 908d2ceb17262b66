import { assert } from "chai";
import { Agent } from "fleetling/agent/agent";
import type { AgentEvents } from "fleetling/agent/events";
import { FactSheet } from "fleetling/agent/facts";
import { Identity } from "fleetling/agent/identity";
import type { Grant, Server } from "fleetling/agent/server";
import type { Cancellation } from "fleetling/common/cancellation";
import { SHA256 } from "fleetling/common/crypto";
import type { Sink } from "fleetling/common/sink";
import { sleep } from "fleetling/common/time";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import type { UpdateRules } from "fleetling/update/gate";
import { SlotImageInstaller } from "fleetling/update/installers/slot-image";
import type { Offer } from "fleetling/update/offer";
import { verbatim } from "fleetling/update/reader";
import { rawImage } from "fleetling/update/readers/raw-image";
import { Updater } from "fleetling/update/updater";
import Hex from "hex";
import Time from "time";
import { image } from "./image";
import { Lines } from "./log";
import { FakeSlots, type FakeSlotsOptions } from "./slots";
import { MemoryStore } from "./store";

export const bytes = image({ length: 2000 });
export const offer: Offer = {
	id: "7",
	url: "https://x/",
	sha256: Hex.toString(new SHA256().update(bytes).digest()).toLowerCase(),
};

export function failed(code: ErrorCode): FleetlingError {
	return new FleetlingError(code, `${code} happened`);
}

/** A server whose answers the test sets. */
export class FakeServer implements Server {
	readonly name = "test server";
	readonly calls: string[] = [];
	/** Milliseconds at which `check` or, before a token was given, `authenticate` was called. */
	readonly times: number[] = [];
	tokens = 0;
	closed = 0;
	onAuthenticate: () => void = () => {};
	onCheck: (token: string) => Offer | undefined = () => undefined;
	onDownload: (sink: Sink, cancellation: Cancellation) => void | Promise<void> = send;
	report?: Server["report"] & {};

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
		await this.onDownload(sink, cancellation);
	}

	close(): void {
		this.closed += 1;
	}
}

export function send(sink: Sink): void {
	sink.begin({ length: bytes.byteLength });
	for (let at = 0; at < bytes.byteLength; at += sink.buffer.byteLength)
		sink.block(bytes.subarray(at, at + sink.buffer.byteLength));
}

let identity: Identity | undefined;

export interface AgentBenchOptions extends FakeSlotsOptions {
	readonly pollSeconds?: number;
	/** Of the agent. */
	readonly random?: () => number;
	readonly checkInSeconds?: number;
	readonly store?: MemoryStore;
	readonly events?: AgentEvents;
	readonly rules?: UpdateRules;
	/** The server wants to be told how updates end. */
	readonly reports?: boolean;
}

export class AgentBench {
	readonly server = new FakeServer();
	readonly log = new Lines();
	readonly slots: FakeSlots;
	readonly updater: Updater;
	readonly agent: Agent;
	readonly store: MemoryStore;
	restarts = 0;

	constructor(key: Identity, options: AgentBenchOptions) {
		const { pollSeconds = 0.02, checkInSeconds = 5 } = options;
		this.slots = new FakeSlots(options);
		this.store = options.store ?? new MemoryStore();
		this.updater = new Updater({
			slots: this.slots,
			store: this.store,
			log: this.log.tag("update"),
			packages: () => ({
				readers: [verbatim(rawImage)],
				installers: { "esp32-image": (slots) => new SlotImageInstaller(slots) },
			}),
			random: () => 0.01,
			ticks: () => Time.ticks,
			clock: () => 1_800_000_000_000,
			resetReason: "restart",
			restart: () => {
				this.restarts += 1;
			},
		});
		this.updater.boot(checkInSeconds * 1000);
		this.updater.rules = options.rules ?? {};
		if (options.reports) this.server.report = async (_, { outcome }) => void this.server.calls.push(`report ${outcome}`);
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
					forget: () => {},
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
			random: options.random ?? (() => 0.5),
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

async function made(options: AgentBenchOptions = {}): Promise<AgentBench> {
	identity ??= await Identity.load(new MemoryStore(), "p-256", new Lines().tag());
	return new AgentBench(identity, options);
}

/** Counts calls that begin so. */
export function count(server: FakeServer, call: string): number {
	return server.calls.filter((name) => name.startsWith(call)).length;
}

/** A device with an agent that has not been started, and what there is to look at. */
export async function bench(options: AgentBenchOptions = {}) {
	const host = await made(options);
	const { agent, server, log, slots, updater } = host;
	return { agent, server, log, slots, updater, host, until: (done: () => boolean) => host.until(done) };
}
