/** A whole device and its managers through Mender's device connect, over TLS. */
import assert from "node:assert/strict";
import type { DeviceConnection } from "../servers/mender/device-connect";
import { ManagerTerminal } from "../servers/mender/manager-terminal";
import { MenderFleet, mac, oldVersion } from "./mender-fleet";

const user = "7d5c2c9e-3a6e-4d0e-8f5e-0c1f2a3b4c5d";

describe("device: Mender's device connect", function () {
	this.timeout(120_000);
	let fleet: MenderFleet;
	let connection: DeviceConnection;

	before(async () => {
		fleet = await MenderFleet.start({ secure: true, settings: { pollSeconds: "600" } });
		connection = await fleet.server.connect.connected(mac);
	});
	after(async () => {
		await fleet?.stop();
	});

	it("connects after the first check, with the subprotocol, and says what it speaks", async () => {
		assert.deepEqual(connection.offered, ["protomsg/msgpack"]);
		const protocols = await connection.open(user).handshake();
		assert.deepEqual(protocols, [1, 4]);
	});

	it("has terminals, each with its own session", async () => {
		const one = new ManagerTerminal(connection.open(user), { rows: 50, columns: 132 });
		const other = new ManagerTerminal(connection.open(user));
		await one.shows("fleetling> ");
		await other.shows("fleetling> ");
		await one.run("status", `${oldVersion} in slot`);
		await other.run("net", "Mender server");
		const third = new ManagerTerminal(connection.open(user));
		await third.ended();
		assert.match(third.end ?? "", /2 terminals are open already/);
		other.type("exit\r");
		await other.ended();
		one.close();
		await fleet.says(/a terminal was closed/);
	});

	it("asks for a deployment and reports its inventory when the server's buttons say so", async () => {
		const checks = fleet.server.log.of("check").length;
		connection.command("check-update", user);
		await fleet.checked();
		assert.ok(fleet.server.log.of("check").length > checks);
		const reported = fleet.server.log.next(({ route, method }) => route === "inventory" && method === "PUT", 20_000);
		connection.command("send-inventory", user);
		await reported;
		assert.ok(connection.strays.every(({ typ }) => typ === "stop"));
	});

	it("says goodbye before a restart, and connects again", async () => {
		const terminal = new ManagerTerminal(connection.open(user));
		await terminal.shows("fleetling> ");
		const again = fleet.server.connect.next(mac, 60_000);
		terminal.type("reboot\r");
		const end = await connection.untilEnd();
		assert.deepEqual(end, { code: 1001, reason: "", by: "device" });
		connection = await again;
		await connection.open(user).handshake();
	});
});
