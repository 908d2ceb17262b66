import { assert } from "chai";
import { Cancellation } from "fleetling/common/cancellation";
import { sleep, withDeadline } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";
import Time from "time";
import Timer from "timer";
import { rejects } from "../fakes/errors";

const stopped = (): FleetlingError => new FleetlingError("server.stopped", "stopped");
const late = (): FleetlingError => new FleetlingError("net.timeout", "late");

describe("cancellation", () => {
	it("happens once and tells everybody who is still there", () => {
		const cancellation = new Cancellation();
		const told: string[] = [];
		const gone = (): void => void told.push("gone");
		cancellation.add(() => told.push("a"));
		cancellation.add(gone);
		cancellation.remove(gone);
		assert.isFalse(cancellation.cancelled);
		cancellation.throwIfCancelled();
		const first = stopped();
		cancellation.cancel(first);
		cancellation.cancel(late());
		assert.deepEqual(told, ["a"]);
		assert.isTrue(cancellation.cancelled);
		assert.equal(cancellation.reason, first);
		assert.throws(() => cancellation.throwIfCancelled(), "stopped");
	});

	it("tells who comes late at once", () => {
		const cancellation = new Cancellation();
		cancellation.cancel(stopped());
		let told = 0;
		cancellation.add(() => told++);
		assert.equal(told, 1);
	});
});

describe("sleep", () => {
	it("takes its time", async () => {
		const start = Time.ticks;
		await sleep(30);
		assert.isAtLeast(Time.ticks - start, 29);
	});

	it("ends with the reason when it is cancelled", async () => {
		const cancellation = new Cancellation();
		const start = Time.ticks;
		Timer.set(() => cancellation.cancel(stopped()), 10);
		await rejects("server.stopped", () => sleep(5_000, cancellation));
		assert.isBelow(Time.ticks - start, 1_000);
	});

	it("does not begin when it is cancelled already", async () => {
		const cancellation = new Cancellation();
		cancellation.cancel(stopped());
		await rejects("server.stopped", () => sleep(5_000, cancellation));
	});

	it("leaves no listener behind", async () => {
		const cancellation = new Cancellation();
		await sleep(1, cancellation);
		cancellation.cancel(stopped());
		await sleep(1);
	});
});

describe("deadline", () => {
	it("passes results and errors on", async () => {
		assert.equal(await withDeadline(Promise.resolve(7), 1_000, late), 7);
		await rejects("server.stopped", () => withDeadline(Promise.reject(stopped()), 1_000, late));
	});

	it("ends work that takes too long", async () => {
		await rejects("net.timeout", () => withDeadline(new Promise(() => {}), 10, late));
	});

	it("swallows an error that comes after it", async () => {
		const work = sleep(20).then(() => {
			throw stopped();
		});
		await rejects("net.timeout", () => withDeadline(work, 5, late));
		// An unhandled rejection would end the machine here.
		await sleep(40);
	});
});
