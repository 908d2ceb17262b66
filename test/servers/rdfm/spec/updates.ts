/** Facts B.3: the update check, status by status. */
import { strict as assert } from "node:assert";
import { createHash, randomBytes } from "node:crypto";
import { RdfmServer } from "../server";
import { certificate } from "./certificate";
import { errorText, exchange, json } from "./client";
import { metadataOf, TestDevice, withServer } from "./device";

const packageMetadata = (version: string, more: Record<string, string> = {}): Record<string, string> => ({
	"rdfm.software.version": version,
	"rdfm.hardware.devtype": "esp32",
	...more,
});

describe("B.3 update check", () => {
	let server: RdfmServer;
	let device: TestDevice;

	beforeEach(async () => {
		server = new RdfmServer();
		await server.start();
		device = await new TestDevice(server, "b3").enrol();
	});
	afterEach(() => server.stop());

	const offer = (version = "1.1.0", more: Record<string, string> = {}): Buffer => {
		const content = randomBytes(1000);
		server.addPackage(content, packageMetadata(version, more));
		server.assign("b3", `exact_match,${version}`);
		return content;
	};

	const offerUnder = (policy: string): void => {
		offer();
		server.assign("b3", policy);
	};

	it("200 has four keys, sorted, and nothing else", async () => {
		server.clock = () => Date.UTC(2026, 10, 21, 21, 30, 41);
		const content = offer();
		server.clock = Date.now;
		const response = await device.check();
		const [stored] = server.packages.all();
		assert.ok(stored);
		assert.equal(response.status, 200);
		assert.equal(response.headers["content-type"], "application/json");
		const sha256 = createHash("sha256").update(content).digest("hex");
		assert.equal(
			response.text,
			`{"created":"Sat, 21 Nov 2026 21:30:41 GMT","id":1,"sha256":"${sha256}","uri":"${server.link(stored)}"}\n`,
		);
		assert.equal(server.link(stored), `http://127.0.0.1:${server.port}/local_storage/${stored.storagePath}`);
	});

	it("204 has no body and no Content-Length, but a Content-Type", async () => {
		const response = await device.check();
		assert.equal(response.status, 204);
		assert.equal(response.headers["content-length"], undefined);
		assert.equal(response.headers["transfer-encoding"], undefined);
		assert.equal(response.headers["content-type"], "application/json");
		assert.equal(response.body.length, 0);
	});

	describe("204", () => {
		const table: readonly (readonly [name: string, prepare: () => void])[] = [
			["no group", () => server.addPackage(randomBytes(1), packageMetadata("1.1.0"))],
			["no packages", () => server.assign("b3", "exact_match,1.1.0", [])],
			["policy no_update", () => offerUnder("no_update,")],
			["already at the target", () => offer("1.0.0")],
			["other device type", () => offer("1.1.0", { "rdfm.hardware.devtype": "other" })],
			["no path", () => offerUnder("exact_match,9")],
			["requires not met", () => offer("1.1.0", { "requires:rdfm.software.version": "0.9" })],
			["requires a key the device does not have", () => offer("1.1.0", { "requires:board": "b" })],
		];
		for (const [name, prepare] of table) {
			it(name, async () => {
				prepare();
				assert.equal((await device.check()).status, 204);
			});
		}
	});

	describe("400", () => {
		const table: readonly (readonly [name: string, body: unknown])[] = [
			["version missing", { ...metadataOf("b3"), "rdfm.software.version": undefined }],
			["device type missing", { ...metadataOf("b3"), "rdfm.hardware.devtype": undefined }],
			["MAC missing", { ...metadataOf("b3"), "rdfm.hardware.macaddr": undefined }],
			["number", { ...metadataOf("b3"), n: 1 }],
			["boolean", { ...metadataOf("b3"), b: false }],
			["null", { ...metadataOf("b3"), n: null }],
			["object", { ...metadataOf("b3"), o: {} }],
			["an array", []],
			["a string", "x"],
		];
		for (const [name, body] of table) {
			it(name, async () => {
				const response = await device.post("/api/v1/update/check", body);
				assert.equal(response.status, 400);
				assert.match(errorText(response), /^schema validation failed: /);
			});
		}
		it("a list is no error", async () => assert.equal((await device.check({ list: ["a"] })).status, 204));
		it("wrapped like an authentication it lacks the keys", async () => {
			assert.equal((await device.post("/api/v1/update/check", { metadata: device.metadata })).status, 400);
		});
	});

	it("401 without a valid token", async () => {
		server.expireTokens();
		const response = await device.check();
		assert.equal(response.status, 401);
		assert.equal(errorText(response), "invalid token was provided");
	});

	describe("500 with JSON", () => {
		const send = (body: string, type: string) =>
			exchange(`${server.url}/api/v1/update/check`, {
				method: "POST",
				body,
				headers: { Authorization: `Bearer token=${device.token}`, "Content-Type": type },
			});
		it("unknown MAC in the body", async () => {
			const response = await device.check({ "rdfm.hardware.macaddr": "unknown" });
			assert.equal(response.status, 500);
			assert.equal(errorText(response), "provided MAC address does not match any device");
		});
		it("malformed JSON (not 400)", async () => {
			const response = await send("{", "application/json");
			assert.equal(response.status, 500);
			assert.equal(errorText(response), "update check failed");
		});
		it("wrong Content-Type (not 415)", async () => {
			const response = await send(JSON.stringify(device.metadata), "text/plain");
			assert.equal(response.status, 500);
			assert.equal(errorText(response), "update check failed");
		});
		it("a list as version", async () => {
			offer();
			assert.equal(errorText(await device.check({ "rdfm.software.version": ["1.0.0"] })), "update check failed");
		});
		for (const key of ["rdfm.hardware.devtype", "rdfm.software.version"]) {
			it(`a package without ${key} in the group`, async () => {
				offer();
				const { [key]: _, ...rest } = packageMetadata("2");
				server.addPackage(randomBytes(1), rest);
				server.assign("b3", "exact_match,1.1.0");
				const response = await device.check();
				assert.equal(response.status, 500);
				assert.equal(errorText(response), "update check failed");
			});
		}
	});

	it("the MAC in the body selects the device, the token's is not compared", async () => {
		offer();
		const other = await new TestDevice(server, "other").enrol();
		assert.equal((await other.check()).status, 204);
		assert.equal((await other.check({ "rdfm.hardware.macaddr": "b3" })).status, 200);
		assert.equal(server.updates.at(-1)?.mac, "b3");
	});

	it("each 200 inserts a row, 204 none", async () => {
		await device.check();
		assert.deepEqual(server.updates, []);
		offer();
		server.clock = () => 1_800_000_000_000;
		device.token = server.tokens.issue("b3").token;
		for (let round = 0; round < 3; round += 1) await device.check();
		server.clock = Date.now;
		const row = { mac: "b3", created: 1_800_000_000_000, version: "1.1.0", progress: 0 };
		assert.deepEqual(server.updates, [row, row, row]);
	});

	it("the check does not change the stored metadata", async () => {
		await device.check({ "rdfm.software.version": "7" });
		assert.equal(server.devices.find("b3")?.metadata["rdfm.software.version"], "1.0.0");
	});

	it("after installing, the exact version string ends the offers; another spelling does not", async () => {
		offer("1.1.0");
		assert.equal((await device.check({ "rdfm.software.version": "1.1.0" })).status, 204);
		assert.equal((await device.check({ "rdfm.software.version": "v1.1.0" })).status, 200);
	});

	it("the group with the lowest priority decides", async () => {
		for (const version of ["2", "3"]) server.addPackage(randomBytes(1), packageMetadata(version));
		const id = server.devices.find("b3")?.id ?? 0;
		for (const [priority, version] of [
			[20, "2"],
			[10, "3"],
		] as const) {
			const group = server.groups.create({}, priority);
			assert.equal(
				server.groups.changeDevices(group, [id], [], () => true),
				undefined,
			);
			server.groups.changePackages(group, [1, 2], () => true);
			server.groups.changePolicy(group, `exact_match,${version}`);
		}
		assert.equal((json(await device.check()) as { id: number }).id, 2);
	});

	it("an intermediate version is offered first where the target needs it", async () => {
		server.addPackage(randomBytes(1), packageMetadata("v4"));
		server.addPackage(randomBytes(1), packageMetadata("v5", { "requires:rdfm.software.version": "v4" }));
		server.assign("b3", "exact_match,v5");
		assert.equal((json(await device.check()) as { id: number }).id, 1);
		assert.equal((json(await device.check({ "rdfm.software.version": "v4" })) as { id: number }).id, 2);
	});
});

describe("B.3 links of a server with TLS", () => {
	const uriWith = (link: { readonly scheme?: "http" | "https"; readonly host?: string; readonly port?: number }): Promise<URL> =>
		withServer({ tls: certificate, link }, async (server) => {
			const device = await new TestDevice(server, "tls", "1", { ca: certificate.ca }).enrol();
			server.addPackage(randomBytes(1), packageMetadata("2"));
			server.assign("tls", "exact_match,2");
			return new URL((json(await device.check()) as { uri: string }).uri);
		});
	it("https by default", async () => assert.equal((await uriWith({})).protocol, "https:"));
	it("http when so configured: the trap", async () => assert.equal((await uriWith({ scheme: "http" })).protocol, "http:"));
	it("another host and port", async () =>
		assert.equal((await uriWith({ host: "files.example", port: 8080 })).host, "files.example:8080"));
});
