/** A whole device with `server=mender`: being let in, keys, limits, memory, and what the existing clients for chips get wrong. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { menderArtifact } from "../artifacts/mender";
import { MenderFleet, mac, oldVersion } from "../integration/mender-fleet";

const tool = menderArtifact();

describe("device on a Mender server: its life", function () {
	this.timeout(150_000);
	let fleet: MenderFleet;
	before(function () {
		if (!("missing" in tool)) return;
		process.stdout.write(`      skipped: ${tool.missing}\n`);
		this.skip();
	});
	afterEach(async () => {
		await fleet?.stop();
	});

	it("waits to be let in, says so once, and again when it is turned away", async () => {
		fleet = await MenderFleet.start();
		const times = (): number => fleet.running.output.match(/does not let this device in yet/g)?.length ?? 0;
		assert.equal(times(), 1);
		fleet.server.reject(mac);
		fleet.server.tokens.expireAll();
		await fleet.running.until("its complaint", () => times() === 2, 30_000);
		const asked = fleet.server.log.of("auth").length;
		await fleet.server.log.next(({ route }) => route === "auth");
		assert.ok(fleet.server.log.of("auth").length > asked);
		fleet.server.accept(mac);
		await fleet.checked();
		assert.equal(times(), 2);
		const keys = new Set(fleet.bodies("auth").map(({ pubkey }) => pubkey));
		assert.equal(keys.size, 1, "the same key for ever");
	});

	it("has a key of P-256, or of RSA-3072 where that is configured", async () => {
		for (const [settings, type] of [
			[{}, "ec"],
			[{ keyType: "rsa-3072" }, "rsa"],
		] as const) {
			fleet = await MenderFleet.start({ settings });
			const [body] = fleet.bodies("auth");
			const key = createPublicKey(String(body?.pubkey));
			assert.equal(key.asymmetricKeyType, type);
			if (type === "rsa") assert.equal(key.asymmetricKeyDetails?.modulusLength, 3072);
			await fleet.stop();
		}
	});

	it("comes back no sooner than the server says when it asked too often", async () => {
		fleet = await MenderFleet.start();
		fleet.server.tokens.rateLimit = { requests: 1, interval: 5 };
		// What follows a check may be refused too, and says nothing about the next check.
		const { at } = await fleet.server.log.next(({ route, status }) => route === "check" && status === 429);
		const next = await fleet.server.log.next(({ route }) => route === "check");
		assert.ok(next.at - at >= 3_800, `${next.at - at} ms`);
		fleet.server.tokens.rateLimit = undefined;
		await fleet.checked();
	});

	it("shows its token to the server only, over TLS too", async () => {
		fleet = await MenderFleet.start({ secure: true });
		const deployment = await fleet.deploy("1.1.0");
		await fleet.server.until(deployment, "success");
		for (const { headers, query } of fleet.server.log.of("download")) {
			assert.equal(headers.authorization, undefined);
			assert.equal(headers.cookie, undefined);
			assert.doesNotMatch(query, /eyJ/);
		}
		assert.doesNotMatch(fleet.running.output, /eyJ|X-Amz-Signature=[0-9a-f]/);
	});

	it("asks with one request per poll, where the real clients take two", async () => {
		fleet = await MenderFleet.start();
		await fleet.checked();
		const before = fleet.server.log.records.length;
		for (let polls = 0; polls < 3; polls++) await fleet.checked();
		const since = fleet.server.log.records.slice(before);
		assert.deepEqual(new Set(since.map(({ method, status }) => `${method} ${status}`)), new Set(["GET 204"]));
	});

	it("takes an artifact of which it is the first of several device types, and none that a stranger has signed", async () => {
		fleet = await MenderFleet.start();
		const { workbench, running } = fleet;
		await running.cutPower();
		writeFileSync(workbench.path("public.pem"), workbench.keys.ec.publicPEM);
		await fleet.switchOn(["--set-file", `artifactKeys=${workbench.path("public.pem")}`]);
		const strange = await fleet.deploy("1.1.0", {}, { key: workbench.path("stranger.pem") });
		await fleet.server.until(strange, "failure");
		await fleet.server.log.until(({ route }) => route === "logs");
		assert.match(strange.log?.at(-1)?.message ?? "", /^artifact\.bad-signature/);
		const good = await fleet.deploy(
			"1.2.0",
			{},
			{
				key: workbench.path("ec.pem"),
				deviceTypes: ["esp32-mod", "toaster"],
				compression: "gzip",
			},
		);
		await fleet.server.until(good, "success");
	});

	for (const [when, pattern] of [
		["before the image is confirmed", /is on trial/],
		["after the image is confirmed", /has checked in and is confirmed/],
	] as const)
		it(`power cut ${when}: the outcome and the name are those of the image that runs`, async () => {
			fleet = await MenderFleet.start();
			const { server } = fleet;
			const slow = server.faults.add("status", { kind: "delay", milliseconds: 700 }, { times: Number.POSITIVE_INFINITY });
			const deployment = await fleet.deploy("1.1.0");
			await fleet.says(pattern, 60_000);
			await pause(100);
			await fleet.running.cutPower();
			slow.remove();
			await fleet.switchOn(["--reset-reason", "power-on"]);
			await server.until(deployment, "success");
			await fleet.checked();
			assert.equal(fleet.running.version, "1.1.0");
			assert.equal(fleet.artifactName, "release-1.1.0");
			assert.ok(!deployment.history.includes("failure"));
		});

	it("a rollback restores the name and what is provided, with everything that depends on it", async () => {
		fleet = await MenderFleet.start({ settings: { checkInSeconds: "8" } });
		const first = await fleet.deploy("1.1.0", {}, { more: ["-p", "bootloader:7"] });
		await fleet.server.until(first, "success");
		const bad = await fleet.deploy("1.2.0", { fault: "offline" }, { more: ["-p", "bootloader:8"] });
		await fleet.server.until(bad, "failure");
		await fleet.checked();
		assert.equal(fleet.artifactName, "release-1.1.0");
		const next = await fleet.deploy("1.3.0", {}, { more: ["-d", "bootloader:7"] });
		await fleet.server.until(next, "success");
		assert.notEqual(fleet.running.version, oldVersion);
	});
});

describe("device on a Mender server: memory of a chip (32 bits)", function () {
	this.timeout(180_000);
	let fleet: MenderFleet | undefined;
	before(function () {
		if (has32BitLibraries() && !("missing" in tool)) return;
		process.stdout.write("    skipped: the 32-bit libraries or mender-artifact are not installed\n");
		this.skip();
	});
	afterEach(async () => {
		await fleet?.stop();
	});

	it("an update over TLS, a failed one before it and its log fit into 64 KB without device connect", async () => {
		const settings = { inventorySecs: "2", management: "off" };
		fleet = await MenderFleet.start({ variant: { bits: 32, mode: "debug" }, secure: true, settings });
		const { server } = fleet;
		const bad = await fleet.deploy("1.0.1", { chipId: 9 });
		await server.log.next(({ route }) => route === "logs", 60_000);
		assert.equal(bad.status, "failure");
		const good = await fleet.deploy("1.1.0", { padTo: 600_000 });
		await server.until(good, "success", 90_000);
		await fleet.checked();
		const figures = fleet.running.events.filter((event) => event.event === "memory");
		assert.ok(figures.length > 0, "no figures");
		const peak = Math.max(...figures.map((event) => Number(event.used)));
		process.stdout.write(`      ${peak} bytes of XS memory at the peak\n`);
		assert.ok(peak <= 65_536, `${peak} of 65536 bytes`);
	});
});
