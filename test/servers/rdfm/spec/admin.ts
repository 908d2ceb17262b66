/** The administrator's routes for packages and groups, on which B.3 and B.4 rest. */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { RdfmServer } from "../server";
import { errorText, exchange, json, type Response, sendJson } from "./client";
import { TestDevice } from "./device";

const content = Buffer.from("a package");

/** Uploads a form the way a browser or curl would. */
async function upload(
	server: RdfmServer,
	fields: Record<string, string>,
	file: Uint8Array | undefined = content,
): Promise<Response> {
	const form = new FormData();
	for (const [key, value] of Object.entries(fields)) form.set(key, value);
	if (file) form.set("file", new Blob([file]), "file.img");
	const encoded = new globalThis.Response(form);
	const headers = { "Content-Type": encoded.headers.get("content-type") ?? "" };
	return exchange(`${server.url}/api/v1/packages`, {
		method: "POST",
		headers,
		body: new Uint8Array(await encoded.arrayBuffer()),
	});
}

const fields = (version: string): Record<string, string> => ({
	"rdfm.software.version": version,
	"rdfm.hardware.devtype": "esp32",
});

describe("administration of packages", () => {
	const server = new RdfmServer();

	before(() => server.start());
	after(() => server.stop());

	it("an upload is stored, described and served", async () => {
		const response = await upload(server, { ...fields("1.1.0"), "requires:board": "b" });
		assert.equal(response.status, 200);
		const [stored] = server.packages.all();
		assert.ok(stored);
		const { created, metadata, ...shown } = json(response) as Record<string, unknown>;
		assert.match(String(created), / -0000$/);
		assert.deepEqual(shown, { id: 1, driver: "local", sha256: createHash("sha256").update(content).digest("hex") });
		assert.deepEqual(metadata, {
			...fields("1.1.0"),
			"requires:board": "b",
			"rdfm.storage.local.uuid": stored.storagePath,
			"rdfm.storage.local.length": content.length,
			"rdfm.storage.local.directory": ".",
		});
		assert.deepEqual((await exchange(server.link(stored))).body, content);
	});
	it("the folder is chosen by rdfm.storage.directory", async () => {
		await upload(server, { ...fields("1"), "rdfm.storage.directory": "a/b" });
		assert.match(server.packages.all().at(-1)?.storagePath ?? "", /^a\/b\//);
	});
	const refusals: readonly (readonly [name: string, send: () => Promise<Response>, status: number, error: string])[] = [
		["reserved key", () => upload(server, { "rdfm.storage.local.uuid": "x" }), 400, "provided metadata contains reserved key"],
		["no form", () => sendJson(`${server.url}/api/v1/packages`, {}), 400, "missing package file"],
		["folder outside", () => upload(server, { "rdfm.storage.directory": "../x" }), 500, "could not store artifact"],
	];
	for (const [name, send, status, error] of refusals) {
		it(`${name} -> ${status}`, async () => {
			const response = await send();
			assert.equal(response.status, status);
			assert.equal(errorText(response), error);
		});
	}
	it("list, one, download link, delete", async () => {
		const url = `${server.url}/api/v1/packages`;
		const count = server.packages.all().length;
		assert.equal((json(await exchange(url)) as readonly unknown[]).length, count);
		assert.equal((json(await exchange(`${url}/1`)) as { id: number }).id, 1);
		const link = json(await exchange(`${url}/1/download`)) as { id: number; download_url: string };
		assert.equal((await exchange(link.download_url)).status, 200);
		assert.equal((await exchange(`${url}/1`, { method: "DELETE" })).status, 200);
		assert.equal((await exchange(`${url}/1`)).status, 404);
		assert.equal((await exchange(link.download_url)).status, 404);
	});
});

describe("administration of groups", () => {
	const server = new RdfmServer();
	const post = (path: string, body: unknown, method = "POST"): Promise<Response> =>
		sendJson(`${server.url}/api/v2/groups${path}`, body, { method });
	const create = async (priority?: number): Promise<number> =>
		(json(await post("", { metadata: { name: "g" }, ...(priority === undefined ? {} : { priority }) })) as { id: number }).id;

	before(async () => {
		await server.start();
		await new TestDevice(server, "first").enrol();
		await new TestDevice(server, "second").enrol();
		await upload(server, fields("2"));
	});
	after(() => server.stop());

	it("a new group has policy no_update and priority 25", async () => {
		const { created, ...group } = json(await post("", { metadata: { name: "g" } })) as Record<string, unknown>;
		assert.match(String(created), / -0000$/);
		const expected = { metadata: { name: "g" }, policy: "no_update,", priority: 25, devices: [], packages: [] };
		assert.deepEqual(group, { id: 1, ...expected });
		assert.equal((await post("", {})).status, 500);
	});
	it("the whole way to an offer", async () => {
		const id = await create(5);
		assert.equal((await post(`/${id}/devices`, { add: [1], remove: [] }, "PATCH")).status, 200);
		assert.equal((await post(`/${id}/package`, { packages: [1] })).status, 200);
		assert.equal((await post(`/${id}/policy`, { policy: "exact_match,2" })).status, 200);
		const device = new TestDevice(server, "first");
		await device.authenticate();
		assert.equal((await device.check()).status, 200);
		const group = json(await exchange(`${server.url}/api/v2/groups/${id}`)) as Record<string, unknown>;
		assert.deepEqual([group.devices, group.packages, group.policy], [[1], [1], "exact_match,2"]);
		assert.equal((await exchange(`${server.url}/api/v1/packages/1`, { method: "DELETE" })).status, 409, "the package is in use");
	});
	it("a policy without a comma, or unknown, is 400", async () => {
		const id = await create();
		for (const policy of ["exact_match", "latest,"]) {
			const response = await post(`/${id}/policy`, { policy });
			assert.equal(response.status, 400);
			assert.match(errorText(response), /^invalid policy: /);
		}
	});
	it("two groups of one priority cannot share a device", async () => {
		const [left, right] = [await create(7), await create(7)];
		const add = { add: [2], remove: [] };
		assert.equal((await post(`/${left}/devices`, add, "PATCH")).status, 200);
		assert.equal((await post(`/${right}/devices`, add, "PATCH")).status, 409);
		const other = await create(8);
		assert.equal((await post(`/${other}/devices`, add, "PATCH")).status, 200);
		assert.equal((await post(`/${other}/priority`, { priority: 7 })).status, 409);
		assert.equal((await post(`/${other}/priority`, { priority: 6 })).status, 200);
		assert.equal((await post(`/${left}/devices`, { add: [], remove: [2] }, "PATCH")).status, 200);
		assert.equal((await post(`/${right}/devices`, add, "PATCH")).status, 200);
	});
	it("unknown devices and packages are conflicts, unknown groups 404", async () => {
		const id = await create(9);
		assert.equal((await post(`/${id}/devices`, { add: [99], remove: [] }, "PATCH")).status, 409);
		assert.equal((await post(`/${id}/package`, { packages: [99] })).status, 409);
		assert.equal((await post("/99/policy", { policy: "no_update," })).status, 404);
		assert.equal((await post(`/${id}/package`, { packages: ["x"] })).status, 400);
	});
	it("a group in use cannot be deleted", async () => {
		const remove = (id: number): Promise<Response> => exchange(`${server.url}/api/v2/groups/${id}`, { method: "DELETE" });
		const id = await create(11);
		await post(`/${id}/devices`, { add: [1], remove: [] }, "PATCH");
		assert.equal((await remove(id)).status, 409);
		await post(`/${id}/devices`, { add: [], remove: [1] }, "PATCH");
		assert.equal((await remove(id)).status, 200);
		assert.equal((await remove(id)).status, 404);
		assert.ok(
			!(json(await exchange(`${server.url}/api/v2/groups`)) as readonly { id: number }[]).some((group) => group.id === id),
		);
	});
	it("assign() wants a registered device and a valid policy", () => {
		assert.throws(() => server.assign("stranger", "no_update,"), /stranger is not registered/);
		assert.throws(() => server.assign("first", "latest"), /invalid policy/);
	});
});
