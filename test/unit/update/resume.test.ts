import { assert } from "chai";
import { limits } from "fleetling/common/deadlines";
import type { Portion, Sink } from "fleetling/common/sink";
import { FleetlingError } from "fleetling/error/error";
import type { Installed } from "fleetling/update/installer";
import { describe, it } from "test/harness";
import { Bench, type Delivery, deliver, offerOf, onTrial } from "../fakes/bench";
import { bottom, box, boxes, lid } from "../fakes/box";
import { rejects } from "../fakes/errors";
import { image } from "../fakes/image";
import { markStep } from "../fakes/slots";

const bytes = image({ length: 5000 });
const offer = offerOf(bytes);

function begun(options: ConstructorParameters<typeof Bench>[0] = {}): Bench {
	const bench = new Bench(options);
	bench.updater.boot(1_000);
	return bench;
}

/** Serves `body` so that the n-th transfer breaks at the n-th place, and the others do not. */
function breaking(places: readonly number[], body = bytes, options: Delivery = {}): (sink: Sink) => void {
	let transfers = 0;
	return (sink) => deliver(sink, body, places[transfers++], { code: "net.reset", ...options });
}

describe("a download that breaks", () => {
	it("goes on where it was, within the same update, as often as it takes", async () => {
		const bench = begun();
		const result = await bench.fetch(offer, breaking([512, 2048, 2048, 4608]));
		assert.deepEqual(result, { kind: "restarting" });
		assert.deepEqual(bench.starts, [0, 512, 2048, 2048, 4608]);
		assert.deepEqual(bench.slots.calls, ["write 5000", "finish", "activate"]);
		assert.deepEqual(bench.slots.flash.content, [...bytes]);
		assert.deepEqual(
			bench.percents,
			[...bench.percents].sort((a, b) => a - b),
		);
		assert.equal(bench.percents.at(-1), 100);
	});

	it("behind its last byte is complete", async () => {
		const bench = begun();
		const result = await bench.fetch(offer, (sink) => {
			deliver(sink, bytes);
			throw new FleetlingError("net.reset", "before the end was said");
		});
		assert.deepEqual(result, { kind: "restarting" });
		assert.deepEqual(bench.starts, [0]);
	});

	it("is not asked for again and again when nothing new comes", async () => {
		const bench = begun();
		await rejects("net.reset", () => bench.fetch(offer, breaking(Array(20).fill(512))));
		assert.deepEqual(bench.starts, [0, 512, 512, 512, 512, 512]);
		assert.deepEqual(await bench.install(bytes), { kind: "restarting" });
		assert.equal(bench.starts.at(-1), 512, "what there was of it has been kept");
	});

	it("names what it has, so that the server can tell whether that is still worth anything", async () => {
		const bench = begun();
		const asked: (Portion | undefined)[] = [];
		const serve = breaking([1024]);
		await bench.fetch(offer, (sink) => {
			asked.push(sink.missing);
			serve(sink);
		});
		assert.deepEqual(asked, [undefined, { start: 1024, validator: '"5000"' }]);
	});

	it("begins again when the server sends the whole, and does not ask it for a part again", async () => {
		const bench = begun();
		await rejects("net.reset", () => bench.fetch(offer, breaking([2048, 3072], bytes, { whole: true })));
		assert.deepEqual(bench.starts, [0, 2048], "a third transfer from the start waits for a check first");
		assert.deepEqual(await bench.fetch(offer, breaking([], bytes, { whole: true })), { kind: "restarting" });
		assert.deepEqual(bench.starts, [0, 2048, 0]);
		assert.deepEqual(bench.slots.flash.content, [...bytes]);
		assert.deepEqual(
			bench.percents,
			[...bench.percents].sort((a, b) => a - b),
			"never backwards",
		);
	});

	it("begins again after a part of another place", async () => {
		const bench = begun();
		const parts: (number | undefined)[] = [];
		const result = await bench.fetch(offer, (sink) => {
			parts.push(sink.missing?.start);
			if (parts.length === 1) deliver(sink, bytes, 1024, { code: "net.closed" });
			else if (parts.length === 2) throw new FleetlingError("update.bad-range", "bytes 0-4999/5000");
			else deliver(sink, bytes);
		});
		assert.deepEqual(result, { kind: "restarting" });
		assert.deepEqual(parts, [undefined, 1024, undefined]);
	});

	it("does not put bytes into the wrong place, whoever hands them over", async () => {
		const bench = begun();
		let transfers = 0;
		const result = await bench.fetch(offer, (sink) => {
			if (transfers++ !== 1) deliver(sink, bytes, transfers === 1 ? 1024 : undefined, { code: "net.closed" });
			else sink.begin({ start: 512, length: 5000 });
		});
		assert.deepEqual(result, { kind: "restarting" });
		assert.deepEqual(bench.slots.flash.content, [...bytes]);
	});

	for (const [what, changed] of [
		["validator", { body: bytes, validator: '"other"' }],
		["length", { body: image({ length: 5001 }), validator: undefined }],
	] as const)
		it(`asks for a fresh offer when the package has another ${what} by now, and begins again then`, async () => {
			const bench = begun();
			let transfers = 0;
			const { body, validator } = changed;
			await rejects("update.changed", () =>
				bench.fetch(offer, (sink) =>
					transfers++ === 0
						? deliver(sink, bytes, 1024, { code: "net.closed" })
						: deliver(sink, body, undefined, { whole: true, validator }),
				),
			);
			assert.isUndefined(bench.updater.lastFailure, "nothing is known against any package");
			const fresh = offerOf(body);
			assert.deepEqual(await bench.install(body, fresh), { kind: "restarting" });
			assert.deepEqual(bench.starts, [0, 1024, 0]);
		});

	it("goes on with a fresh link to the same package, and begins again when the server says it is shorter", async () => {
		for (const [code, start] of [
			["update.gone", 1536],
			["update.changed", 0],
		] as const) {
			const bench = begun();
			await rejects("server.failed", () => bench.install(bytes, offer, 1536));
			await rejects(code, () =>
				bench.fetch(offer, () => {
					throw new FleetlingError(code, "403 or 416");
				}),
			);
			assert.deepEqual(await bench.install(bytes, { ...offer, id: "8", url: "https://y/" }), { kind: "restarting" });
			assert.deepEqual(bench.starts, [0, 1536, start], code);
		}
	});

	it("ends with the package's own error when what has come is bad", async () => {
		const bench = begun();
		const bad = offerOf(image({ length: 5000, version: "1.1.1" }));
		const result = await bench.fetch(bad, breaking([]));
		assert.equal(result.kind, "failed");
		assert.deepEqual(bench.starts, [0]);
	});

	it("is fetched once more in one piece when its parts do not fit, and only then blamed", async () => {
		const bench = begun();
		const bad = offerOf(image({ length: 5000, version: "1.1.1" }));
		await rejects("update.wrong-hash", () => bench.fetch(bad, breaking([1024])));
		assert.equal(bench.updater.lastFailure, undefined);
		assert.isUndefined(bench.record?.kept, "nor are they put together after a restart");
		assert.equal((await bench.fetch(bad, breaking([]))).kind, "failed");
		assert.deepEqual(bench.starts, [0, 1024, 0]);
		assert.equal(bench.updater.lastFailure?.code, "update.wrong-hash");
	});
});

describe("a download that a power cut ends", () => {
	async function cutAt(place: number, options: ConstructorParameters<typeof Bench>[0] = {}, body = bytes): Promise<Bench> {
		const bench = begun(options);
		await rejects("server.failed", () => bench.install(body, offerOf(body), place));
		const next = bench.next({ ...options, resetReason: "power-on" });
		assert.equal(next.updater.boot(1_000).kind, "interrupted");
		return next;
	}

	for (const place of [512, 1024, 2560, 4608])
		it(`at ${place} goes on from the last mark in the slot`, async () => {
			const bench = await cutAt(place);
			const done = place - (place % markStep);
			assert.deepEqual(await bench.install(bytes), { kind: "restarting" });
			assert.deepEqual(bench.starts, [done]);
			assert.equal(bench.slots.calls[0], done === 0 ? "write 5000" : `write 5000 from ${done}`);
			assert.equal(bench.slots.written.length, 5000 - done, "what is there is not written again");
			assert.deepEqual(bench.slots.flash.content, [...bytes]);
		});

	it("behind its last byte asks for none, when that lies on a mark", async () => {
		const body = image({ length: 4 * markStep });
		const bench = begun();
		await rejects("server.failed", () =>
			bench.fetch(offerOf(body), (sink) => {
				deliver(sink, body);
				throw new FleetlingError("server.failed", "the power goes");
			}),
		);
		const next = bench.next({ resetReason: "power-on" });
		assert.equal(next.updater.boot(1_000).kind, "interrupted");
		assert.deepEqual(await next.install(body), { kind: "restarting" });
		assert.deepEqual(next.starts, [], "a server answers that with 416, and then all of it would be fetched again");
		assert.deepEqual(next.slots.flash.content, [...body]);
	});

	it("and that is called off then leaves nothing bootable in the slot", async () => {
		const bench = await cutAt(4608);
		assert.isTrue(bench.updater.cancel("stop", "server"));
		assert.deepEqual(bench.slots.calls, ["invalidate"]);
	});

	it("tells no percent a second time", async () => {
		const bench = await cutAt(4608);
		await bench.install(bytes);
		assert.deepEqual(bench.percents, [100], "the fake's marks lie closer than what has to be reckoned with");
	});

	it("fetches the part before the image again, and no more", async () => {
		const body = box(bytes);
		const bench = await cutAt(lid + 2500, { readers: [boxes(true)] }, body);
		const asked: (Portion | undefined)[] = [];
		const result = await bench.fetch(offerOf(body), (sink) => {
			asked.push(sink.missing);
			deliver(sink, body);
		});
		assert.deepEqual(result, { kind: "restarting" });
		const validator = `"${body.byteLength}"`;
		assert.deepEqual(asked, [
			{ start: 0, end: lid, validator },
			{ start: lid + 2 * markStep, validator },
		]);
		assert.deepEqual(bench.slots.flash.content, [...bytes]);
		assert.equal(body.byteLength, lid + 5000 + bottom);
	});

	it("in that part is no different", async () => {
		const body = box(bytes);
		const bench = await cutAt(lid + 2500, { readers: [boxes(true)] }, body);
		let transfers = 0;
		const result = await bench.fetch(offerOf(body), (sink) =>
			deliver(sink, body, transfers++ === 0 ? 512 : undefined, { code: "net.reset" }),
		);
		assert.deepEqual(result, { kind: "restarting" });
		assert.deepEqual(bench.starts, [0, 512, lid + 2 * markStep]);
	});

	it("begins afresh when the server sends the whole instead of that part", async () => {
		const body = box(bytes);
		const bench = await cutAt(lid + 2500, { readers: [boxes(true)] }, body);
		const result = await bench.fetch(offerOf(body), (sink) => deliver(sink, body, undefined, { whole: true }));
		assert.deepEqual(result, { kind: "restarting" });
		assert.deepEqual(bench.starts, [0]);
		assert.deepEqual(bench.slots.flash.content, [...bytes]);
	});

	it("begins afresh with a package whose form cannot be gone on with", async () => {
		const body = box(bytes);
		const bench = await cutAt(lid + 2500, { readers: [boxes(false)] }, body);
		assert.deepEqual(await bench.install(body), { kind: "restarting" });
		assert.deepEqual(bench.starts, [0]);
		assert.deepEqual(bench.slots.flash.content, [...bytes]);
	});

	it("begins afresh when the package under the link has changed", async () => {
		const bench = await cutAt(4096);
		await rejects("update.changed", () =>
			bench.fetch(offer, (sink) => deliver(sink, bytes, undefined, { whole: true, validator: '"new"' })),
		);
		assert.deepEqual(await bench.install(bytes), { kind: "restarting" });
		assert.deepEqual(bench.starts, [4096, 0]);
	});

	it("takes another package from its start", async () => {
		const other = image({ length: 4000, version: "1.3.0" });
		const bench = await cutAt(4096);
		assert.deepEqual(await bench.install(other), { kind: "restarting" });
		assert.deepEqual(bench.starts, [0]);
		assert.deepEqual(bench.slots.flash.content, [...other]);
	});

	it("does not believe a slot that was damaged meanwhile", async () => {
		const bench = await cutAt(4096);
		bench.slots.flash.content[2000] = 0;
		await rejects("update.wrong-hash", () => bench.install(bytes));
		assert.deepEqual(await bench.install(bytes), { kind: "restarting" });
		assert.deepEqual(bench.starts, [4096, 0]);
	});

	it("and then another one goes on from there", async () => {
		const first = await cutAt(1536);
		await rejects("server.failed", () => first.install(bytes, offer, 3584));
		const second = first.next({ resetReason: "brown-out" });
		second.updater.boot(1_000);
		assert.deepEqual(await second.install(bytes), { kind: "restarting" });
		assert.deepEqual([first.starts, second.starts], [[1024], [3072]]);
	});

	it("that hits again and again without any progress is the end of it, remembered and told", async () => {
		let bench = begun();
		await rejects("server.failed", () => bench.install(bytes, offer, 2048));
		let kind = "";
		let boots = 0;
		for (; kind === "" && boots < 60; boots++) {
			bench = bench.next({ resetReason: "panic" });
			bench.updater.boot(1_000);
			const result = await bench
				.fetch(offer, () => {
					throw new FleetlingError("server.failed", "the power goes");
				})
				.catch(() => undefined);
			kind = result?.kind ?? "";
		}
		assert.equal(kind, "failed");
		assert.equal(boots, limits.stores + 1);
		assert.deepInclude(bench.ended[0], { outcome: "failure", code: "update.restart-loop" });
		assert.equal(bench.next().updater.refusal(offer)?.code, "update.known-bad");
	});

	it("that lets it get a little further each time is not", async () => {
		const large = image({ length: 40 * markStep });
		const wanted = offerOf(large);
		let bench = begun();
		for (let place = markStep; place < large.byteLength; place += markStep) {
			await rejects("server.failed", () => bench.install(large, wanted, place + 512));
			bench = bench.next({ resetReason: "power-on" });
			bench.updater.boot(1_000);
		}
		assert.deepEqual(await bench.install(large, wanted), { kind: "restarting" });
	});
});

describe("record writes", () => {
	/** Writes of all kinds from the offer to the end of the update. */
	async function writes(cuts: readonly number[], reports: boolean): Promise<number> {
		const report = reports ? { report: async () => {} } : {};
		let bench = begun();
		bench.observe(report);
		for (const place of cuts) {
			await rejects("server.failed", () => bench.install(bytes, offer, place));
			bench = bench.next({ resetReason: "power-on" });
			bench.observe(report);
			bench.updater.boot(1_000);
		}
		await bench.install(bytes);
		const trial = bench.next(onTrial);
		trial.observe(report);
		trial.updater.boot(1_000);
		await trial.updater.checkedIn();
		assert.equal(trial.ended[0]?.outcome, "success");
		return trial.store.writes;
	}

	it("of a good update are five, six where the server is told", async () => {
		assert.equal(await writes([], false), 5);
		assert.equal(await writes([], true), 6);
	});

	it("are three more for what an artifact provides, for a wait before the restart and for a failure before it", async () => {
		const reader = boxes(true);
		const change = { provides: { artifact_name: "release-2" }, clears: [] };
		const open: typeof reader.open = (context) => {
			const opened = reader.open(context);
			const finish = (): Installed => ({ ...opened.finish(), change });
			return { payloadStart: lid, write: (block) => opened.write(block), finish, abort: () => opened.abort() };
		};
		let asked = 0;
		const rules = { policy: { allows: (step: string) => step === "download" || ++asked > 1 } };
		const bench = begun({ readers: [{ ...reader, open }], rules });
		bench.observe({ report: async () => {} });
		assert.equal((await bench.install(image({ chip: 9 }))).kind, "failed");
		const before = bench.store.writes;
		const boxed = box(bytes);
		assert.equal((await bench.install(boxed)).kind, "postponed");
		bench.updater.reconsider();
		assert.deepEqual(await bench.install(boxed), { kind: "restarting" });
		const trial = bench.next(onTrial);
		trial.observe({ report: async () => {} });
		trial.updater.boot(1_000);
		await trial.updater.checkedIn();
		assert.equal(trial.ended[0]?.outcome, "success");
		assert.equal(trial.updater.provides.artifact_name, "release-2");
		assert.equal(trial.store.writes - before, 9);
	});

	it("are at most ten, four power cuts included", async () => {
		assert.equal(await writes([1536, 2560, 3584, 4608], true), 10);
	});
});
