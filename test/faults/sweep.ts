/** Disturbs updates by a proxy between a device and its server, one fault each, several devices at a time, and judges how they end. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { makeImage } from "../../targets/host/image/image";
import { createAuthority } from "../pki/pki";
import type { Action, Disturbance } from "../servers/proxy/disturbances";
import { TcpProxy } from "../servers/proxy/proxy";
import { runXS, type XSProgram } from "../xs/driver";
import type { FaultJob, FaultResult } from "./faults-steps";
import { numbers } from "./numbers";
import { boundaries, type FaultPlace, type Protocol, percents, type Recording } from "./places";
import { PackageServer } from "./server";

export const faultKinds = ["cut", "reset", "stall", "slow", "corrupt", "duplicate"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One update with one fault. */
export interface Fault {
	readonly kind: FaultKind | "refused";
	readonly place: FaultPlace;
}

/** What a network may cost beside the package: of each connection, and of each that was interrupted. */
const headBytes = 1_024;
const handshakeBytes = 6_144;
const interruptionBytes = 65_536;

/** Milliseconds. The sweep's network answers at once; what is silent for that long is silent for good. */
const timeouts = { connect: 2_000, send: 2_000, headers: 1_500, idle: 1_000 };
const polls = 4;
/** Milliseconds that one update may take: every attempt of every poll stalls, on a machine that is busy with other things. */
const deadline = 60_000;
const packageBytes = 200_000;

const actions: Readonly<Record<FaultKind, Action>> = {
	cut: { kind: "cut" },
	reset: { kind: "cut", reset: true },
	stall: { kind: "stall" },
	slow: { kind: "slow", bytesPerSecond: 400_000 },
	corrupt: { kind: "corrupt" },
	duplicate: { kind: "duplicate", bytes: 61 },
};

/** Faults that plain TCP hides: something else arrives than was sent. */
const hidden: readonly string[] = ["corrupt", "duplicate"];
/** How an update may end when what arrived is something else: refused, whatever it looks like, or not understood for good. */
const rightErrors =
	/^(update\.(wrong-hash|wrong-size|wrong-project|same-version|unknown-package|changed|gone)|image\.|http\.|net\.|server\.failed)/;

export interface Ended {
	readonly fault: Fault;
	readonly result: FaultResult;
	readonly connections: number;
	readonly problem: string | undefined;
}

export interface SweepFigures {
	readonly protocol: Protocol;
	readonly faults: number;
	readonly failures: readonly Ended[];
	readonly outcomes: ReadonlyMap<string, number>;
	/** The most that an interruption has cost beyond what an update without one costs. */
	readonly mostExtra: number;
	readonly seconds: number;
}

function makePackage(seed: number): Buffer {
	const random = numbers(seed);
	const data = Buffer.from(Array.from({ length: packageBytes }, () => random.next().value & 0xff));
	// chipId: that of the slots that the program makes up.
	return Buffer.from(makeImage({ version: "1.1.0", projectName: "fleetling", chipId: 5, segments: [{ data }] }));
}

export interface FaultSweepOptions {
	readonly protocol: Protocol;
	readonly seed: number;
	/** At every so many percent of the stream. */
	readonly every: number;
	/** Of the boundaries, one of so many. */
	readonly thin?: number;
	/** Devices at a time. */
	readonly parallel: number;
	readonly kinds?: readonly FaultKind[];
	readonly onEnd?: (ended: Ended) => void;
}

export class FaultSweep {
	readonly #options: FaultSweepOptions;
	readonly #server: PackageServer;
	readonly #program: XSProgram;
	#id = 0;
	/** Bytes that an update costs which nothing disturbs. */
	#plain = 0;

	private constructor(options: FaultSweepOptions, server: PackageServer, program: XSProgram) {
		this.#options = options;
		this.#server = server;
		this.#program = program;
	}

	static async run(options: FaultSweepOptions): Promise<SweepFigures> {
		const { protocol, seed } = options;
		const authority = protocol === "tls" ? await createAuthority({ name: "Faults" }) : undefined;
		const issued = await authority?.issue({ ips: ["127.0.0.1"] });
		const server = await PackageServer.start(makePackage(seed), issued && { key: issued.keyPEM, cert: issued.chainPEM });
		const program = await runXS({
			main: "test/integration/programs/faults.ts",
			parameters: { timeouts, polls, ...(authority && { authorities: authority.certPEM }) },
			timeout: 3_600_000,
		});
		try {
			await program.waitFor(({ event }) => event === "ready");
			return await new FaultSweep(options, server, program).#run();
		} finally {
			program.kill();
			await program.done;
			await server.stop();
		}
	}

	async #run(): Promise<SweepFigures> {
		const { protocol, every, thin = 1, kinds = faultKinds, seed, parallel, onEnd } = this.#options;
		const begin = Date.now();
		const recording = await this.#record();
		const edges = boundaries(protocol, recording).filter((_, index) => index % thin === seed % thin);
		const places = [...percents(recording, every), ...edges];
		const faults: Fault[] = places.flatMap((place) => kinds.map((kind) => ({ kind, place })));
		faults.push({ kind: "refused", place: { name: "while it connects", direction: "toServer", byte: 0 } });
		const outcomes = new Map<string, number>();
		const failures: Ended[] = [];
		let mostExtra = 0;
		let next = 0;
		const worker = async (): Promise<void> => {
			for (let fault = faults[next++]; fault; fault = faults[next++]) {
				const ended = await this.#live(fault);
				const { outcome } = ended.result;
				const key = `${fault.kind}: ${outcome}`;
				outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
				if (ended.problem !== undefined) failures.push(ended);
				if (outcome === "installed") mostExtra = Math.max(mostExtra, ended.result.received - this.#plain);
				onEnd?.(ended);
			}
		};
		await Promise.all(Array.from({ length: parallel }, worker));
		return { protocol, faults: faults.length, failures, outcomes, mostExtra, seconds: (Date.now() - begin) / 1000 };
	}

	#job(port: number): FaultJob {
		const { protocol } = this.#options;
		const { sha256, package: bytes } = this.#server;
		const url = `${protocol === "tls" ? "https" : "http"}://127.0.0.1:${port}/${protocol === "chunks" ? "chunked" : "fixed"}`;
		return { id: ++this.#id, url, sha256, size: bytes.length };
	}

	async #update(port: number): Promise<FaultResult> {
		const job = this.#job(port);
		this.#program.send(job);
		const result = this.#program.waitFor(({ event, id }) => event === "result" && id === job.id);
		const late = pause(deadline, undefined, { ref: false }).then(() => {
			throw new Error(`an update has not ended within ${deadline / 1000} s`);
		});
		return (await Promise.race([result, late])) as unknown as FaultResult;
	}

	/** An update that nothing disturbs, byte for byte. */
	async #record(): Promise<Recording> {
		const proxy = await TcpProxy.start({ target: { port: this.#server.port } });
		const passed = { toServer: [] as Buffer[], toClient: [] as Buffer[] };
		for (const direction of ["toServer", "toClient"] as const)
			proxy.disturb({
				direction,
				at: {
					find: (chunk) => {
						passed[direction].push(Buffer.from(chunk));
						return undefined;
					},
				},
				action: { kind: "stall" },
			});
		const result = await this.#update(proxy.port);
		await proxy.stop();
		assert.equal(result.outcome, "installed", `without any fault: ${result.text}`);
		assert.ok(result.intact && result.errors.length === 0);
		const recording = { toServer: Buffer.concat(passed.toServer), toClient: Buffer.concat(passed.toClient) };
		this.#plain = result.received;
		return recording;
	}

	async #live(fault: Fault): Promise<Ended> {
		const proxy = await TcpProxy.start({ target: { port: this.#server.port } });
		try {
			const update =
				fault.kind === "refused" ? await this.#refused(proxy) : await this.#disturbed(proxy, fault.kind, fault.place);
			const ended = { fault, result: update, connections: proxy.totals.connections };
			return { ...ended, problem: this.#judge(ended) };
		} catch (error) {
			const result = { id: 0, outcome: "none", text: String(error), received: 0, intact: false, errors: [], milliseconds: 0 };
			return { fault, result, connections: 0, problem: String(error) };
		} finally {
			proxy.calm();
			await proxy.stop();
		}
	}

	async #refused(proxy: TcpProxy): Promise<FaultResult> {
		await proxy.down();
		const update = this.#update(proxy.port);
		await pause(300);
		await proxy.up();
		return update;
	}

	async #disturbed(proxy: TcpProxy, kind: FaultKind, { direction, byte }: FaultPlace): Promise<FaultResult> {
		const disturbance: Disturbance = { direction, at: { byte }, action: actions[kind], connections: (id) => id === 1 };
		proxy.disturb(disturbance);
		return this.#update(proxy.port);
	}

	/** What is wrong with how it ended; undefined when nothing is. */
	#judge({ fault, result, connections }: Omit<Ended, "problem">): string | undefined {
		const { outcome, intact, text, received } = result;
		const secret = this.#options.protocol === "tls";
		const mayFail = !secret && hidden.includes(fault.kind);
		if (outcome !== "installed" && !(mayFail && rightErrors.test(outcome))) return `ended with ${outcome}: ${text}`;
		if (outcome === "installed" && !intact) return "something else was installed than was offered";
		const each = headBytes + (secret ? handshakeBytes : 0);
		const again = mayFail ? this.#server.package.length : 0;
		const most = this.#plain + again + connections * each + (connections - 1) * interruptionBytes;
		if (received > most) return `${received} bytes in ${connections} connections, at most ${most} were needed`;
		if (fault.kind === "slow" && connections > 1) return `a slow network was given up: ${result.errors.join(", ")}`;
		return undefined;
	}
}
