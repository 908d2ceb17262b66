/** Facts B.2: the body's rules, keys, signatures, the order of checks, registration, tokens. */
import { strict as assert } from "node:assert";
import { constants, createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { RdfmServer } from "../server";
import { assertHtml, errorText, exchange, json, sendJson } from "./client";
import { commonKey, commonPem, metadataOf, signatureOf, TestDevice, withServer } from "./device";

const unapproved = "device unauthorized";
const badSignature = "signature verification failed";

describe("B.2 authentication", () => {
	const server = new RdfmServer();

	before(() => server.start());
	after(() => server.stop());

	describe("body", () => {
		const bodyOf = (changes: object): string =>
			JSON.stringify({ metadata: metadataOf("b2"), public_key: commonPem, timestamp: 1, ...changes });
		const withMetadata = (changes: object): string => bodyOf({ metadata: { ...metadataOf("b2"), ...changes } });
		/** 401 means that the body was taken: the device is not approved. */
		const table: readonly (readonly [name: string, body: string, status: 400 | 401])[] = [
			["three keys", bodyOf({}), 401],
			["unknown top-level key", bodyOf({ extra: "x" }), 400],
			["public_key missing", JSON.stringify({ metadata: metadataOf("b2"), timestamp: 1 }), 400],
			["metadata missing", JSON.stringify({ public_key: commonPem, timestamp: 1 }), 400],
			["timestamp missing", JSON.stringify({ public_key: commonPem, metadata: metadataOf("b2") }), 400],
			["not an object", "[]", 400],
			["more metadata", withMetadata({ "esp.uptime": "12", "rdfm.software.tags": ["a", "b"] }), 401],
			["list in metadata", withMetadata({ list: ["a"] }), 401],
			["number in metadata", withMetadata({ n: 1 }), 400],
			["boolean in metadata", withMetadata({ b: true }), 400],
			["null in metadata", withMetadata({ n: null }), 400],
			["object in metadata", withMetadata({ o: {} }), 400],
			["number inside a list", withMetadata({ l: ["a", 1] }), 400],
			["version missing", withMetadata({ "rdfm.software.version": undefined }), 400],
			["device type missing", withMetadata({ "rdfm.hardware.devtype": undefined }), 400],
			["MAC missing", withMetadata({ "rdfm.hardware.macaddr": undefined }), 400],
			["empty MAC", withMetadata({ "rdfm.hardware.macaddr": "" }), 401],
			["pretty-printed", JSON.stringify(JSON.parse(bodyOf({})), undefined, 4), 401],
			["UTF-8", withMetadata({ place: "Łódź 日本" }), 401],
			["public_key not a string", bodyOf({ public_key: 5 }), 400],
			["timestamp 0", bodyOf({ timestamp: 0 }), 401],
			["timestamp -5", bodyOf({ timestamp: -5 }), 401],
			["timestamp 2^40", bodyOf({ timestamp: 2 ** 40 }), 401],
			["timestamp 1.5", bodyOf({ timestamp: 1.5 }), 401],
			['timestamp "1694681536"', bodyOf({ timestamp: "1694681536" }), 401],
			['timestamp "abc"', bodyOf({ timestamp: "abc" }), 400],
			["timestamp null", bodyOf({ timestamp: null }), 400],
			["timestamp true", bodyOf({ timestamp: true }), 400],
		];
		for (const [name, body, status] of table) {
			it(`${name} -> ${status}`, async () => {
				const response = await new TestDevice(server, "b2").authenticate(body);
				assert.equal(response.status, status);
				if (status === 401) assert.equal(errorText(response), unapproved);
				else assert.match(errorText(response), /^schema validation failed: \{.*\}$/);
			});
		}
		it("the error names the unknown field", async () => {
			const response = await new TestDevice(server, "b2").authenticate(bodyOf({ extra: "x" }));
			assert.equal(errorText(response), "schema validation failed: {'extra': ['Unknown field.']}");
		});
		it("invalid UTF-8 -> 400 HTML", async () => {
			const body = Buffer.from(withMetadata({ x: "\u00e9" }), "latin1");
			assertHtml(await new TestDevice(server, "b2").authenticate(body), 400);
		});
	});

	describe("key sizes", () => {
		for (const modulusLength of [1024, 2048, 3072, 4096]) {
			it(`RSA-${modulusLength} is accepted`, async () => {
				const device = new TestDevice(server, `rsa${modulusLength}`);
				const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength });
				device.privateKey = privateKey;
				device.publicKey = publicKey.export({ type: "spki", format: "pem" }).toString();
				assert.equal((await device.authenticate()).status, 401);
				server.approve(device.mac);
				assert.equal((await device.authenticate()).status, 200);
			}).timeout(60_000);
		}
	});

	describe("PEM forms", () => {
		const pkcs1 = createPublicKey(commonPem).export({ type: "pkcs1", format: "pem" }).toString();
		const lines = commonPem.trim().split("\n");
		const base64 = lines.slice(1, -1).join("");
		const table: readonly (readonly [name: string, pem: string, status: 400 | 401])[] = [
			["SPKI", commonPem, 401],
			["PKCS#1 under its own label", pkcs1, 401],
			["PKCS#1 inside BEGIN PUBLIC KEY", pkcs1.replaceAll("RSA PUBLIC KEY", "PUBLIC KEY"), 401],
			["CRLF", commonPem.replaceAll("\n", "\r\n"), 401],
			["no newline at the end", commonPem.trimEnd(), 401],
			["base64 on a single line", [lines[0], base64, lines.at(-1)].join("\n"), 401],
			["everything on one line", lines.join(""), 400],
			["blanks for newlines", lines.join(" "), 400],
			["literal backslash-n", lines.join("\\n"), 400],
			["leading blank", ` ${commonPem}`, 400],
			["bare base64", base64, 400],
			["empty", "", 400],
		];
		for (const [name, pem, status] of table) {
			it(`${name} -> ${status}`, async () => {
				const device = new TestDevice(server, "pem");
				device.publicKey = pem;
				const response = await device.authenticate();
				assert.equal(response.status, status);
				assert.equal(errorText(response), status === 401 ? unapproved : badSignature);
			});
		}
	});

	describe("signature forms", () => {
		const right = (body: string): string => signatureOf(body);
		const table: readonly (readonly [name: string, make: (body: string) => string, status: 400 | 401])[] = [
			["base64 with padding", right, 401],
			["base64url", (body) => right(body).replaceAll("+", "-").replaceAll("/", "_"), 400],
			["without padding", (body) => right(body).replaceAll("=", ""), 400],
			["with blanks inside", (body) => right(body).replace(/.{64}/g, "$& "), 401],
			["empty", () => "", 400],
			["of another body", () => right("other"), 400],
			["RSA-PSS", (body) => signWith(commonKey, "sha256", body, constants.RSA_PKCS1_PSS_PADDING), 400],
			["PKCS#1 v1.5 with SHA-512", (body) => signWith(commonKey, "sha512", body), 400],
		];
		for (const [name, make, status] of table) {
			it(`${name} -> ${status}`, async () => {
				const device = new TestDevice(server, "signature");
				const response = await device.authenticate(device.body(), make(device.body()));
				assert.equal(response.status, status);
				assert.equal(errorText(response), status === 401 ? unapproved : badSignature);
			});
		}
		it("an ECDSA key -> 400", async () => {
			const device = new TestDevice(server, "ecdsa");
			const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
			device.privateKey = privateKey;
			device.publicKey = publicKey.export({ type: "spki", format: "pem" }).toString();
			const response = await device.authenticate();
			assert.equal(response.status, 400);
			assert.equal(errorText(response), badSignature);
		});
		it("the header missing -> 400", async () => {
			const response = await sendJson(`${server.url}/api/v1/auth/device`, JSON.parse(new TestDevice(server, "x").body()));
			assert.equal(response.status, 400);
			assert.equal(errorText(response), "request is missing device signature header (X-RDFM-Device-Signature)");
		});
	});

	describe("order of checks", () => {
		it("schema before signature header", async () => {
			assert.match(errorText(await sendJson(`${server.url}/api/v1/auth/device`, {})), /^schema validation failed/);
		});
		it("signature before authorization", async () => {
			const device = new TestDevice(server, "never seen");
			assert.equal(errorText(await device.authenticate(device.body(), "AAAA")), badSignature);
			assert.ok(!server.pending().some(({ mac }) => mac === device.mac), "a bad signature must not register");
		});
		it("415 and malformed JSON before everything", async () => {
			const url = `${server.url}/api/v1/auth/device`;
			assertHtml(await exchange(url, { method: "POST", body: "{}" }), 415);
			assertHtml(await exchange(url, { method: "POST", body: "{", headers: { "Content-Type": "application/json" } }), 400);
		});
	});
});

describe("B.2 tokens", () => {
	const server = new RdfmServer();

	before(() => server.start());
	after(() => server.stop());

	it("200 is the token and its 300 s, keys sorted", async () => {
		const device = new TestDevice(server, "token");
		await device.enrol();
		const response = await device.authenticate();
		assert.match(response.text, /^\{"expires":300,"token":"[\w-]+\.[\w-]+\.[\w-]+"\}\n$/);
	});
	it("is a JWT with HS256 and the server's own claims", async () => {
		const now = Date.UTC(2026, 0, 1);
		server.clock = () => now;
		const device = new TestDevice(server, "token");
		await device.authenticate();
		server.clock = Date.now;
		const [header = "", claims = ""] = device.token.split(".").map((part) => Buffer.from(part, "base64url").toString());
		assert.equal(header, '{"alg":"HS256","typ":"JWT"}');
		assert.equal(claims, `{"device_id":"token","created_at":${now / 1000},"expires":300}`);
	});
	it("ends at created_at + expires, not before", async () => {
		const device = await new TestDevice(server, "life").enrol();
		const issued = Date.now();
		const statusAfter = async (milliseconds: number): Promise<number> => {
			server.clock = () => issued + milliseconds;
			const { status } = await device.check();
			server.clock = Date.now;
			return status;
		};
		assert.equal(await statusAfter(298_000), 204);
		assert.equal(await statusAfter(301_000), 401);
	});
	it("lives as long as configured", async () => {
		await withServer({ tokenLifetime: 7 }, async (other) => {
			const device = await new TestDevice(other, "short").enrol();
			assert.equal((json(await device.authenticate()) as { expires: number }).expires, 7);
		});
	});
	it("with algorithm none or another key is refused", async () => {
		const device = await new TestDevice(server, "forged").enrol();
		const claims = device.token.split(".")[1] ?? "";
		const head = (alg: string): string => Buffer.from(JSON.stringify({ alg, typ: "JWT" })).toString("base64url");
		const hmac = createHmac("sha256", "guess")
			.update(`${head("HS256")}.${claims}`)
			.digest("base64url");
		for (const token of [`${head("none")}.${claims}.`, `${head("HS256")}.${claims}.${hmac}`]) {
			assert.equal((await device.post("/api/v1/logs", { batch: [] }, `Bearer token=${token}`)).status, 401);
		}
	});
	it("outlives its device", async () => {
		const device = await new TestDevice(server, "deleted").enrol();
		const id = server.devices.find("deleted")?.id;
		assert.equal((await exchange(`${server.url}/api/v2/devices/${id}`, { method: "DELETE" })).status, 200);
		assert.equal((await device.post("/api/v1/update/check", {})).status, 400, "past the token check");
		assert.equal((await device.sendLogs([])).status, 500);
		assert.equal((await device.authenticate()).status, 401);
		assert.ok(server.pending().some(({ mac }) => mac === "deleted"));
	});
});

const signWith = (key: KeyObject, hash: string, body: string, padding: number = constants.RSA_PKCS1_PADDING): string =>
	sign(hash, Buffer.from(body), { key, padding }).toString("base64");
