import { assert } from "chai";
import { Cancellation } from "fleetling/common/cancellation";
import { Seats } from "fleetling/common/seats";
import { Visit } from "fleetling/common/visit";
import { FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";
import { FakeConversation } from "../fakes/conversation";
import { rejects } from "../fakes/errors";

describe("seats", () => {
	it("are given to as many as there are", () => {
		const seats = new Seats(2);
		assert.deepEqual([seats.take(), seats.take(), seats.take()], [true, true, false]);
		seats.give();
		assert.deepEqual([seats.take(), seats.take()], [true, false]);
	});

	it("go to whoever waits, in order, and before whoever does not", async () => {
		const seats = new Seats(1);
		const order: string[] = [];
		seats.take();
		const first = seats.wait(new Cancellation()).then(() => order.push("first"));
		const second = seats.wait(new Cancellation()).then(() => order.push("second"));
		seats.give();
		assert.isFalse(seats.take());
		await first;
		seats.give();
		await second;
		assert.deepEqual(order, ["first", "second"]);
		assert.isFalse(seats.take());
		seats.give();
		assert.isTrue(seats.take());
	});

	it("are not kept for whoever has stopped waiting", async () => {
		const seats = new Seats(1);
		seats.take();
		const cancellation = new Cancellation();
		const waiting = seats.wait(cancellation);
		const other = seats.wait(new Cancellation());
		cancellation.cancel(new FleetlingError("server.stopped", "enough"));
		await rejects("server.stopped", () => waiting);
		seats.give();
		await other;
		seats.give();
		assert.isTrue(seats.take());
	});
});

describe("a visit", () => {
	const request = { url: "https://host/" };
	const silent = { opened() {}, received() {}, ended() {} };

	it("hands everything on, both ways", () => {
		const heard: string[] = [];
		let left = 0;
		let fake: FakeConversation | undefined;
		const listener = {
			opened: () => heard.push("opened"),
			received: (message: string | ArrayBuffer) => void heard.push(String(message)),
			drained: () => heard.push("drained"),
			ended: () => heard.push("ended"),
		};
		const visit = new Visit(listener, () => left++).begin((own) => {
			fake = new FakeConversation(request, own);
			return fake;
		});
		assert.isFalse(visit.isOpen);
		fake?.open();
		assert.isTrue(visit.isOpen && visit.idle && visit.fits(1));
		visit.send("hello");
		fake?.say("answer");
		fake?.listener.drained?.();
		assert.deepEqual(fake?.sent, ["hello"]);
		visit.end(1000, "bye");
		assert.equal(fake?.goodbye, 1000);
		assert.equal(left, 0);
		fake?.over();
		assert.equal(left, 1);
		visit.close();
		assert.equal(left, 1);
		assert.deepEqual(heard, ["opened", "answer", "drained", "ended"]);
	});

	it("gives its seat back when it cannot be opened, and when it is closed", async () => {
		let left = 0;
		await rejects("net.refused", () =>
			new Visit(silent, () => left++).begin(() => {
				throw new FleetlingError("net.refused", "no");
			}),
		);
		assert.equal(left, 1);
		const visit = new Visit(silent, () => left++).begin((own) => new FakeConversation(request, own));
		visit.close();
		visit.close();
		assert.equal(left, 2);
	});
});
