/** Faults of the network for a whole device: what the sweep (faults.spec.ts) does to the engine, seen from the console and the server. */
import assert from "node:assert/strict";
import type { Action } from "../servers/proxy/disturbances";
import { Downloads, headBytes, markBytes } from "./downloads";

describe("network faults: a whole device", () => {
	let downloads: Downloads;
	afterEach(async () => {
		await downloads?.stop();
	});

	async function begin(plain: boolean, byte: number, action: Action): Promise<Buffer> {
		downloads = await Downloads.start({ plain });
		downloads.proxy.disturb({ direction: "toClient", at: { byte }, action });
		return downloads.fleet.offerFirmware("1.1.0");
	}

	for (const [what, action] of [
		["corrupt", { kind: "corrupt" }],
		["duplicate", { kind: "duplicate", bytes: 100 }],
	] as const)
		it(`bytes that are ${what} over TLS: the connection is given up, and the rest fetched by another`, async function () {
			this.timeout(90_000);
			const image = await begin(false, 300_000, action);
			await downloads.fleet.confirmed("1.1.0");
			const [first, second, ...more] = downloads.requests;
			assert.deepEqual([first?.status, second?.status, more.length], [200, 206, 0]);
			assert.ok(second && second.start > 300_000 - markBytes && second.start < image.length, `went on at ${second?.start}`);
		});

	it("a slow network: is waited for", async function () {
		this.timeout(90_000);
		await begin(false, 100_000, { kind: "slow", bytesPerSecond: 500_000 });
		await downloads.fleet.confirmed("1.1.0");
		assert.equal(downloads.requests.length, 1);
	});

	it("a byte that is corrupt without TLS: found by SHA-256, installed nowhere, fetched once", async function () {
		this.timeout(90_000);
		const image = await begin(true, 300_000, { kind: "corrupt" });
		const { fleet } = downloads;
		await fleet.says(/update\.wrong-hash/);
		// The offer stands, and is not taken up again.
		for (let polls = 0; polls < 2; polls++) await fleet.checked(200);
		assert.equal(fleet.running.version, "1.0.0");
		assert.equal(downloads.requests.length, 1);
		assert.ok(downloads.sent <= image.length + 2 * headBytes, `${downloads.sent} bytes`);
	});
});
