import Base64 from "base64";
import { assert } from "chai";
import { Identity } from "fleetling/agent/identity";
import { ServerError } from "fleetling/agent/server";
import { Key } from "fleetling/common/crypto";
import { sleep } from "fleetling/common/time";
import { errorText } from "fleetling/servers/answers";
import { makeFrame } from "fleetling/servers/mender/connect/frame";
import { mender } from "fleetling/servers/mender/mender";
import { parseToken } from "fleetling/servers/mender/messages";
import { describe, it } from "test/harness";
import TextEncoder from "text/encoder";
import { rejects } from "../fakes/errors";
import { Lines } from "../fakes/log";
import { MemoryStore } from "../fakes/store";
import { html, json } from "../fakes/web";
import { anyone, bench, deployment, facts, id, link, never, provides, url } from "./mender-bench";

const bytes = (text: string): Uint8Array => new Uint8Array(new TextEncoder().encode(text));
const token = { status: 200, type: "application/jwt", body: "ey.J.x" };
const pending = json(401, { error: "dev auth: unauthorized", request_id: "1" });

describe("Mender authentication", () => {
	it("sends id_data as a text, the key as SPKI, and signs the very bytes", async () => {
		const { server, web } = bench([token]);
		const me = await anyone();
		assert.deepEqual(await server.authenticate({ facts, identity: me }, never), { token: "ey.J.x" });
		const [request] = web.requests;
		assert.equal(request?.method, "POST");
		assert.equal(request?.url, `${url}/api/devices/v1/authentication/auth_requests`);
		assert.equal(web.header(0, "Content-Type"), "application/json");
		assert.isUndefined(web.header(0, "Authorization"));
		const body = JSON.parse(web.text(0));
		assert.deepEqual(body, { id_data: '{"mac":"02:42:ac:11:00:02"}', pubkey: me.publicPEM });
		const key = Key.importPublic(me.publicPEM);
		assert.isTrue(key.verify(request?.body ?? bytes(""), Base64.decode(web.header(0, "X-MEN-Signature") ?? "")));
		key.close();
	});

	it("adds the tenant's token and what the configuration says of the device, in an order that stays", async () => {
		const settings = { tenantToken: "tt", identity: { sn: "ESP32-0001", a: "b" }, inventorySecs: 60 };
		const { server, web } = bench([token, token], { settings });
		const me = await anyone();
		for (let times = 0; times < 2; times++) await server.authenticate({ facts, identity: me }, never);
		const body = JSON.parse(web.text(0));
		assert.equal(body.tenant_token, "tt");
		assert.equal(body.id_data, '{"a":"b","mac":"02:42:ac:11:00:02","sn":"ESP32-0001"}');
		assert.equal(web.text(1), web.text(0));
	});

	it("takes P-256 unless an RSA key is chosen, which signs with PKCS#1 v1.5", async () => {
		assert.equal(mender.keyType, "p-256");
		assert.include(mender.otherKeyTypes ?? [], "rsa-3072");
		const me = await Identity.load(new MemoryStore(), "rsa-2048", new Lines().tag());
		const { server, web } = bench([token]);
		await server.authenticate({ facts, identity: me }, never);
		const key = Key.importPublic(me.publicPEM);
		assert.isTrue(key.verify(web.requests[0]?.body ?? bytes(""), Base64.decode(web.header(0, "X-MEN-Signature") ?? "")));
		key.close();
		me.close();
	});

	const failures = [
		["server.not-approved", pending, "dev auth: unauthorized"],
		["server.refused", json(400, { error: "invalid auth request: cannot decode public key" }), "cannot decode"],
		["server.refused", json(404, { error: "not found" }), "url"],
		["server.failed", json(500, { error: "internal error" }), "internal error"],
		["server.busy", { status: 503, retryAfter: "7" }, "status 503"],
		["server.busy", { status: 429, retryAfter: "7" }, "status 429"],
		["server.failed", html(502), "status 502"],
	] as const;
	for (const [code, answer, text] of failures)
		it(`understands ${answer.status}: ${code}`, async () => {
			const { server } = bench([answer]);
			const me = await anyone();
			const error = await rejects(code, () => server.authenticate({ facts, identity: me }, never), text);
			assert.equal((error as ServerError).retryAfter, "retryAfter" in answer ? 7_000 : undefined);
		});

	it("takes no token that could not go into a header", async () => {
		for (const text of ["", "\n", "a b", "a\r\nX: y", "ü", "x".repeat(3_073)]) assert.isUndefined(parseToken(bytes(text)), text);
		assert.equal(parseToken(bytes("ey.J\n")), "ey.J");
		const me = await anyone();
		await rejects("server.bad-answer", () => bench([html(200)]).server.authenticate({ facts, identity: me }, never), "url");
	});
});

describe("Mender's next deployment", () => {
	const nothing = { status: 204 };

	it("is asked for in the second version where that exists, with what the device provides", async () => {
		const { server, web } = bench([json(200, deployment)]);
		assert.deepEqual(await server.check("t", facts, never), { id, url: link });
		assert.equal(web.requests[0]?.method, "POST");
		assert.equal(web.requests[0]?.url, `${url}/api/devices/v2/deployments/device/deployments/next`);
		assert.equal(web.header(0, "Authorization"), "Bearer t");
		assert.deepEqual(JSON.parse(web.text(0)), { device_provides: { ...provides, device_type: "esp32-mod" } });
	});

	it("is asked for in the first version otherwise, encoded, and the second is not tried again", async () => {
		const odd = { artifact_name: "release v1 & more/ü" };
		const another = { ...deployment, id: "1" };
		const { server, web } = bench([json(404, { error: "not found" }), json(200, deployment), json(200, another)], {
			provides: () => odd,
		});
		for (let polls = 0; polls < 2; polls++) await server.check("t", facts, never);
		const query = "artifact_name=release%20v1%20%26%20more%2F%C3%BC&device_type=esp32-mod";
		const first = `${url}/api/devices/v1/deployments/device/deployments/next?${query}`;
		assert.deepEqual(
			web.requests.slice(1).map((request) => [request.method, request.url, request.body]),
			[
				["GET", first, undefined],
				["GET", first, undefined],
			],
		);
	});

	it("is asked for in the second version again after a proxy's page in its place", async () => {
		const { server, web } = bench([html(404), html(404), json(200, deployment)]);
		await rejects("server.refused", () => server.check("t", facts, never), "404");
		await server.check("t", facts, never);
		assert.deepEqual(
			web.requests.map(({ method }) => method),
			["POST", "GET", "POST"],
		);
	});

	const failures = [
		["server.token-refused", { status: 401 }, "401"],
		["server.token-refused", json(403, { error: "forbidden" }), "forbidden"],
		["server.failed", json(409, { error: "Device provided conflicting request data" }), "conflicting"],
		["server.refused", json(400, { error: "artifact_name: cannot be blank" }), "cannot be blank"],
		["server.busy", { status: 429, retryAfter: "9" }, "429"],
		["server.failed", json(500, { error: "internal error" }), "internal"],
		["server.bad-answer", html(200), "not JSON"],
		["server.bad-answer", json(200, { id }), '"artifact"'],
		["server.bad-answer", json(200, { ...deployment, id: "x".repeat(65) }), '"id"'],
	] as const;
	for (const [code, answer, text] of failures)
		it(`understands ${answer.status}: ${code}, ${text}`, async () => {
			await rejects(code, () => bench([answer]).server.check("secret", facts, never), text);
		});

	it("is not taken by a name that can go into no path: how it ended could never be told", async () => {
		for (const odd of ["\\ud800", "a\\u0000b", "a b", "../../x", "..", "ä", "a/b"]) {
			const body = JSON.stringify(deployment).replace(`"${id}"`, `"${odd}"`);
			await rejects("server.bad-answer", () => bench([{ status: 200, body }]).server.check("t", facts, never), '"id"');
		}
	});

	it("does not take a link that has to be fetched in another way", async () => {
		const source = { uri: link, method: "POST" };
		const answer = json(200, { ...deployment, artifact: { ...deployment.artifact, source } });
		await rejects("server.bad-answer", () => bench([answer]).server.check("t", facts, never), "POST");
	});

	it("is followed by the inventory: all of it, then what has changed, then nothing; PUT again where something is gone", async () => {
		let condition: Record<string, string> = { slot: "ota_0", free: "1" };
		const poll = nothing;
		const settings = { identity: {}, tenantToken: undefined, inventorySecs: 0 };
		const { server, web } = bench([poll, { status: 200 }, poll, { status: 200 }, poll, poll, { status: 200 }], { settings });
		const check = () => server.check("t", { ...facts, condition }, never);
		await check();
		condition = { slot: "ota_0", free: "2" };
		await check();
		await check();
		condition = { slot: "ota_0" };
		await check();
		const sent = web.requests.filter((request) => request.url.endsWith("/inventory/device/attributes"));
		assert.deepEqual(
			sent.map((request) => request.method),
			["PUT", "PATCH", "PUT"],
		);
		const all = JSON.parse(web.text(1)) as { readonly name: string; readonly value: string }[];
		assert.deepEqual(Object.fromEntries(all.map(({ name, value }) => [name, value])), {
			...provides,
			...{ target: "esp32c3", slot: "ota_0", free: "1", firmware_version: "1.0.0", mac: "02:42:ac:11:00:02" },
			device_type: "esp32-mod",
		});
		assert.deepEqual(JSON.parse(web.text(3)), [{ name: "free", value: "2" }]);
	});

	it("is followed by the inventory before its time when the artifact is another", async () => {
		let names: Record<string, string> = provides;
		const { server, web } = bench([nothing, { status: 200 }, nothing, nothing, { status: 200 }], { provides: () => names });
		await server.check("t", facts, never);
		await server.check("t", facts, never);
		names = { ...provides, artifact_name: "release-v2" };
		await server.check("t", facts, never);
		assert.deepEqual(JSON.parse(web.text(4)), [{ name: "artifact_name", value: "release-v2" }]);
	});

	it("is followed by the inventory also when the same is offered again, which waits for something", async () => {
		const found = json(200, deployment);
		const { server, web } = bench([found, found, { status: 200 }, found]);
		for (let polls = 0; polls < 3; polls++) assert.equal((await server.check("t", facts, never))?.id, id);
		assert.deepEqual(
			web.requests.map((request) => request.method),
			["POST", "POST", "PUT", "POST"],
		);
	});

	it("is followed by all of the inventory once the device has been let in anew, as a device that the server has not known", async () => {
		const { server, web } = bench([nothing, { status: 200 }, nothing, pending, token, nothing, { status: 200 }]);
		await server.check("t", facts, never);
		await server.check("t", facts, never);
		const me = await anyone();
		await rejects("server.not-approved", () => server.authenticate({ facts, identity: me }, never));
		await server.authenticate({ facts, identity: me }, never);
		await server.check("t", facts, never);
		assert.equal(web.requests.at(-1)?.method, "PUT");
		assert.equal(web.text(6), web.text(1));
	});

	it("has the inventory repeated with a new token when the old one ends in between, but not for a server that refuses it anyway", async () => {
		const settings = { identity: {}, tenantToken: undefined, inventorySecs: 0 };
		const refused = { status: 401 };
		const { server, web, lines } = bench(
			[nothing, { status: 200 }, nothing, refused, token, nothing, refused, nothing, { status: 200 }],
			{
				settings,
			},
		);
		await server.check("t", facts, never);
		await rejects("server.token-refused", () => server.check("t", { ...facts, version: "1.0.1" }, never));
		assert.lengthOf(lines.with("W (0) mender: "), 0);
		await server.authenticate({ facts, identity: await anyone() }, never);
		await server.check("t", facts, never);
		assert.lengthOf(lines.with("W (0) mender: server.token-refused"), 1);
		await server.check("t", facts, never);
		assert.lengthOf(web.script, 0);
		assert.equal(web.text(8), web.text(1));
	});

	it("does not fail with the inventory, which waits as long as the server says and is sent whole again", async () => {
		const settings = { identity: {}, tenantToken: undefined, inventorySecs: 0 };
		const { server, web } = bench([nothing, { status: 500 }, nothing, { status: 429, retryAfter: "60" }, nothing], { settings });
		for (let polls = 0; polls < 3; polls++) assert.isUndefined(await server.check("t", facts, never));
		assert.deepEqual(
			web.requests.map((request) => request.method),
			["POST", "PUT", "POST", "PUT", "POST"],
		);
	});
});

describe("Mender's package", () => {
	it("is fetched without the token", async () => {
		const { server, web } = bench([{ status: 200, body: "package" }]);
		const taken: number[] = [];
		const sink = { buffer: new Uint8Array(4), begin: () => {}, block: (part: Uint8Array) => void taken.push(...part) };
		await server.download("secret", { id, url: link }, sink, never);
		assert.deepEqual(taken, [...bytes("package")]);
		assert.notInclude(JSON.stringify(web.requests), "secret");
	});

	for (const [status, code] of [
		[403, "update.gone"],
		[404, "update.gone"],
		[416, "update.changed"],
		[503, "server.busy"],
		[500, "server.failed"],
	] as const)
		it(`is not what comes with ${status}`, async () => {
			const { server } = bench([{ status, body: "<Error/>" }]);
			const sink = { buffer: new Uint8Array(4), begin: () => {}, block: () => assert.fail("took it") };
			await rejects(code, () => server.download("t", { id, url: link }, sink, never), `status ${status}`);
		});
});

describe("Mender's errors", () => {
	it("are read when they are JSON, and only then", () => {
		assert.equal(errorText("application/json; charset=utf-8", bytes('{"error":"no","request_id":"1"}')), "no");
		assert.isUndefined(errorText("text/html", bytes('{"error":"no"}')));
		for (const text of ["", "<html>", "[]", '{"error":5}', "{}"]) assert.isUndefined(errorText("application/json", bytes(text)));
	});

	it("never hold the token", async () => {
		const { server } = bench([json(400, { error: "y".repeat(3_000) })]);
		const error = await rejects("server.refused", () => server.check("secret", facts, never));
		assert.instanceOf(error, ServerError);
		assert.notInclude(error.message, "secret");
		assert.isBelow(error.message.length, 400);
	});
});

describe("Mender's device connect, from the server's side of the agent", () => {
	const management = { authorized: (work: (token: string) => Promise<void>) => work("ey.J.x"), alert: () => {} };
	const none = { status: 204 };
	const inventory = { status: 200 };

	it("is opened after a check that succeeded, with its inventory told, and closed with a goodbye", async () => {
		const { server, web } = bench([json(500, { error: "x" }), json(404, { error: "x" }), none, inventory, none], { management });
		await rejects("server.failed", () => server.check("ey.J.x", facts, never));
		assert.isEmpty(web.conversations);
		await server.check("ey.J.x", facts, never);
		await sleep(1);
		assert.equal(web.requests.at(-1)?.method, "PUT");
		const [conversation] = web.conversations;
		if (conversation === undefined) throw new Error("no connection was begun");
		assert.equal(conversation.request.url, `${url}/api/devices/v1/deviceconnect/connect`);
		conversation.isOpen = true;
		conversation.listener.opened("protomsg/msgpack");
		await server.check("ey.J.x", facts, never);
		assert.equal(web.conversations.length, 1);
		const closed = server.close();
		assert.equal(conversation.goodbye, 1001);
		conversation.over({ code: 1001, reason: "", remote: false });
		await closed;
	});

	it("is not there when managing is switched off", async () => {
		const { server, web } = bench([json(404, { error: "x" }), none, inventory]);
		await server.check("ey.J.x", facts, never);
		await sleep(1);
		assert.isEmpty(web.conversations);
		await server.close();
	});

	it("has the device ask at once, and tell all of its inventory although nothing has changed", async () => {
		let woken = 0;
		const wake = (): void => {
			woken++;
		};
		const script = [json(404, { error: "x" }), none, inventory, none, none, inventory];
		const { server, web } = bench(script, { management, wake });
		await server.check("ey.J.x", facts, never);
		await sleep(1);
		const [conversation] = web.conversations;
		if (conversation === undefined) throw new Error("no connection was begun");
		conversation.isOpen = true;
		conversation.listener.opened("protomsg/msgpack");
		const say = async (type: string): Promise<void> => {
			const { buffer } = makeFrame({ protocol: 4, type, session: "" }).slice();
			await conversation.listener.received(buffer as ArrayBuffer);
		};
		await say("check-update");
		assert.equal(woken, 1);
		await server.check("ey.J.x", facts, never);
		assert.equal(web.requests.length, 4);
		await say("send-inventory");
		assert.equal(woken, 2);
		await server.check("ey.J.x", facts, never);
		const { method, url: target } = web.requests.at(-1) ?? {};
		assert.deepEqual([method, target], ["PUT", `${url}/api/devices/v1/inventory/device/attributes`]);
	});
});
