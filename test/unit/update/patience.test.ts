import { assert } from "chai";
import type { Sink } from "fleetling/common/sink";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";
import { Bench, type Delivery, deliver, offerOf } from "../fakes/bench";
import { rejects } from "../fakes/errors";
import { image } from "../fakes/image";

const bytes = image({ length: 5000 });
const offer = offerOf(bytes);

/** Milliseconds that a block takes. */
const slowness = 40_000;

class SlowBench extends Bench {
	blocks = 0;

	constructor() {
		super();
		this.updater.boot(1_000);
	}

	/** Serves what is missing, so slowly. `announced`: whether the server tells how long it is. */
	slow(announced: boolean, options: Delivery = {}): Promise<unknown> {
		return this.fetch(offer, (sink) => {
			const { buffer, missing } = sink;
			const slowed: Sink = {
				buffer,
				...(missing && { missing }),
				begin: ({ length, ...head }) => sink.begin(announced && length !== undefined ? { ...head, length } : head),
				block: (part) => {
					this.blocks++;
					this.uptime += slowness;
					sink.block(part);
				},
			};
			deliver(slowed, bytes, undefined, options);
		});
	}
}

describe("a slow download", () => {
	it("may not take for ever: it goes on after a look at the server", async () => {
		const bench = new SlowBench();
		await rejects("update.too-slow", () => bench.slow(true));
		assert.equal(bench.blocks, 4, "120 s and those for 5000 bytes at the slowest rate");
		assert.deepEqual(await bench.install(bytes), { kind: "restarting" });
		assert.deepEqual(bench.starts, [0, 2048]);
	});

	it("of unknown length has the time for all that its slot holds", async () => {
		const bench = new SlowBench();
		await rejects("update.too-slow", () => bench.slow(false));
		assert.equal(bench.blocks, 5, "120 s and 64 for 64 KiB at the slowest rate");
		assert.deepEqual(await bench.install(bytes), { kind: "restarting" });
		assert.deepEqual(bench.starts, [0, 2560]);
	});

	it("tells whoever carries it how long that may take, and shares the time between its transfers", async () => {
		const bench = new SlowBench();
		const patience: (number | undefined)[] = [];
		let transfers = 0;
		const result = await bench.fetch(offer, (sink) => {
			patience.push(sink.patience);
			bench.uptime += 1_000;
			const first = transfers++ === 0;
			deliver(sink, bytes, first ? 2048 : undefined, { code: "net.reset" });
			if (first) bench.uptime += 50_000;
		});
		assert.deepEqual(result, { kind: "restarting" });
		assert.equal(patience[0], 120_000 + 64_000, "nothing is known of its length yet");
		// The first transfer began with its head, so that only what came after that counts.
		assert.approximately(patience[1] ?? 0, 120_000 + 4_883, 1_000);
	});

	it("that brings less than a block until the time is over ends too", async () => {
		const bench = new SlowBench();
		const trickle = (sink: Sink): void => {
			sink.begin({ length: bytes.byteLength });
			bench.uptime += sink.patience ?? 0;
			throw new FleetlingError("net.timeout", "the whole request took too long");
		};
		await rejects("update.too-slow", () => bench.fetch(offer, trickle));
		assert.deepEqual(bench.starts, [0]);
	});
});

describe("a slot that is being read again", () => {
	const large = image({ length: 150_000 });
	const wanted = offerOf(large);

	it("when the agent is stopped is read from its start the next time", async () => {
		const size = 200_000;
		const first = new Bench({ size });
		first.updater.boot(1_000);
		await rejects("server.failed", () => first.install(large, wanted, 140_800));
		const bench = first.next({ size, resetReason: "power-on" });
		bench.updater.boot(1_000);
		const { slots } = bench;
		const read = slots.read.bind(slots);
		let reads = 0;
		slots.read = (label, offset, buffer) => {
			if (++reads === 3) bench.updater.interrupt(new FleetlingError("server.stopped", "stopped"));
			read(label, offset, buffer);
		};
		await rejects("server.stopped", () => bench.install(large, wanted));
		assert.deepEqual(bench.starts, []);
		assert.deepEqual(await bench.install(large, wanted), { kind: "restarting" });
		assert.deepEqual(bench.starts, [140_288]);
		await sleep(0);
		assert.deepEqual(slots.flash.content.slice(-200), [...large.subarray(-200)]);
	});
});
