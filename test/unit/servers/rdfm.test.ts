import Base64 from "base64";
import { assert } from "chai";
import { Identity } from "fleetling/agent/identity";
import { type Server, ServerError } from "fleetling/agent/server";
import { Cancellation } from "fleetling/common/cancellation";
import { Key } from "fleetling/common/crypto";
import { FleetlingError } from "fleetling/error/error";
import { errorText } from "fleetling/servers/answers";
import { packageAddress } from "fleetling/servers/rdfm/address";
import { allMetadataOf, authenticationBody, metadataOf, parseGrant, parseOffer } from "fleetling/servers/rdfm/messages";
import { rdfm } from "fleetling/servers/rdfm/rdfm";
import { describe, it } from "test/harness";
import TextEncoder from "text/encoder";
import { rejects } from "../fakes/errors";
import { Lines } from "../fakes/log";
import { MemoryStore } from "../fakes/store";
import { html, json, type Scripted, ScriptedWeb } from "../fakes/web";

const facts = {
	version: "1.0.0",
	settledVersion: "1.0.0",
	deviceType: "thermostat",
	mac: "24:6f:28:aa:bb:cc",
	others: { target: "esp32c3", xs: "13.3.0" },
	condition: { slot: "ota_0", reset: "brown-out", uptime: "1234567", free: "123456" },
};
const sha256 = "ab".repeat(32);
const good = { id: 7, created: "Sat, 21 Nov 2026 21:30:41 GMT", sha256, uri: "https://host:5000/local_storage/x" };
const never = new Cancellation();
const url = "https://host:5000";

function serverOf(web: ScriptedWeb, address = url): Server {
	return rdfm.create({
		url: address,
		web,
		clock: { now: () => 1_694_681_536_789, set: () => {} },
		log: new Lines().tag(),
		wake: () => {},
		abort: () => {},
	});
}

function serverWith(...script: (Scripted | Error)[]): { readonly server: Server; readonly web: ScriptedWeb } {
	const web = new ScriptedWeb(...script);
	return { server: serverOf(web), web };
}

let identity: Identity | undefined;

/** Any key will do where the wire is not looked at; one that is made fast. */
async function anyone(): Promise<Identity> {
	identity ??= await Identity.load(new MemoryStore(), "p-256", new Lines().tag());
	return identity;
}

function bytes(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}

describe("RDFM's messages", () => {
	it("hold the three mandatory keys and nothing but texts", () => {
		const metadata = metadataOf({ ...facts, others: { "rdfm.software.version": "9", free: "100" } });
		assert.deepEqual(metadata, {
			"rdfm.software.version": "1.0.0",
			"rdfm.hardware.devtype": "thermostat",
			"rdfm.hardware.macaddr": "24:6f:28:aa:bb:cc",
			free: "100",
		});
	});

	it("tell how the device is when it introduces itself, where the server keeps it, and never over a mandatory key", () => {
		const condition = { ...facts.condition, target: "?", "rdfm.software.version": "9" };
		assert.deepEqual(allMetadataOf({ ...facts, condition }), { ...metadataOf(facts), ...facts.condition });
	});

	it("have exactly three keys for authentication, with whole seconds", () => {
		const body = JSON.parse(authenticationBody({ a: "b" }, "PEM\n", 1_694_681_536_789));
		assert.deepEqual(body, { metadata: { a: "b" }, public_key: "PEM\n", timestamp: 1_694_681_536 });
	});

	it("give a token and its lifetime", () => {
		assert.deepEqual(parseGrant(bytes('{"expires":300,"token":"ey.J"}')), { token: "ey.J", lifetime: 300_000 });
		assert.deepEqual(parseGrant(bytes('{"token":"ey.J"}')), { token: "ey.J" });
	});

	const badGrants = [
		"",
		"<html>",
		"{}",
		'{"token":1}',
		'{"token":""}',
		'{"token":"a b"}',
		'{"token":"a\\r\\nX: y"}',
		'{"token":"ü"}',
	];
	for (const text of [
		...badGrants,
		`{"token":"${"x".repeat(1025)}"}`,
		'{"token":"x","expires":"soon"}',
		'{"token":"x","expires":-1}',
	])
		it(`give no token from ${text.slice(0, 40)}`, async () => {
			await rejects("server.bad-answer", () => parseGrant(bytes(text)), "RDFM's token");
		});

	it("give an offer, with its number as a text", () => {
		const { id, uri } = good;
		assert.deepEqual(parseOffer(bytes(JSON.stringify(good))), { id: String(id), url: uri, sha256 });
	});

	for (const field of ["id", "sha256", "uri"] as const)
		it(`give no offer without ${field}`, async () => {
			await rejects("server.bad-answer", () => parseOffer(bytes(JSON.stringify({ ...good, [field]: undefined }))), `"${field}"`);
			await rejects("server.bad-answer", () => parseOffer(bytes(JSON.stringify({ ...good, [field]: {} }))), `"${field}"`);
		});

	it("give no offer with a hash that is none", async () => {
		await rejects("server.bad-offer", () => parseOffer(bytes(JSON.stringify({ ...good, sha256: "abc" }))));
	});

	it("give an error's text only when it is JSON", () => {
		assert.equal(errorText("application/json", bytes('{"error": "no"}\n')), "no");
		assert.equal(errorText("Application/JSON; charset=utf-8", bytes('{"error":"no"}')), "no");
		assert.isUndefined(errorText("text/html", bytes('{"error": "no"}')));
		assert.isUndefined(errorText(undefined, bytes('{"error": "no"}')));
		for (const text of ["", "<html>", "[]", '{"error":5}', '{"error":""}', "{}"])
			assert.isUndefined(errorText("application/json", bytes(text)));
	});
});

describe("RDFM authentication", () => {
	it("signs the very bytes that it sends", async () => {
		const { server, web } = serverWith(json(200, { expires: 300, token: "ey.J" }));
		const me = await anyone();
		const grant = await server.authenticate({ facts, identity: me }, never);
		assert.deepEqual(grant, { token: "ey.J", lifetime: 300_000 });
		const [request] = web.requests;
		assert.equal(request?.method, "POST");
		assert.equal(request?.url, "https://host:5000/api/v1/auth/device");
		assert.equal(web.header(0, "Content-Type"), "application/json");
		const signature = Base64.decode(web.header(0, "X-RDFM-Device-Signature") ?? "");
		const key = Key.importPublic(me.publicPEM);
		assert.isTrue(key.verify(request?.body ?? new Uint8Array(0), signature));
		key.close();
		const body = JSON.parse(web.text(0));
		assert.deepEqual(Object.keys(body), ["metadata", "public_key", "timestamp"]);
		assert.equal(body.public_key, me.publicPEM);
		assert.isUndefined(web.header(0, "Authorization"));
	});

	it("fits into one TCP segment with an RSA key", () => {
		// 344 characters of signature, 451 of PEM with 9 line ends that JSON doubles.
		const pem = `${"x".repeat(441)}${"\n".repeat(9)}`;
		const body = authenticationBody(allMetadataOf(facts), pem, Date.now());
		const head = 27 + 4 + 344 + "POST /api/v1/auth/device HTTP/1.1\r\nHost: updates.example.com:5000\r\n".length;
		assert.isAtMost(body.length + head + "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n".length, 1_400);
	});

	it("uses a key that the server can verify", () => {
		assert.equal(rdfm.keyType, "rsa-2048");
	});

	const failures = [
		["server.not-approved", json(401, { error: "device unauthorized" }), "device unauthorized"],
		["server.refused", json(400, { error: "signature verification failed" }), "signature verification failed"],
		["server.refused", html(400), "status 400"],
		["server.refused", html(404), "url"],
		["server.refused", html(415), "status 415"],
		["server.failed", json(500, { error: "registration failed" }), "registration failed"],
		["server.failed", html(500), "status 500"],
		["server.failed", { status: 302 }, "status 302"],
		["server.busy", { status: 503, retryAfter: "7" }, "status 503"],
		["server.busy", { status: 429, retryAfter: "7" }, "status 429"],
		["server.bad-answer", html(200), "not JSON"],
		["server.bad-answer", { status: 200 }, "not JSON"],
	] as const;
	for (const [code, answer, text] of failures)
		it(`understands ${answer.status} ${"type" in answer ? answer.type : ""}: ${code}`, async () => {
			const { server } = serverWith(answer);
			const me = await anyone();
			const error = await rejects(code, () => server.authenticate({ facts, identity: me }, never), text);
			assert.notInclude(error.message, "<");
			if (code === "server.bad-answer") return;
			assert.instanceOf(error, ServerError);
			assert.equal((error as ServerError).status, answer.status);
			assert.equal((error as ServerError).retryAfter, "retryAfter" in answer ? 7_000 : undefined);
		});

	it("passes on that there was no answer", async () => {
		const { server } = serverWith(new FleetlingError("net.refused", "nobody there"));
		const me = await anyone();
		await rejects("net.refused", () => server.authenticate({ facts, identity: me }, never));
	});
});

describe("RDFM update check", () => {
	it("sends the metadata itself and the token in RDFM's form", async () => {
		const { server, web } = serverWith({ status: 204, type: "application/json" });
		assert.isUndefined(await server.check("ey.J", facts, never));
		assert.equal(web.requests[0]?.url, "https://host:5000/api/v1/update/check");
		assert.equal(web.header(0, "Authorization"), "Bearer token=ey.J");
		assert.equal(web.header(0, "Content-Type"), "application/json");
		assert.deepEqual(JSON.parse(web.text(0)), { ...metadataOf(facts) });
		assert.equal(web.requests[0]?.headers?.length, 2, "every header costs bytes at every poll");
	});

	it("gives the offer", async () => {
		const { server } = serverWith(json(200, good));
		assert.deepEqual(await server.check("t", facts, never), { id: "7", url: good.uri, sha256 });
	});

	it("follows links of http to the server's own port with TLS", async () => {
		const { server } = serverWith(json(200, { ...good, uri: "http://host:5000/local_storage/x" }));
		assert.equal((await server.check("t", facts, never))?.url, "https://host:5000/local_storage/x");
	});

	const failures = [
		["server.token-refused", json(401, { error: "invalid token was provided" }), "invalid token"],
		["server.refused", json(400, { error: "schema validation failed: {}" }), "schema validation"],
		["server.failed", json(500, { error: "provided MAC address does not match any device" }), "MAC address"],
		["server.failed", html(500), "status 500"],
		["server.refused", html(404), "url"],
		["server.busy", { status: 429, retryAfter: "1" }, "429"],
		["server.bad-answer", html(200), "not JSON"],
		["server.bad-answer", json(200, {}), '"id"'],
		["server.failed", { status: 304 }, "304"],
	] as const;
	for (const [code, answer, text] of failures)
		it(`understands ${answer.status} ${"type" in answer ? answer.type : ""}: ${code}`, async () => {
			await rejects(code, () => serverWith(answer).server.check("secret", facts, never), text);
		});

	it("never quotes the token, and bounds what the server says", async () => {
		const { server } = serverWith(json(400, { error: "y".repeat(3_000) }));
		const error = await rejects("server.refused", () => server.check("secret", facts, never));
		assert.notInclude(error.message, "secret");
		assert.isBelow(error.message.length, 400);
	});

	it("does not take a link that is none", async () => {
		for (const uri of ["ftp://host/x", "/local_storage/x", "https://user@host/x", "https://"])
			await rejects("http.bad-url", () => serverWith(json(200, { ...good, uri })).server.check("t", facts, never));
	});
});

describe("RDFM download", () => {
	const sink = () => {
		const taken: number[] = [];
		return { taken, buffer: new Uint8Array(4), begin: () => {}, block: (part: Uint8Array) => void taken.push(...part) };
	};

	it("needs no token and sends none anywhere", async () => {
		const { server, web } = serverWith({ status: 200, body: "package" }, { status: 200, body: "package" });
		for (const link of [good.uri, "https://s3.example.com/bucket/x?X-Amz-Signature=1"]) {
			const into = sink();
			await server.download("secret", { id: "7", url: link, sha256 }, into, never);
			assert.deepEqual(into.taken, [...bytes("package")]);
		}
		assert.equal(web.requests.length, 2);
		for (const request of web.requests) assert.notInclude(JSON.stringify(request), "secret");
	});

	for (const [status, code] of [
		[401, "update.gone"],
		[403, "update.gone"],
		[404, "update.gone"],
		[410, "update.gone"],
		[416, "update.changed"],
		[204, "server.failed"],
		[503, "server.busy"],
		[500, "server.failed"],
	] as const)
		it(`does not take the body of ${status} for a package`, async () => {
			const { server } = serverWith({ status, body: "nonsense" });
			const into = sink();
			await rejects(code, () => server.download("t", { id: "7", url: good.uri }, into, never), `status ${status}`);
			assert.deepEqual(into.taken, []);
		});
});

describe("RDFM links", () => {
	const cases = [
		["https://h:5000", "http://h:5000/a?b=c", "https://h:5000/a?b=c"],
		["https://h:5000", "https://h:5000/a", "https://h:5000/a"],
		["https://h:5000/base", "http://H:5000/a", "https://h:5000/a"],
		["https://h:5000", "http://h/a", "http://h/a"],
		["https://h:5000", "http://other:5000/a", "http://other:5000/a"],
		["https://h:5000", "http://h:5001/a", "http://h:5001/a"],
		["https://h", "http://h:443/a", "https://h:443/a"],
		["https://[::1]:5000", "http://[::1]:5000/a", "https://[::1]:5000/a"],
		["http://h:5000", "http://h:5000/a", "http://h:5000/a"],
	] as const;
	for (const [server, link, expected] of cases)
		it(`of ${server} to ${link} lead to ${expected}`, () => assert.equal(packageAddress(server, link), expected));
});
