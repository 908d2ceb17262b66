/** Facts 1.2 to 1.5: inventory, next deployment and its conflict rules, statuses, logs, and the storage host. */
import assert from "node:assert/strict";
import { exchange } from "../../rdfm/spec/client";
import { attributeLimit } from "../inventory";
import { MenderServer } from "../server";
import { errorOf, inventoryPath, nextPath, TestDevice } from "./device";

describe("Mender test server: inventory", () => {
	const server = new MenderServer();
	let device: TestDevice;
	before(async () => {
		await server.start();
		device = await new TestDevice(server, "inventory").enrol();
	});
	after(() => server.stop());

	const names = (): readonly string[] => {
		const known = server.devices.find("inventory");
		assert.ok(known);
		return [...server.inventories.of(known).keys()];
	};
	const attributes = (count: number, from = 0): object[] =>
		Array.from({ length: count }, (_, at) => ({ name: `n${from + at}`, value: "v" }));

	it("PUT replaces, PATCH adds, both 200 without a body", async () => {
		const put = await device.send("PUT", inventoryPath, [{ name: "a", value: "1" }]);
		assert.deepEqual([put.status, put.text], [200, ""]);
		assert.equal((await device.send("PATCH", inventoryPath, [{ name: "b", value: 2 }])).status, 200);
		assert.deepEqual(names(), ["a", "b"]);
		await device.send("PUT", inventoryPath, [
			{ name: "c", value: ["x", "y"], description: "d", timestamp: "2026-01-01T00:00:00Z" },
		]);
		assert.deepEqual(names(), ["c"]);
	});
	for (const [what, value, status] of [
		["numbers", [1, 2], 200],
		["nothing in a list", [], 200],
		["true", true, 400],
		["null", null, 400],
		["an object", {}, 400],
		["a mixed list", ["a", 1], 400],
	] as const)
		it(`${what} -> ${status}`, async () => {
			assert.equal((await device.send("PUT", inventoryPath, [{ name: "v", value }])).status, status);
		});
	it("names have 1 to 1024 characters; the body is a list", async () => {
		for (const name of ["", "x".repeat(1025)])
			assert.equal((await device.send("PUT", inventoryPath, [{ name, value: "v" }])).status, 400);
		assert.equal((await device.send("PUT", inventoryPath, {})).status, 400);
	});
	it("more than 100 are refused, however they come", async () => {
		assert.equal((await device.send("PUT", inventoryPath, attributes(attributeLimit))).status, 200);
		for (const [method, list] of [
			["PUT", attributes(attributeLimit + 1)],
			["PATCH", attributes(1, 200)],
		] as const) {
			const response = await device.send(method, inventoryPath, list);
			assert.equal(response.status, 400);
			assert.equal(errorOf(response), "the number of attributes in the scope is above the limit");
		}
	});
});

describe("Mender test server: next deployment", () => {
	const server = new MenderServer();
	before(() => server.start());
	after(() => server.stop());
	let number = 0;
	const enrolled = (): Promise<TestDevice> => new TestDevice(server, `next ${++number}`).enrol();

	it("nothing -> 204; names missing or empty -> 400", async () => {
		const device = await enrolled();
		assert.equal((await device.next()).status, 204);
		const response = await device.send("GET", nextPath);
		assert.deepEqual(
			[response.status, errorOf(response)],
			[400, "artifact_name: cannot be blank; device_type: cannot be blank."],
		);
		assert.equal((await device.next("x".repeat(4097))).status, 400);
	});
	it("a deployment, the same with each question, a new link each time", async () => {
		const device = await enrolled();
		const { id, artifact } = device.deploy();
		const answers = [await device.next(), await device.next()].map(({ text }) => JSON.parse(text));
		assert.deepEqual(
			answers.map((answer) => answer.id),
			[id, id],
		);
		const [first, second] = answers.map(({ artifact: offered }) => offered);
		assert.equal(first.artifact_name, artifact.name);
		assert.deepEqual(first.device_types_compatible, ["thing"]);
		assert.notEqual(first.source.uri, second.source.uri);
		assert.ok(Date.parse(first.source.expire) - Date.now() > 86_000_000);
	});
	it("POST of the first version sees three members; the second does not exist, unless hosted", async () => {
		const device = await enrolled();
		device.deploy();
		const name = { artifact_name: "release-v1", device_type: "thing" };
		assert.equal((await device.send("POST", nextPath, name)).status, 200);
		assert.equal((await device.send("POST", nextPath, { ...name, "rootfs-image.version": "x" })).status, 200);
		assert.equal((await device.send("POST", nextPath, { device_provides: name })).status, 400);
		const second = nextPath.replace("v1", "v2");
		assert.equal((await device.send("POST", second, { device_provides: name })).status, 404);
		const hosted = new MenderServer();
		await hosted.start({ hosted: true });
		const other = await new TestDevice(hosted, "hosted").enrol();
		assert.equal((await other.send("POST", second, { device_provides: name })).status, 204);
		await hosted.stop();
	});
	it("another artifact name while it is active -> 409, and it has failed", async () => {
		const device = await enrolled();
		const deployment = device.deploy();
		await device.next();
		await device.status(deployment.id, "installing");
		const response = await device.next("release-v2");
		assert.deepEqual([response.status, errorOf(response)], [409, "Device provided conflicting request data"]);
		assert.equal(deployment.status, "failure");
		assert.equal((await device.next("release-v2")).status, 204);
	});
	it("what runs already -> already-installed, unless it is forced; nothing for the type -> noartifact", async () => {
		const device = await enrolled();
		const known = device.deploy();
		assert.equal((await device.next("release-v2")).status, 204);
		assert.equal(known.status, "already-installed");
		const forced = device.deploy({}, true);
		assert.equal((await device.next("release-v2")).status, 200);
		await device.status(forced.id, "success");
		const other = device.deploy({ deviceTypes: ["other"] });
		assert.equal((await device.next()).status, 204);
		assert.equal(other.status, "noartifact");
	});
	it("the oldest first", async () => {
		const device = await enrolled();
		const [first, second] = [device.deploy(), device.deploy({ name: "release-v3" })];
		assert.equal(JSON.parse((await device.next()).text).id, first.id);
		await device.status(first.id, "failure");
		assert.equal(JSON.parse((await device.next()).text).id, second.id);
	});
});

describe("Mender test server: statuses and logs", () => {
	const server = new MenderServer();
	let device: TestDevice;
	before(async () => {
		await server.start();
		device = await new TestDevice(server, "status").enrol();
	});
	after(() => server.stop());

	it("every word of a device -> 204; its own words and unknown ones -> 400", async () => {
		const { id } = device.deploy();
		for (const word of ["downloading", "pause_before_installing", "installing", "rebooting", "success", "already-installed"])
			assert.equal((await device.status(id, word)).status, 204, word);
		for (const word of ["aborted", "pending", "noartifact"])
			assert.equal(errorOf(await device.status(id, word)), "status: must be a valid value.");
		assert.equal(errorOf(await device.status(id, "x")), "invalid status for device 'x'");
	});
	it("a substate of up to 200 bytes, kept only with another status", async () => {
		const deployment = device.deploy();
		for (const long of ["y".repeat(201), "ü".repeat(101)])
			assert.equal((await device.status(deployment.id, "installing", long)).status, 400);
		await device.status(deployment.id, "installing", "one");
		await device.status(deployment.id, "installing", "two");
		assert.equal(deployment.substate, "one");
	});
	it("after an abort 409, for ever; after an end anything goes; unknown 404", async () => {
		const deployment = device.deploy();
		server.deployments.abort(deployment);
		for (const word of ["installing", "failure"]) {
			const response = await device.status(deployment.id, word);
			assert.deepEqual([response.status, errorOf(response)], [409, "Deployment aborted"]);
		}
		const other = device.deploy();
		for (const word of ["failure", "success", "failure"]) assert.equal((await device.status(other.id, word)).status, 204);
		const unknown = await device.status("a4d9c64f-3de5-40f0-9886-c0f77d00baf0", "installing");
		assert.deepEqual([unknown.status, errorOf(unknown)], [404, "Resource not found"]);
	});
	const good = { timestamp: "2026-11-21T21:26:42Z", level: "info", message: "m" };
	for (const [what, messages, status] of [
		["one message", [good], 204],
		["fractions", [{ ...good, timestamp: "1970-01-01T00:00:05.123000Z" }], 204],
		["a comma", [{ ...good, timestamp: "1970-01-01T00:00:05,123Z" }], 204],
		["an offset", [{ ...good, timestamp: "2026-11-21T21:26:42+01:00" }], 204],
		["none", [], 400],
		["no list", undefined, 400],
		["no time", [{ ...good, timestamp: null }], 400],
		["no zone", [{ ...good, timestamp: "2026-11-21T21:26:42" }], 400],
		["ticks", [{ ...good, timestamp: "00:39:06.746,000" }], 400],
		["the year 1", [{ ...good, timestamp: "0001-01-01T00:00:00Z" }], 400],
		["an empty level", [{ ...good, level: "" }], 400],
		["an empty message among good ones", [good, { ...good, message: "" }, good], 400],
	] as const)
		it(`log with ${what} -> ${status}`, async () => {
			const deployment = device.deploy();
			assert.equal((await device.log(deployment.id, { messages })).status, status);
			assert.equal(deployment.log?.length, status === 204 ? 1 : undefined);
		});
	it("a log of a deployment that is not there -> 404", async () => {
		assert.equal(errorOf(await device.log("x", { messages: [good] })), "Deployment not found");
	});
});

describe("Mender test server: storage", () => {
	const server = new MenderServer();
	let link = "";
	const content = Buffer.from("an artifact of some length");
	before(async () => {
		await server.start();
		const device = await new TestDevice(server, "storage").enrol();
		device.deploy({ content });
		link = JSON.parse((await device.next()).text).artifact.source.uri;
		assert.ok(!link.startsWith(server.url), "another host");
	});
	after(() => server.stop());

	it("gives the artifact, whole or in part", async () => {
		assert.deepEqual((await exchange(link)).body, content);
		const part = await exchange(link, { headers: { Range: "bytes=3-" } });
		assert.equal(part.status, 206);
		assert.equal(part.headers["content-range"], `bytes 3-${content.length - 1}/${content.length}`);
		assert.deepEqual(part.body, content.subarray(3));
		assert.equal((await exchange(link, { headers: { Range: "bytes=900-" } })).status, 416);
	});
	it("takes no token, no other link, and none after a day", async () => {
		assert.equal((await exchange(link, { headers: { Authorization: "Bearer x" } })).status, 400);
		assert.equal((await exchange(`${link}0`)).status, 403);
		server.clock = () => Date.now() + 86_401_000;
		assert.equal((await exchange(link)).status, 403);
		server.clock = Date.now;
	});
});
