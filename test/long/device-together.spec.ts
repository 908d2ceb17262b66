/** The whole firmware in a chip's memory, with everybody wanting something of it at the same time. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { Fleet, mac } from "../integration/fleet";
import { strangeMembers } from "../servers/rdfm/device-messages";
import { ManagerShell } from "../servers/rdfm/spec/manager";

/** The manifest's `creation.static`. */
const limit = 98_304;
const busy = 16;

describe("device: shell, file and update at the same time (32 bits)", () => {
	let fleet: Fleet;
	before(function () {
		if (has32BitLibraries()) return;
		process.stdout.write("    skipped: the 32-bit libraries (gcc-multilib, libmbedtls-dev:i386) are not installed\n");
		this.skip();
	});
	afterEach(async () => {
		await fleet?.stop();
	});

	/** Most TLS connections of the device at one time; the manager has one of its own from `begun` to `ended`. */
	function mostConnections(begun: number, ended: number): number {
		const { connections } = fleet.server;
		const at = (time: number): number =>
			connections.filter(({ opened, closed = Number.POSITIVE_INFINITY }) => opened <= time && closed > time).length;
		return Math.max(...connections.map(({ opened }) => at(opened) - (opened >= begun && opened <= ended ? 1 : 0)));
	}

	it("stay within two TLS sessions and the memory; the lowest waits or is refused with a reason", async function () {
		this.timeout(240_000);
		fleet = await Fleet.start({
			variant: { bits: 32, mode: "debug" },
			settings: { logUpload: "debug", logLevel: "debug" },
		});
		const link = await fleet.server.management.connected(mac, 30_000);
		mkdirSync(`${fleet.flash}.files`, { recursive: true });
		const content = Buffer.alloc(400_000, "content ");
		writeFileSync(join(`${fleet.flash}.files`, "a.bin"), content);
		fleet.server.files.partSize = 50_000;
		const fetch = () => fleet.server.files.fetch(link, "/files/a.bin");

		// A shell that is typed into has the connection: the file waits and is refused, the poll waits.
		const begun = Date.now();
		const shell = new ManagerShell(fleet.server, mac);
		await shell.shows("fleetling> ");
		const answer = fetch();
		let over = false;
		void answer.then(() => {
			over = true;
		});
		while (!over) for (const line of ["help", "log", "config", "status"]) await shell.run(line, "fleetling> ");
		assert.deepEqual(await answer, { status: busy, url: "" });
		await shell.run("log show 20", "http.busy");
		shell.close();
		await fleet.says(/a shell was closed/);
		const ended = Date.now();

		// Nobody types any more: a file, the log and polls take turns, part by part.
		const whole = await fetch();
		assert.equal(whole.status, 0);
		assert.ok(content.equals(fleet.server.files.content(whole.url) ?? Buffer.alloc(0)));

		// An update comes in between, and has the connection from then on.
		await fleet.offerFirmware("1.1.0", { padTo: 1_200_000 });
		const parts = fleet.server.log.of("upload").length;
		let asked = 0;
		const ask = (): void => {
			asked++;
			void fetch().then(() => ask());
		};
		ask();
		await fleet.confirmed("1.1.0", 120_000);
		await fleet.checked();
		assert.ok(fleet.server.log.of("upload").length > parts, "no part was sent while the update was on offer");
		assert.equal(fleet.server.log.of("download").length, 1);
		const most = mostConnections(begun, ended);
		assert.equal(most, 2);
		const figures = fleet.running.events.filter((event) => event.event === "memory");
		if (process.env.FLEETLING_SHOW) for (const figure of figures) process.stdout.write(`${JSON.stringify(figure)}\n`);
		const peak = Math.max(...figures.map((event) => Number(event.used)));
		process.stdout.write(`      ${peak} bytes of XS memory at the peak, ${asked} files asked for meanwhile\n`);
		assert.ok(peak <= limit, `${peak} of ${limit} bytes`);
		for (const each of fleet.server.management.links) {
			for (const text of each.texts) assert.deepEqual(strangeMembers(text), [], text);
			assert.notEqual(each.end?.code, 4001);
		}
	});
});
