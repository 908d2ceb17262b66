/** Facts C: the management WebSocket. */
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect } from "node:net";
import { WebSocket } from "ws";
import type { Flavour } from "../server";
import { RdfmServer } from "../server";
import { exchange } from "./client";
import { TestDevice } from "./device";
import { ManagementPeer } from "./peer";

const status = async (server: RdfmServer, authorization?: string): Promise<number> => {
	const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/devices/ws`, {
		headers: authorization === undefined ? {} : { Authorization: authorization },
	});
	socket.on("error", () => undefined);
	const [, response] = await once(socket, "unexpected-response");
	return Number(response.statusCode);
};

describe("C management WebSocket", () => {
	const server = new RdfmServer();
	let device: TestDevice;
	let macs = 0;
	const open = (): Promise<ManagementPeer> => new ManagementPeer(server, `Bearer token=${device.token}`).opened();

	before(async () => {
		await server.start({ flavour: "gunicorn" });
	});
	beforeEach(async () => {
		macs += 1;
		device = await new TestDevice(server, `c${macs}`).enrol();
	});
	after(() => server.stop());

	it("handshake: no header and bad tokens 401, RFC 6750's form 500, plain GET 400", async () => {
		assert.equal(await status(server), 401);
		assert.equal(await status(server, "Bearer token=x"), 401);
		assert.equal(await status(server, `Bearer ${device.token}`), 500);
		const answer = await exchange(`${server.url}/api/v1/devices/ws`, {
			headers: { Authorization: `Bearer token=${device.token}` },
		});
		assert.equal(answer.status, 400);
	});

	it("greets before anything was said, and has no capabilities by then", async () => {
		const peer = await open();
		const link = server.management.linkOf(device.mac);
		await once(peer.socket, "message");
		assert.deepEqual(peer.heard, [{ method: "alert", alert: { message: "connected" } }]);
		assert.deepEqual(link?.capabilities, {});
		assert.equal(peer.socket.protocol, "");
		peer.say({ method: "capability_report", capabilities: { shell: true } });
		await link?.until("capability_report");
		assert.deepEqual(link?.capabilities, { shell: true });
		peer.socket.close(3000, "bye");
		assert.deepEqual(await peer.ended, { code: 3000, reason: "bye" });
		assert.deepEqual(await link?.untilEnd(), { code: 3000, reason: "bye", by: "device" });
		assert.deepEqual(server.devices.find(device.mac)?.capabilities, { shell: true }, "they persist");
	});

	it("checks the token at the handshake only", async () => {
		const peer = await open();
		server.expireTokens();
		peer.say({ method: "update_progress", progress: 1 });
		await server.management.linkOf(device.mac)?.until("update_progress");
		assert.equal(await status(server, `Bearer token=${device.token}`), 401);
		peer.socket.terminate();
	});

	const fine: readonly unknown[] = [
		{ method: "capability_report", capabilities: {} },
		{ method: "capability_report", capabilities: { a: "yes", b: 1 } },
		{ method: "update_progress", progress: "50" },
		{ method: "update_progress", progress: 50.0, extra: null },
		{ method: "update_progress", progress: -7 },
		{ method: "update_version", version: "" },
		{ method: "action_list_update", actions: [] },
		{ method: "action_list_update", actions: [{ action_id: "a", action_name: "", description: "", command: [], timeout: 1.5 }] },
	];
	for (const message of fine)
		it(`takes ${JSON.stringify(message)}`, async () => {
			const peer = await open();
			peer.say(message);
			const link = server.management.linkOf(device.mac);
			await link?.until((message as { method: "update_progress" }).method);
			assert.ok(link?.isOpen);
			peer.socket.terminate();
		});

	const bad: readonly unknown[] = [
		"",
		"x",
		"7",
		"[]",
		"{}",
		{ method: "dance" },
		{ method: "alert", alert: { message: "cannot handle request" } },
		{ method: "capability_report" },
		{ method: "capability_report", capabilities: { a: null } },
		{ method: "update_progress", progress: 50.5 },
		{ method: "update_progress", progress: null },
		{ method: "update_version", version: 7 },
		{ method: "action_list_update", actions: [{ action_id: "a", action_name: "", description: "", command: [] }] },
		{ method: "fs_file_download_reply", id: "x", status: 0, etags: [null] },
	];
	for (const message of bad)
		it(`closes with 4001 for ${JSON.stringify(message)}`, async () => {
			const peer = await open();
			peer.say(message);
			assert.deepEqual(await peer.ended, { code: 4001, reason: "invalid request" });
		});

	it("closes with 4001 for answers to what was never asked", async () => {
		const answers = [
			[{ method: "fs_file_probe_reply", id: "x", status: 0, size: 1 }, "invalid filesystem response"],
			[{ method: "fs_file_download_reply", id: "x", status: 0, etags: [] }, "invalid filesystem response"],
		] as const;
		for (const [message, reason] of answers) {
			const peer = await open();
			peer.say(message);
			assert.deepEqual(await peer.ended, { code: 4001, reason });
		}
	});

	it("closes with 1003 for a binary message", async () => {
		const peer = await open();
		peer.socket.send(Buffer.from("{}"), { binary: true });
		assert.deepEqual(await peer.ended, { code: 1003, reason: "device socket requires text-mode encoding" });
	});

	it("takes fragments", async () => {
		const peer = await open();
		peer.socket.send('{"method":"update_', { fin: false });
		peer.socket.send('progress","progress":3}', { fin: true });
		await server.management.linkOf(device.mac)?.until("update_progress", ({ progress }) => progress === 3);
		peer.socket.terminate();
	});

	it("the old connection wins: 4002 at once and no greeting", async () => {
		const first = await open();
		const second = await open();
		assert.deepEqual(await second.ended, { code: 4002, reason: "duplicate connections not allowed" });
		assert.deepEqual(second.heard, []);
		assert.equal(first.socket.readyState, WebSocket.OPEN);
		first.socket.close();
		await first.ended;
		await server.management.links.at(-1)?.untilEnd();
		(await open()).socket.terminate();
	});

	it("progress goes to the rows of the update, and exactly 100 deletes them", async () => {
		server.addPackage(Buffer.from("v2"), { "rdfm.software.version": "2", "rdfm.hardware.devtype": "esp32" });
		server.assign(device.mac, "exact_match,2");
		await device.check();
		const rows = () => server.updates.filter(({ mac }) => mac === device.mac).map(({ progress }) => progress);
		const peer = await open();
		const link = server.management.linkOf(device.mac);
		for (const [progress, left] of [
			[40, [40]],
			[101, [101]],
			[100, []],
		] as const) {
			peer.say({ method: "update_progress", progress });
			await link?.until("update_progress", (message) => message.progress === progress);
			assert.deepEqual(rows(), left);
		}
		peer.socket.terminate();
	});

	it("a version goes into the stored metadata; of a deleted device it breaks the connection with HTTP", async () => {
		const peer = await open();
		peer.say({ method: "update_version", version: "9" });
		await server.management.linkOf(device.mac)?.until("update_version");
		const stored = server.devices.find(device.mac);
		assert.equal(stored?.metadata["rdfm.software.version"], "9");
		server.devices.delete(stored?.id ?? 0);
		peer.say({ method: "update_version", version: "9" });
		assert.equal((await peer.ended).code, 1006);
	});

	it("pings, and closes with 1008 when no pong has come by the next ping", async () => {
		const own = new RdfmServer();
		await own.start({ pingInterval: 100 });
		const other = await new TestDevice(own, "ping").enrol();
		const alive = await new ManagementPeer(own, `Bearer token=${other.token}`).opened();
		await once(alive.socket, "ping");
		await once(alive.socket, "ping");
		alive.socket.close();
		await alive.ended;
		await own.management.links.at(-1)?.untilEnd();
		const dead = new ManagementPeer(own, `Bearer token=${other.token}`, { autoPong: false });
		assert.deepEqual(await dead.ended, { code: 1008, reason: "Ping/Pong timeout" });
		await own.stop();
	});

	const bytesAfterClose = async (flavour: Flavour): Promise<string> => {
		const own = new RdfmServer();
		await own.start({ flavour });
		const other = await new TestDevice(own, "raw").enrol();
		const raw = connect(own.port, "127.0.0.1");
		const head = `GET /api/v1/devices/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${"A".repeat(22)}==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer token=${other.token}\r\n\r\n`;
		let text = "";
		raw.on("data", (data) => {
			text += data.toString("latin1");
		});
		// One masked text frame that says "x".
		raw.write(head);
		await once(raw, "data");
		raw.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78]));
		await new Promise((done) => setTimeout(done, 300));
		raw.destroy();
		await own.stop();
		return text.slice(text.indexOf("invalid request"));
	};

	it("werkzeug answers the request behind the Close frame, gunicorn does not", async () => {
		assert.match(await bytesAfterClose("werkzeug"), /^invalid requestHTTP\/1\.1 200 OK\r\n/);
		assert.equal(await bytesAfterClose("gunicorn"), "invalid request");
	});
});
