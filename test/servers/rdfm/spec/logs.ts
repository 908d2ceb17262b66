/** Facts B.5: device logs. */
import { strict as assert } from "node:assert";
import { RdfmServer } from "../server";
import { assertHtml, errorText, exchange, json } from "./client";
import { TestDevice } from "./device";

const gmt = "Wed, 02 Oct 2002 15:00:00 GMT";
const entryAt = (time: unknown, more: object = {}): object => ({ device_timestamp: time, name: "CPU", entry: "0.1", ...more });

describe("B.5 logs", () => {
	const server = new RdfmServer();
	let device: TestDevice;

	before(async () => {
		await server.start();
		device = await new TestDevice(server, "b5").enrol();
	});
	beforeEach(() => {
		server.logs.entries.length = 0;
	});
	after(() => server.stop());

	it("a batch -> 200 {}", async () => {
		const response = await device.sendLogs([entryAt(gmt)]);
		assert.equal(response.status, 200);
		assert.equal(response.text, "{}\n");
		const [stored] = server.logs.entries;
		assert.deepEqual([stored?.name, stored?.entry, stored?.deviceTimestamp], ["CPU", "0.1", Date.UTC(2002, 9, 2, 15)]);
	});

	const table: readonly (readonly [name: string, batch: unknown, status: 200 | 400])[] = [
		["an empty batch", [], 200],
		["200 entries", Array.from({ length: 200 }, () => entryAt(gmt)), 200],
		["zone -0000", [entryAt("Wed, 02 Oct 2002 15:00:00 -0000")], 200],
		["zone +0200", [entryAt("Wed, 02 Oct 2002 15:00:00 +0200")], 200],
		["ISO 8601", [entryAt("2002-10-02T15:00:00Z")], 400],
		["epoch", [entryAt(1_033_570_800)], 400],
		["epoch as text", [entryAt("1033570800")], 400],
		["an impossible day", [entryAt("Sun, 31 Feb 2002 15:00:00 GMT")], 400],
		["entry not a string", [entryAt(gmt, { entry: 0.1 })], 400],
		["name not a string", [entryAt(gmt, { name: null })], 400],
		["entry missing", [{ device_timestamp: gmt, name: "CPU" }], 400],
		["unknown key", [entryAt(gmt, { level: "info" })], 400],
		["one bad entry among good ones", [entryAt(gmt), entryAt("now")], 400],
		["no list", {}, 400],
		["no batch", undefined, 400],
	];
	for (const [name, batch, status] of table) {
		it(`${name} -> ${status}`, async () => {
			const response = await device.sendLogs(batch);
			assert.equal(response.status, status);
			if (status === 400) {
				assert.match(errorText(response), /^schema validation failed: /);
				assert.equal(server.logs.entries.length, 0, "nothing of a refused batch is stored");
			} else assert.equal(server.logs.entries.length, (batch as readonly unknown[]).length);
		});
	}

	it("the zone is dropped", async () => {
		await device.sendLogs([entryAt("Wed, 02 Oct 2002 15:00:00 +0200")]);
		assert.equal(server.logs.entries[0]?.deviceTimestamp, Date.UTC(2002, 9, 2, 15));
	});
	it("an unknown key beside the batch -> 400", async () => {
		assert.equal((await device.post("/api/v1/logs", { batch: [], more: 1 })).status, 400);
	});

	const raw = (type: string) =>
		exchange(`${server.url}/api/v1/logs`, {
			method: "POST",
			body: "{",
			headers: { Authorization: `Bearer token=${device.token}`, "Content-Type": type },
		});
	it("malformed JSON -> 400 HTML", async () => assertHtml(await raw("application/json"), 400));
	it("wrong type -> 415 HTML", async () => assertHtml(await raw("text/plain"), 415));

	describe("GET by the administrator", () => {
		const list = async (query = "", id = server.devices.find("b5")?.id) =>
			exchange(`${server.url}/api/v1/logs/device/${id}${query}`);
		const names = async (query: string): Promise<readonly string[]> =>
			(json(await list(query)) as readonly { name: string }[]).map(({ name }) => name);
		beforeEach(() =>
			device.sendLogs([
				entryAt("Wed, 02 Oct 2002 15:00:00 GMT", { name: "a" }),
				entryAt("Thu, 03 Oct 2002 15:00:00 GMT", { name: "b" }),
				entryAt("Fri, 04 Oct 2002 15:00:00 GMT", { name: "c" }),
			]),
		);
		it("shows entries, newest first", async () => {
			const [first] = json(await list()) as readonly Record<string, unknown>[];
			const { created, ...shown } = first ?? {};
			assert.match(String(created), / -0000$/);
			assert.deepEqual(shown, {
				id: 3,
				device_id: 1,
				device_timestamp: "Fri, 04 Oct 2002 15:00:00 -0000",
				name: "c",
				entry: "0.1",
			});
			assert.deepEqual(await names(""), ["c", "b", "a"]);
		});
		it("by name", async () => assert.deepEqual(await names("?name=b"), ["b"]));
		it("since", async () => {
			assert.deepEqual(await names(`?since=${encodeURIComponent("Thu, 03 Oct 2002 15:00:00 GMT")}`), ["c", "b"]);
		});
		it("to", async () => {
			assert.deepEqual(await names(`?to=${encodeURIComponent("Thu, 03 Oct 2002 15:00:00 GMT")}`), ["b", "a"]);
		});
		it("unknown or malformed filter -> 400", async () => {
			assert.equal((await list("?level=1")).status, 400);
			assert.equal((await list("?since=2002-10-03")).status, 400);
		});
		it("unknown device -> 404", async () => assert.equal((await list("", 999)).status, 404));
	});
});
