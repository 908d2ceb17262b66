/** The whole firmware in a chip's memory: 32 bits, slots of 16 bytes, the limits of the manifest enforced. */
import assert from "node:assert/strict";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { ManagerShell } from "../servers/rdfm/spec/manager";
import { Fleet, mac } from "./fleet";

/** The manifest's `creation.static`: with the management socket, a shell and an update. */
const limit = 98_304;
/** What everything but managing has to get along with. */
const unmanaged = 65_536;

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
	async function peakOf(padTo: number, management: "on" | "off", meanwhile?: () => Promise<void>): Promise<number> {
		fleet = await Fleet.start({ variant: { bits: 32, mode: "debug" }, settings: { management } });
		await meanwhile?.();
		await fleet.offerFirmware("1.1.0", { padTo });
		await fleet.confirmed("1.1.0");
		await fleet.checked();
		const figures = fleet.running.events.filter((event) => event.event === "memory");
		assert.ok(figures.length > 0, "no figures");
		assert.ok(figures.every((event) => event.limit === limit));
		return Math.max(...figures.map((event) => Number(event.used)));
	}

	it("a complete update over TLS fits into 64 KB without the management socket, and the size of the package does not matter", async function () {
		this.timeout(180_000);
		const small = await peakOf(600_000, "off");
		await fleet?.stop();
		const large = await peakOf(1_800_000, "off");
		assert.ok(small <= unmanaged && large <= unmanaged, `${small} and ${large} of ${unmanaged} bytes`);
		assert.ok(Math.abs(large - small) <= 4_096, `${small} bytes with a small package, ${large} with a large one`);
	});

	it("an update fits with the management socket, after a shell that was busy", async function () {
		this.timeout(180_000);
		const peak = await peakOf(600_000, "on", async () => {
			if (fleet === undefined) return;
			await fleet.server.management.connected(mac, 30_000);
			const shell = new ManagerShell(fleet.server, mac);
			await shell.shows("fleetling> ");
			for (let round = 0; round < 20; round++)
				for (const line of ["help", "log", "config", "status"]) await shell.run(line, "fleetling> ");
			shell.close();
			await fleet.checked();
		});
		process.stdout.write(`      ${peak} bytes of XS memory at the peak\n`);
		assert.ok(peak <= limit, `${peak} of ${limit} bytes`);
	});
});
