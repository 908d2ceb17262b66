/** Facts B.2: the registration flow, seen from the device and from the administrator. */
import { strict as assert } from "node:assert";
import { generateKeyPairSync } from "node:crypto";
import { RdfmServer } from "../server";
import { errorText, exchange, json, type Response, sendJson } from "./client";
import { commonPem, TestDevice, withServer } from "./device";

describe("B.2 registration", () => {
	const server = new RdfmServer();
	const pendingOf = (mac: string) => server.pending().filter((registration) => registration.mac === mac);
	const register = (mac: string, publicKey = commonPem): Promise<Response> =>
		sendJson(`${server.url}/api/v1/auth/register`, { mac_address: mac, public_key: publicKey });

	before(() => server.start());
	after(() => server.stop());

	it("401 makes a pending registration, the next one refreshes it", async () => {
		const device = new TestDevice(server, "upsert");
		server.clock = () => Date.UTC(2026, 0, 1);
		assert.equal((await device.authenticate()).status, 401);
		device.metadata["rdfm.software.version"] = "2";
		server.clock = () => Date.UTC(2026, 0, 2);
		assert.equal((await device.authenticate()).status, 401);
		server.clock = Date.now;
		assert.deepEqual(pendingOf("upsert"), [
			{ mac: "upsert", publicKey: commonPem, metadata: device.metadata, lastAppeared: Date.UTC(2026, 0, 2) },
		]);
		const list = json(await exchange(`${server.url}/api/v1/auth/pending`)) as readonly Record<string, unknown>[];
		assert.deepEqual(
			list.find((entry) => entry.mac_address === "upsert"),
			{
				mac_address: "upsert",
				public_key: commonPem,
				last_appeared: "Fri, 02 Jan 2026 00:00:00 GMT",
				metadata: device.metadata,
			},
		);
	});

	it("approval gives 200 on the next authentication", async () => {
		const device = new TestDevice(server, "approved");
		await device.authenticate();
		const response = await register("approved");
		assert.equal(response.status, 200);
		assert.equal(response.text, "{}\n");
		assert.deepEqual(pendingOf("approved"), []);
		assert.equal((await device.authenticate()).status, 200);
	});

	it("approval of what is not pending is 404, of nonsense 500", async () => {
		assert.equal((await register("nobody")).status, 404);
		const response = await sendJson(`${server.url}/api/v1/auth/register`, { mac_address: "nobody" });
		assert.equal(response.status, 500);
		assert.equal(errorText(response), "fetching registrations failed");
	});

	it("DELETE takes a pending registration away", async () => {
		await new TestDevice(server, "rejected").authenticate();
		const parts = { method: "DELETE" };
		const body = { mac_address: "rejected", public_key: commonPem };
		assert.equal((await sendJson(`${server.url}/api/v1/auth/pending`, body, parts)).status, 200);
		assert.deepEqual(pendingOf("rejected"), []);
		assert.equal((await sendJson(`${server.url}/api/v1/auth/pending`, body, parts)).status, 404);
	});

	describe("exact key string", () => {
		it("the same key without its last newline is another key", async () => {
			const device = await new TestDevice(server, "exact").enrol();
			device.publicKey = commonPem.trimEnd();
			assert.equal((await device.authenticate()).status, 401);
			assert.equal(pendingOf("exact").length, 1);
		});
		it("the old key works until the new one is approved, then no more", async () => {
			const device = await new TestDevice(server, "rotated").enrol();
			const renewed = new TestDevice(server, "rotated");
			const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
			renewed.privateKey = privateKey;
			renewed.publicKey = publicKey.export({ type: "spki", format: "pem" }).toString();
			assert.equal((await renewed.authenticate()).status, 401);
			assert.equal((await device.authenticate()).status, 200, "old key before approval");
			server.approve("rotated");
			assert.equal((await renewed.authenticate()).status, 200);
			assert.equal((await device.authenticate()).status, 401, "old key after approval");
			assert.equal(server.devices.all().filter(({ mac }) => mac === "rotated").length, 1);
		});
		it("two unapproved keys are two pending entries", async () => {
			const device = new TestDevice(server, "twice");
			await device.authenticate();
			device.publicKey = commonPem.trimEnd();
			await device.authenticate();
			assert.deepEqual(
				pendingOf("twice").map(({ publicKey }) => publicKey),
				[commonPem, commonPem.trimEnd()],
			);
		});
	});

	it("the MAC is opaque and case-sensitive", async () => {
		await new TestDevice(server, "aa:bb").enrol();
		assert.equal((await new TestDevice(server, "AA:BB").authenticate()).status, 401);
		const empty = await new TestDevice(server, "").enrol();
		assert.equal((await empty.authenticate()).status, 200);
	});

	it("200 replaces the stored metadata, all keys", async () => {
		const device = new TestDevice(server, "replaced");
		device.metadata["old.key"] = "1";
		await device.enrol();
		assert.equal(server.devices.find("replaced")?.metadata["old.key"], "1");
		delete device.metadata["old.key"];
		device.metadata["new.key"] = ["2"];
		await device.authenticate();
		assert.deepEqual(server.devices.find("replaced")?.metadata, device.metadata);
	});

	describe("rdfm.software.tags", () => {
		const enrolWith = async (mac: string, tags: string | readonly string[]): Promise<TestDevice> => {
			const device = new TestDevice(server, mac);
			device.metadata["rdfm.software.tags"] = tags;
			await device.authenticate();
			return device;
		};
		it("are taken once, at approval", async () => {
			const device = await enrolWith("tags", ["one", "two"]);
			await register("tags");
			device.metadata["rdfm.software.tags"] = ["three"];
			await device.authenticate();
			assert.deepEqual(server.devices.find("tags")?.tags, ["one", "two"]);
		});
		it("as a string are split into characters", async () => {
			await enrolWith("letters", "abc");
			await register("letters");
			assert.deepEqual(server.devices.find("letters")?.tags, ["a", "b", "c"]);
		});
		it("twice the same: approval answers 500 although the device exists, and the entry stays", async () => {
			const device = await enrolWith("duplicate", ["x", "x"]);
			assert.equal((await register("duplicate")).status, 500);
			assert.equal((await device.authenticate()).status, 200);
			assert.equal(pendingOf("duplicate").length, 1);
		});
	});

	it("a device can be looked up", async () => {
		const device = await new TestDevice(server, "listed").enrol();
		const id = server.devices.find("listed")?.id;
		const { last_access: lastAccess, ...shown } = json(await exchange(`${server.url}/api/v2/devices/${id}`)) as Record<
			string,
			unknown
		>;
		assert.match(String(lastAccess), / -0000$/);
		assert.deepEqual(shown, {
			id,
			name: "listed",
			mac_address: "listed",
			public_key: commonPem,
			metadata: device.metadata,
			groups: [],
			capabilities: { shell: false },
			connected: false,
		});
		assert.equal((await exchange(`${server.url}/api/v2/devices/9999`)).status, 404);
		assert.equal((await exchange(`${server.url}/api/v2/devices/9999`, { method: "DELETE" })).status, 404);
	});

	describe("by direct call", () => {
		it("approve() wants a pending registration", () => {
			assert.throws(() => server.approve("stranger"), /stranger has no pending registration/);
		});
		it("waitForPending() sees the past and the future", async () => {
			const device = new TestDevice(server, "awaited");
			const waiting = server.waitForPending("awaited");
			await device.authenticate();
			assert.equal((await waiting).mac, "awaited");
			assert.equal((await server.waitForPending("awaited")).mac, "awaited");
			await assert.rejects(server.waitForPending("late", 20), /late did not ask for approval within 20 ms/);
		});
		it("autoApprove refuses the first request only", async () => {
			await withServer({ autoApprove: true }, async (easy) => {
				const device = new TestDevice(easy, "easy");
				assert.equal((await device.authenticate()).status, 401);
				assert.equal((await device.authenticate()).status, 200);
			});
		});
	});
});
