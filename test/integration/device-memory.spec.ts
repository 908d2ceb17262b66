/** The whole firmware in a chip's memory: 32 bits, slots of 16 bytes, the limits of the manifest enforced. */
import assert from "node:assert/strict";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { Fleet } from "./fleet";

/** The manifest's `creation.static`. */
const limit = 65_536;

describe("device: memory of a chip (32 bits)", () => {
	let fleet: Fleet | undefined;
	before(function () {
		if (has32BitLibraries()) return;
		process.stdout.write("    skipped: the 32-bit libraries (gcc-multilib, libmbedtls-dev:i386) are not installed\n");
		this.skip();
	});
	afterEach(async () => {
		await fleet?.stop();
		fleet = undefined;
	});

	/** Peak bytes of the block that the machine has taken, over all boots. */
	async function peakOf(padTo: number): Promise<number> {
		fleet = await Fleet.start({ variant: { bits: 32, mode: "debug" } });
		await fleet.offerFirmware("1.1.0", { padTo });
		await fleet.confirmed("1.1.0");
		await fleet.checked();
		const figures = fleet.running.events.filter((event) => event.event === "memory");
		assert.ok(figures.length > 0, "no figures");
		assert.ok(figures.every((event) => event.limit === limit));
		return Math.max(...figures.map((event) => Number(event.used)));
	}

	it("a complete update over TLS fits, and the size of the package does not matter", async function () {
		this.timeout(180_000);
		const small = await peakOf(600_000);
		await fleet?.stop();
		const large = await peakOf(1_800_000);
		assert.ok(small <= limit && large <= limit, `${small} and ${large} of ${limit} bytes`);
		assert.ok(Math.abs(large - small) <= 4_096, `${small} bytes with a small package, ${large} with a large one`);
	});
});
