/** Facts 1.0 and 1.1: errors, content types, authentication, tokens, rate limits. */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { exchange } from "../../rdfm/spec/client";
import { bodyLimit } from "../http";
import { MenderServer } from "../server";
import { authPath, errorOf, inventoryPath, nextPath, pemOf, signatureOf, TestDevice } from "./device";

describe("Mender test server: conventions", () => {
	const server = new MenderServer();
	let device: TestDevice;
	before(async () => {
		await server.start();
		device = await new TestDevice(server, "conventions").enrol();
	});
	after(() => server.stop());

	it("unknown path 404, wrong method 405, both as JSON with a number", async () => {
		const unknown = await device.send("GET", "/api/devices/v1/nothing");
		assert.equal(unknown.status, 404);
		assert.equal(errorOf(unknown), "not found");
		const method = await device.send("DELETE", nextPath);
		assert.equal(method.status, 405);
		assert.equal(errorOf(method), "method not allowed");
	});
	it("the content type is looked at where a length is announced", async () => {
		const put = (headers: Record<string, string>, chunked = false) =>
			device.send("PUT", inventoryPath, "[]", { headers, chunked });
		assert.equal((await put({ "Content-Type": "text/plain" })).status, 415);
		assert.equal((await put({ "Content-Type": "/" })).status, 400);
		assert.equal((await put({ "Content-Type": "application/json; charset=utf-8" })).status, 200);
		assert.equal((await put({ "Content-Type": "text/plain" }, true)).status, 200);
	});
	it("bodies over 1 MiB: 413 with a length, 400 without", async () => {
		const large = JSON.stringify("x".repeat(bodyLimit));
		assert.equal((await device.send("PUT", inventoryPath, large)).status, 413);
		assert.equal((await device.send("PUT", inventoryPath, large, { chunked: true })).status, 400);
	});
	it("no token: 401 with a body; a bad one: 401 without", async () => {
		const none = await exchange(`${server.url}${nextPath}?artifact_name=a&device_type=b`);
		assert.equal(none.status, 401);
		assert.notEqual(errorOf(none), "");
		const bad = await exchange(`${server.url}${nextPath}`, { headers: { Authorization: "Bearer a.b.c" } });
		assert.deepEqual([bad.status, bad.text], [401, ""]);
	});
	it("the token may come as a cookie", async () => {
		const headers = { Cookie: `JWT=${device.token}` };
		const query = "artifact_name=a&device_type=b";
		assert.equal((await exchange(`${server.url}${nextPath}?${query}`, { headers })).status, 204);
	});
	it("rate limits: 429 with Retry-After and a body", async () => {
		const limited = await new TestDevice(server, "limited").enrol();
		server.tokens.rateLimit = { requests: 2, interval: 60 };
		const answers = [await limited.next(), await limited.next(), await limited.next()];
		server.tokens.rateLimit = undefined;
		assert.deepEqual(
			answers.map(({ status }) => status),
			[204, 204, 429],
		);
		const last = answers.at(-1);
		assert.ok(last);
		assert.match(String(last.headers["retry-after"]), /^(59|60)$/);
		assert.notEqual(errorOf(last), "");
	});
});

describe("Mender test server: authentication", () => {
	const server = new MenderServer();
	before(() => server.start());
	after(() => server.stop());

	const device = (): TestDevice => new TestDevice(server, "auth");
	const unauthorized = "dev auth: unauthorized";
	const rows: readonly (readonly [string, (one: TestDevice) => string, number, RegExp])[] = [
		["two members", (one) => one.body(), 401, /^dev auth: unauthorized$/],
		["more of them", (one) => one.body({ tenant_token: "t", tier: "micro" }), 401, /^dev auth: unauthorized$/],
		["not JSON", () => "{", 400, /^failed to decode auth request: /],
		["id_data missing", (one) => one.body({ id_data: undefined }), 400, /^invalid auth request: id_data must be provided$/],
		["id_data an object", (one) => one.body({ id_data: { mac: "x" } }), 400, /^failed to decode auth request: /],
		["id_data a text with a list", (one) => one.body({ id_data: "[]" }), 400, /^invalid auth request: /],
		["id_data no JSON", (one) => one.body({ id_data: "mac" }), 400, /^invalid auth request: /],
		["pubkey missing", (one) => one.body({ pubkey: undefined }), 400, /^invalid auth request: pubkey must be provided$/],
		["pubkey nonsense", (one) => one.body({ pubkey: "x" }), 400, /^invalid auth request: cannot decode public key$/],
	];
	for (const [what, body, status, text] of rows)
		it(`${what} -> ${status}`, async () => {
			const response = await device().authenticate(body(device()));
			assert.equal(response.status, status);
			assert.match(errorOf(response), text);
		});
	it("PKCS#1 under its own label -> 400", async () => {
		const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
		const pubkey = createPublicKey(publicKey.export({ type: "spki", format: "pem" })).export({ type: "pkcs1", format: "pem" });
		const response = await device().authenticate(device().body({ pubkey }));
		assert.equal(errorOf(response), "invalid auth request: cannot decode public key");
	});
	it("fields before the header, the header before the signature", async () => {
		assert.equal(errorOf(await device().authenticate("{}", "")), "invalid auth request: id_data must be provided");
		assert.equal(errorOf(await device().authenticate(device().body(), "")), "missing request signature header");
		const forged = await device().authenticate(device().body(), signatureOf("other"));
		assert.deepEqual([forged.status, errorOf(forged)], [401, "signature verification failed"]);
		const url = `${server.url}${authPath}`;
		assert.equal((await exchange(url, { method: "GET" })).status, 405);
	});
	for (const [name, pair] of [
		["RSA-3072", generateKeyPairSync("rsa", { modulusLength: 3072 })],
		["P-256", generateKeyPairSync("ec", { namedCurve: "P-256" })],
		["P-521", generateKeyPairSync("ec", { namedCurve: "P-521" })],
		["Ed25519", generateKeyPairSync("ed25519")],
	] as const)
		it(`${name} is taken`, async () => {
			const one = new TestDevice(server, `key ${name}`);
			one.publicPEM = pemOf(pair.publicKey);
			one.privateKey = pair.privateKey;
			assert.equal(errorOf(await one.authenticate()), unauthorized);
		});
	it("base64 without its padding, or of the other alphabet, is no signature", async () => {
		const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
		const one = new TestDevice(server, "base64");
		one.publicPEM = pemOf(publicKey);
		const right = signatureOf(one.body(), privateKey);
		assert.equal(errorOf(await one.authenticate(one.body(), right)), unauthorized);
		for (const wrong of [right.replace(/=+$/, ""), `-${right.slice(1)}`])
			assert.equal(errorOf(await one.authenticate(one.body(), wrong)), "signature verification failed");
	});
	it("accepted: the bare token as application/jwt, a week long; again: another one", async () => {
		const one = await new TestDevice(server, "accepted").enrol();
		const first = one.token;
		const response = await one.authenticate();
		assert.equal(response.headers["content-type"], "application/jwt");
		assert.notEqual(response.text, first);
		const claims = JSON.parse(Buffer.from(response.text.split(".")[1] ?? "", "base64url").toString());
		assert.equal(claims.exp - claims.iat, 604_800);
		assert.equal(claims.iss, "Mender");
	});
	it("rejected looks like pending; the order of id_data does not matter, a second key waits", async () => {
		const one = new TestDevice(server, "twice");
		const identity = (text: string): string => one.body({ id_data: text });
		await one.authenticate(identity('{"mac":"twice","a":"b"}'));
		server.accept("twice");
		assert.equal((await one.authenticate(identity('{ "a":"b", "mac":"twice"}'))).status, 200);
		const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
		one.publicPEM = pemOf(pair.publicKey);
		one.privateKey = pair.privateKey;
		assert.equal(errorOf(await one.authenticate(identity('{"mac":"twice","a":"b"}'))), unauthorized);
		assert.equal(server.devices.find("twice")?.sets.length, 2);
		server.reject("twice");
		assert.equal(errorOf(await one.authenticate(identity('{"mac":"twice","a":"b"}'))), unauthorized);
	});
	it("a token that is a week old, or of a key that was turned away, is none", async () => {
		const one = await new TestDevice(server, "week").enrol();
		server.clock = () => Date.now() + 604_801_000;
		assert.equal((await one.next()).status, 401);
		server.clock = Date.now;
		assert.equal((await one.next()).status, 204);
		server.reject("week");
		assert.deepEqual([(await one.next()).status, (await one.next()).text], [401, ""]);
	});
});
