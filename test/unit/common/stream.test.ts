import { assert } from "chai";
import { openStream, type StreamListener } from "fleetling/common/stream";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { beforeEach, describe, it } from "test/harness";
import { FakeTCP, fakeNetwork, names } from "../fakes/tcp";

/** Notes how it ends. */
function listening(): { readonly listener: StreamListener; readonly ends: (FleetlingError | undefined)[] } {
	const ends: (FleetlingError | undefined)[] = [];
	const listener: StreamListener = { readable: () => {}, writable: () => {}, ended: (error) => void ends.push(error) };
	return { listener, ends };
}

describe("stream", () => {
	beforeEach(() => {
		FakeTCP.all = [];
		names.clear();
	});

	it("ends when nobody answers within its deadline", async () => {
		const { listener, ends } = listening();
		const target = { host: "192.168.1.20", port: 502, check: () => {}, connect: 60 };
		const stream = openStream(fakeNetwork, target, listener);
		await sleep(20);
		assert.isEmpty(ends);
		for (let times = 0; times < 100 && ends.length === 0; times++) await sleep(10);
		assert.deepEqual(
			ends.map((error) => error?.code),
			["net.timeout"],
		);
		stream.close();
		assert.isTrue(FakeTCP.last.closed);
	});

	it("connects to no address that is refused", async () => {
		const { listener, ends } = listening();
		const check = (address: string): void => {
			throw new FleetlingError("management.not-forwarded", `${address} is not allowed`);
		};
		openStream(fakeNetwork, { host: "192.168.1.20", port: 502, check }, listener);
		await sleep(20);
		assert.include(String(ends[0]), "192.168.1.20 is not allowed");
		assert.isEmpty(FakeTCP.all);
	});
});
