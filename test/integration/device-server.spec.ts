/** The whole firmware against servers that are difficult: not approved, down, out of order, impatient. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Fleet, mac } from "./fleet";

const count = (fleet: Fleet, route: "auth" | "check"): number => fleet.server.log.of(route).length;
const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

describe("device: difficult servers", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	it("401 for ever: asks again with growing pauses and says so once", async () => {
		fleet = await Fleet.start({ plain: true, unknown: true });
		await fleet.server.waitForPending(mac, 30_000);
		await pause(12_000);
		const tries = fleet.server.log.of("auth").map(({ at }) => at);
		assert.ok(tries.length >= 2 && tries.length <= 40, `${tries.length} tries in 12 s`);
		const told = fleet.running.output.match(/does not let this device in/g)?.length;
		assert.equal(told, 1, `said ${told} times`);
		fleet.server.approve(mac);
		await fleet.checked(204, 60_000);
	});

	it("an unapproved device never puts two requests within the shortest pause", async () => {
		fleet = await Fleet.start({ plain: true, unknown: true });
		await fleet.server.waitForPending(mac, 30_000);
		await pause(5_000);
		const tries = fleet.server.log.of("auth").map(({ at }) => at);
		for (let i = 1; i < tries.length; i++) assert.ok((tries[i] ?? 0) - (tries[i - 1] ?? 0) >= 200, `${tries.join(", ")}`);
	});

	it("a token that expires between authentication and check costs one authentication, not an error", async () => {
		fleet = await Fleet.start({ plain: true });
		for (let round = 0; round < 3; round++) {
			const before = count(fleet, "auth");
			fleet.server.expireTokens();
			await fleet.checked();
			assert.equal(count(fleet, "auth") - before, 1);
		}
		assert.doesNotMatch(fleet.running.output, /E \(\d+\) agent/);
	});

	it("a token that expires between check and download does not stop the download, which needs none", async () => {
		fleet = await Fleet.start({ plain: true });
		fleet.server.faults.expireTokens("download");
		await fleet.offerFirmware("1.1.0");
		await fleet.confirmed("1.1.0");
	});

	it("down and up again: goes on by itself", async () => {
		fleet = await Fleet.start();
		await fleet.server.down();
		await fleet.says(/net\.refused|net\.closed/);
		await pause(2_000);
		await fleet.server.up();
		await fleet.checked(204, 60_000);
		await fleet.says(/answers again/);
	});

	it("500 with HTML on every route: an error with a code, then goes on", async () => {
		fleet = await Fleet.start({ plain: true });
		fleet.server.faults.serverError("any", { times: 4 });
		await fleet.says(/server\.[\w-]+/);
		await fleet.checked(204, 60_000);
		assert.doesNotMatch(fleet.running.output, /<html|<!doctype/i);
	});

	it("Retry-After is honoured", async () => {
		fleet = await Fleet.start({ plain: true });
		fleet.server.faults.retryAfter("check", 4);
		await fleet.checked(503);
		const asked = Date.now();
		await fleet.checked(204, 30_000);
		assert.ok(Date.now() - asked >= 3_900, `asked again after ${Date.now() - asked} ms`);
	});

	it("a server that accepts and says nothing does not hold the device for ever", async function () {
		this.timeout(90_000);
		fleet = await Fleet.start({ plain: true });
		fleet.server.faults.add("check", { kind: "silence" }, { times: 1 });
		await fleet.says(/net\.timeout|http\.timeout/, 60_000);
		await fleet.checked(204, 30_000);
	});

	it("works with servers that close each connection and with those that keep it", async () => {
		for (const flavour of ["werkzeug", "gunicorn"] as const) {
			fleet = await Fleet.start({ server: { flavour, idleTimeout: 2_000 } });
			for (let polls = 0; polls < 3; polls++) await fleet.checked();
			const { connections } = fleet.server;
			const full = connections.filter((connection) => connection.tls && !connection.tls.resumed).length;
			assert.equal(full, 1, `${flavour}: ${full} full handshakes`);
			await fleet.stop();
		}
	});
});

describe("device: TLS trust", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	it("a server whose certificate another authority signed gets nothing, not even the public key", async () => {
		fleet = await Fleet.start();
		await fleet.running.cutPower();
		const { createAuthority } = await import("../pki/pki");
		const { writeFileSync } = await import("node:fs");
		writeFileSync(fleet.ca, (await createAuthority({ name: "Another authority" })).certPEM);
		const before = fleet.server.log.records.length;
		await fleet.switchOn();
		await fleet.says(/tls\.untrusted/);
		assert.equal(fleet.server.log.records.length, before);
	});

	it("a certificate that is not valid yet by the device's clock is refused by name", async () => {
		fleet = await Fleet.start({ arguments: [] });
		await fleet.running.cutPower();
		const { HostDevice } = await import("../../targets/host/tools/hostdevice");
		const { prepareRuntime } = await import("../xs/driver");
		fleet.device = new HostDevice({
			runtime: await prepareRuntime(),
			flash: fleet.flash,
			mac,
			arguments: ["--clock", "1000000000"],
		});
		await fleet.says(/tls\.not-yet-valid/);
	});

	it("a server that redirects to another one does not get the device's messages there", async () => {
		fleet = await Fleet.start({ plain: true });
		await fleet.running.cutPower();
		const before = fleet.server.log.records.length;
		const redirecting = createServer((request, response) => {
			response.writeHead(307, { Location: `${fleet.server.url}${request.url}` });
			request.resume().on("end", () => response.end());
		});
		await new Promise<void>((resolve) => redirecting.listen(0, "127.0.0.1", resolve));
		try {
			await fleet.switchOn([], { url: `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}` });
			await fleet.says(/http\.redirect-refused/);
			assert.equal(fleet.server.log.records.length, before);
		} finally {
			redirecting.closeAllConnections();
			redirecting.close();
		}
	});
});
