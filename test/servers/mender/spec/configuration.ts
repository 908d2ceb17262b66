/** Facts 1.3 and 1.6: the wanted and the reported configuration, and configurations that are deployed. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plain } from "../../../artifacts/configuration";
import { menderArtifact, run } from "../../../artifacts/mender";
import { exchange } from "../../rdfm/spec/client";
import { linkLifetime } from "../configuration";
import { MenderServer } from "../server";
import { api, errorOf, TestDevice } from "./device";

const path = `${api}/deviceconfig/configuration`;
const many = (count: number): Record<string, string> =>
	Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, "v"]));

describe("Mender test server: device configuration", () => {
	const server = new MenderServer();
	let device: TestDevice;
	before(async () => {
		await server.start();
		device = await new TestDevice(server, "configuration").enrol();
	});
	after(() => server.stop());

	const known = () => {
		const found = server.devices.find("configuration");
		assert.ok(found);
		return found;
	};

	it("GET is what is wanted, an empty object at first; PUT is what is reported, as a whole", async () => {
		const first = await device.send("GET", path);
		assert.deepEqual([first.status, first.text], [200, "{}"]);
		server.configurations.want(known(), { key: "value", dollar: "$" });
		assert.deepEqual(JSON.parse((await device.send("GET", path)).text), { key: "value", dollar: "$" });
		for (const values of [{ a: "1", b: "" }, { c: "2" }, {}]) {
			const put = await device.send("PUT", path, values);
			assert.deepEqual([put.status, put.text], [204, ""]);
			assert.deepEqual(server.configurations.reported(known()), values);
		}
		assert.deepEqual(JSON.parse((await device.send("GET", path)).text), { key: "value", dollar: "$" });
	});

	const bodies: readonly (readonly [string, unknown, number, RegExp])[] = [
		["a number", { a: 1 }, 400, /^invalid request body: value: invalid type: float64\.$/],
		["true", { a: true }, 400, /bool/],
		["null as a value", { a: null }, 400, /<nil>/],
		["an object as a value", { a: {} }, 400, /map\[string\]interface \{\}/],
		["a list as a value", { a: [] }, 400, /\[\]interface \{\}/],
		["an empty key", { "": "a" }, 400, /key: cannot be blank/],
		["a key that is too long", { ["k".repeat(4_097)]: "a" }, 400, /key: the length must be no more than 4096/],
		["a value that is too long", { a: "v".repeat(4_097) }, 400, /value: the length must be no more than 4096/],
		["bytes are what counts", { a: "ü".repeat(2_049) }, 400, /value: the length/],
		["a list", [], 400, /^malformed request body: /],
		["a text", '"a"', 400, /^malformed request body: /],
		["no JSON", "{", 400, /^malformed request body: /],
		["more than 100 entries", many(101), 500, /^Internal Server Error$/],
		["100 entries", many(100), 204, /^$/],
		["the longest there may be", { ["k".repeat(4_096)]: "v".repeat(4_096) }, 204, /^$/],
		["null", "null", 204, /^$/],
	];
	for (const [what, body, status, text] of bodies)
		it(`PUT with ${what} -> ${status}`, async () => {
			const response = await device.send("PUT", path, body);
			assert.equal(response.status, status, response.text);
			assert.match(status === 204 ? response.text : errorOf(response), text);
		});

	it("the type of the content is not looked at", async () => {
		const response = await device.send("PUT", path, "{}", { headers: { "Content-Type": "text/plain" } });
		assert.equal(response.status, 204);
	});
	it("too large a body -> 413", async () => {
		assert.equal((await device.send("PUT", path, `{"a":"${"x".repeat(1_048_576)}"}`)).status, 413);
	});
	it("without a token -> 401, without the addition -> 403, without the service -> 404, with another method -> 405", async () => {
		assert.equal((await exchange(server.url + path)).status, 401);
		server.configurations.allowed = false;
		assert.equal((await device.send("GET", path)).status, 403);
		server.configurations.allowed = true;
		server.configurations.present = false;
		const gone = await device.send("PUT", path, {});
		assert.deepEqual([gone.status, errorOf(gone)], [404, "not found"]);
		server.configurations.present = true;
		assert.equal((await device.send("DELETE", path)).status, 405);
	});
	it("of a device that is not known: GET -> 404, and PUT makes it known", async () => {
		server.configurations.decommission(known());
		const response = await device.send("GET", path);
		assert.deepEqual([response.status, errorOf(response)], [404, "device does not exist"]);
		assert.equal((await device.send("PUT", path, { a: "1" })).status, 204);
		assert.equal((await device.send("GET", path)).status, 200);
	});
});

interface Offered {
	readonly id: string;
	readonly artifact: {
		readonly id: string;
		readonly artifact_name: string;
		readonly source: { readonly uri: string; readonly expire: string };
		readonly device_types_compatible: readonly string[];
	};
}

describe("Mender test server: configurations that are deployed", () => {
	const server = new MenderServer();
	const folder = mkdtempSync(join(tmpdir(), "fleetling-spec-"));
	let device: TestDevice;
	before(async () => {
		await server.start();
		device = await new TestDevice(server, "deployed").enrol();
	});
	after(async () => {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	/** Deploys one and asks for it. */
	async function offered(values: Readonly<Record<string, string>> = { key: "value" }): Promise<Offered> {
		const deployment = server.configure("deployed", values);
		const offer = JSON.parse((await device.next("release-v1", "a thing")).text) as Offered;
		await device.status(deployment.id, "success");
		return offer;
	}

	it("are offered to whatever type of device asks, by a link to the server itself", async () => {
		const { id, artifact } = await offered();
		const { id: owner } = server.devices.find("deployed") ?? {};
		assert.equal(artifact.id, id + owner);
		assert.equal(artifact.artifact_name, `configuration-${id}`);
		assert.deepEqual(artifact.device_types_compatible, ["a thing"]);
		const link = new URL(artifact.source.uri);
		assert.equal(link.origin, server.url);
		assert.equal(link.pathname, `/api/devices/v1/deployments/download/configuration/${id}/a%20thing/${owner}`);
		assert.deepEqual([...link.searchParams.keys()], ["x-men-expire", "x-men-signature"]);
		assert.ok(Date.parse(artifact.source.expire) > Date.now());
	});

	it("are not taken for installed already, and have the rule of conflicts like others", async () => {
		const deployment = server.configure("deployed", { key: "value" });
		assert.equal((await device.next(deployment.artifact.name)).status, 200);
		assert.equal((await device.next("another")).status, 409);
		assert.equal(deployment.status, "failure");
	});

	it("are fetched without a token, as artifacts without files", async function () {
		const { artifact } = await offered({ pollSeconds: "60", key: "value" });
		const response = await exchange(artifact.source.uri);
		assert.equal(response.status, 200);
		assert.equal(response.headers["content-type"], "application/vnd.mender-artifact");
		assert.equal(response.headers["content-disposition"], 'attachment; filename="artifact.mender"');
		const tool = menderArtifact();
		if ("missing" in tool) {
			process.stdout.write(`      skipped: ${tool.missing}\n`);
			this.skip();
		}
		// The writer that takes the tool's place where it is missing makes the same.
		const made = plain({ name: artifact.artifact_name, deviceType: "a thing", values: { pollSeconds: "60", key: "value" } });
		for (const content of [response.body, made]) {
			const file = join(folder, "artifact.mender");
			writeFileSync(file, content);
			const text = run(["read", file]);
			for (const part of [
				`Name: ${artifact.artifact_name}`,
				"Compatible devices: '[a thing]'",
				"Signature: no signature",
				"Type:   mender-configure",
				`data-partition.mender-configure.version: ${artifact.artifact_name}`,
				'Clears Provides: ["data-partition.mender-configure.*"]',
				'"pollSeconds": "60"',
				"Files: None",
			])
				assert.ok(text.includes(part), `${part} is not in:\n${text}`);
		}
	});

	it("have links that are good for what they were made for, and for a quarter of an hour", async () => {
		const { id, artifact } = await offered();
		const { uri } = artifact.source;
		const asked = async (link: string): Promise<readonly [number, string]> => {
			const response = await exchange(link);
			return [response.status, response.status === 200 ? "" : errorOf(response)];
		};
		assert.deepEqual(await asked(uri), [200, ""]);
		assert.deepEqual(await asked(uri.replace("a%20thing", "thing")), [403, "signature invalid"]);
		assert.deepEqual(await asked(uri.replace(id, crypto.randomUUID())), [403, "signature invalid"]);
		assert.deepEqual(await asked(`${uri}&tenant_id=1`), [403, "signature invalid"]);
		assert.deepEqual(await asked(uri.replace(/signature=.*/, "signature=abc")), [403, "signature invalid"]);
		const bare = new URL(uri);
		bare.searchParams.delete("x-men-signature");
		const missing = "invalid request parameters: x-men-signature: required key is missing.";
		assert.deepEqual(await asked(String(bare)), [400, missing]);
		const odd = new URL(uri);
		odd.searchParams.set("x-men-expire", "soon");
		assert.equal((await asked(String(odd)))[0], 400);
		server.clock = () => Date.now() + (linkLifetime + 1) * 1000;
		assert.deepEqual(await asked(uri), [403, "URL expired"]);
		server.clock = Date.now;
	});
});
