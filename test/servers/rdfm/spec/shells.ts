/** Facts E: shells. */
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { type RawData, WebSocket } from "ws";
import { RdfmServer } from "../server";
import { TestDevice } from "./device";
import { ManagerShell } from "./manager";

describe("E shells", () => {
	const server = new RdfmServer();
	let device: TestDevice;
	let macs = 0;
	let link: WebSocket;
	const asked: { readonly mac_addr: string; readonly uuid: string }[] = [];
	const at = (path: string): string => server.url.replace("http", "ws") + path;
	const headers = (): object => ({ headers: { Authorization: `Bearer token=${device.token}` } });

	const nextAsk = async (): Promise<string> => {
		while (asked.length === 0) await once(link, "message");
		return asked.shift()?.uuid ?? "";
	};
	const attach = (uuid: string, options: object = headers()): WebSocket => {
		const socket = new WebSocket(at(`/api/v1/devices/${device.mac}/shell/attach/${uuid}`), options);
		socket.on("error", () => undefined);
		return socket;
	};
	const ending = (socket: WebSocket): Promise<number> => new Promise((done) => void socket.on("close", done));

	before(() => server.start({ flavour: "gunicorn" }));
	after(() => server.stop());
	beforeEach(async () => {
		macs += 1;
		device = new TestDevice(server, `02:00:00:00:0e:${macs.toString(16).padStart(2, "0")}`);
		await device.enrol();
		asked.length = 0;
		link = new WebSocket(at("/api/v1/devices/ws"), headers());
		link.on("message", (data: RawData) => {
			const message = JSON.parse(data.toString());
			if (message.method === "shell_attach") asked.push(message);
		});
		await once(link, "open");
		link.send(JSON.stringify({ method: "capability_report", capabilities: { shell: true } }));
		await server.management.connected(device.mac);
	});
	afterEach(() => link.terminate());

	it("need a connected device that can", async () => {
		const nobody = new ManagerShell(server, "02:00:00:00:00:00");
		await nobody.ended();
		assert.deepEqual(nobody.end, { code: 4001, reason: "device 02:00:00:00:00:00 not connected to the management WS" });
		link.send(JSON.stringify({ method: "capability_report", capabilities: {} }));
		await server.management.linkOf(device.mac)?.until("capability_report", ({ capabilities }) => capabilities.shell !== true);
		const unable = new ManagerShell(server, device.mac);
		await unable.ended();
		assert.equal(unable.end?.code, 4003);
	});

	it("are given up after 5 s", async () => {
		const manager = new ManagerShell(server, device.mac);
		const begun = Date.now();
		const uuid = await nextAsk();
		await manager.ended();
		assert.deepEqual(manager.end, { code: 4001, reason: "device did not connect within 5s" });
		assert.ok(Date.now() - begun >= 4_900);
		assert.equal(await ending(attach(uuid)), 4001);
	});

	it("copy both ways as it came, and what was said early first", async () => {
		const manager = new ManagerShell(server, device.mac);
		await once(manager.socket, "open");
		manager.resize(50, 132);
		manager.type("early");
		const socket = attach((await nextAsk()).toUpperCase());
		const heard: string[] = [];
		socket.on("message", (data: RawData, binary: boolean) => heard.push(`${binary ? "bytes" : "text"} ${data}`));
		await once(socket, "open");
		socket.send(Buffer.from("output"));
		await manager.shows("output");
		manager.type("late");
		await manager.until(() => heard.length === 3, "input");
		assert.deepEqual(heard, ["text resize 50 132", "bytes early", "bytes late"]);
		assert.equal(server.shells.records.at(-1)?.deviceTexts, 0);
		const over = ending(socket);
		manager.close();
		assert.equal(await over, 1000);
	});

	it("end for the manager with 1000 when the device leaves", async () => {
		const manager = new ManagerShell(server, device.mac);
		const socket = attach(await nextAsk());
		await once(socket, "open");
		socket.close(1000);
		await manager.ended();
		assert.equal(manager.end?.code, 1000);
	});

	it("need a token at the device's side, and a session", async () => {
		for (const [options, status] of [
			[{}, 401],
			[{ headers: { Authorization: "Bearer token=x" } }, 401],
			[{ headers: { Authorization: `Bearer ${device.token}` } }, 500],
		] as const) {
			const socket = attach("0f5f4b4e-6f3c-4a52-9f3b-2f1f3a1d9a11", options);
			const [, response] = await once(socket, "unexpected-response");
			assert.equal(response.statusCode, status);
		}
		assert.equal(await ending(attach("0f5f4b4e-6f3c-4a52-9f3b-2f1f3a1d9a11")), 4001);
	});

	it("answer a malformed number with HTTP among the frames", async () => {
		const socket = attach("nonsense");
		const [error] = await once(socket, "error");
		assert.match(String(error), /WS_ERR|Invalid WebSocket frame/);
	});
});
