/** A whole device and its managers through Mender's device connect, over TLS. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { DeviceConnection } from "../servers/mender/device-connect";
import { DeviceError } from "../servers/mender/manager";
import { downloadFile, uploadFile } from "../servers/mender/manager-files";
import { ForwardedConnection } from "../servers/mender/manager-forward";
import { ManagerTerminal } from "../servers/mender/manager-terminal";
import { MenderFleet, mac, oldVersion } from "./mender-fleet";

const user = "7d5c2c9e-3a6e-4d0e-8f5e-0c1f2a3b4c5d";

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

function listening(serve: (socket: Socket) => void): Promise<Server> {
	return new Promise((resolve) => {
		const server = createServer((socket) => serve(socket.on("error", () => undefined)));
		server.listen(0, "127.0.0.1", () => resolve(server));
	});
}

describe("device: Mender's device connect", function () {
	this.timeout(120_000);
	let fleet: MenderFleet;
	let connection: DeviceConnection;

	before(async () => {
		fleet = await MenderFleet.start({ secure: true, settings: { pollSeconds: "600", portForward: "local" } });
		connection = await fleet.server.connect.connected(mac);
	});
	after(async () => {
		await fleet?.stop();
	});

	it("connects after the first check, with the subprotocol, and says what it speaks", async () => {
		assert.deepEqual(connection.offered, ["protomsg/msgpack"]);
		const protocols = await connection.open(user).handshake();
		assert.deepEqual(protocols, [1, 2, 3, 4]);
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

	it("sends files, as slowly as they are read, while a terminal is typed into", async () => {
		const folder = `${fleet.flash}.files`;
		mkdirSync(folder, { recursive: true });
		const content = randomBytes(120_001);
		writeFileSync(join(folder, "a.bin"), content);
		const terminal = new ManagerTerminal(connection.open(user));
		await terminal.shows("fleetling> ");
		const whole = downloadFile(connection.open(user), "/files/a.bin", 5);
		for (let times = 0; times < 5; times++) await terminal.run("status", `${oldVersion} in slot`);
		const { size, content: got } = await whole;
		assert.equal(size, content.length);
		assert.ok(got.equals(content));
		const log = await downloadFile(connection.open(user), "/log");
		assert.equal(log.content.length, log.size);
		assert.match(log.content.toString(), /a manager fetches \/files\/a\.bin, 120001 bytes/);
		const list = await downloadFile(connection.open(user), "/files");
		assert.match(list.content.toString(), /a\.bin 120001\n/);
		await assert.rejects(
			downloadFile(connection.open(user), "/files/none"),
			(error) => error instanceof DeviceError && error.code === 404 && error.message.includes("management.no-file"),
		);
		terminal.close();
	});

	it("takes files, whole or not at all", async () => {
		const file = join(`${fleet.flash}.files`, "new", "b.bin");
		const content = randomBytes(90_000);
		await uploadFile(connection.open(user), "/files/new/b.bin", content);
		assert.ok(readFileSync(file).equals(content));
		await uploadFile(connection.open(user), "/files/new", Buffer.from("again"), { source: "b.bin" });
		assert.equal(readFileSync(file, "utf8"), "again");
		// Somebody who goes in the middle of it, and a connection that breaks.
		await uploadFile(connection.open(user), "/files/new/b.bin", content, { leaveAt: 60_000 });
		const again = fleet.server.connect.next(mac, 30_000);
		connection.drop();
		connection = await again;
		assert.equal(readFileSync(file, "utf8"), "again");
		assert.equal(existsSync(join(`${fleet.flash}.files`, ".upload", "0")), false);
		await uploadFile(connection.open(user), "/files/new/empty", Buffer.alloc(0));
		const refused = (code: number) => (error: unknown) => error instanceof DeviceError && error.code === code;
		await assert.rejects(uploadFile(connection.open(user), "/log", content), refused(403));
		await assert.rejects(uploadFile(connection.open(user), "/files/../x", content), refused(400));
		await assert.rejects(uploadFile(connection.open(user), "/files/large", Buffer.alloc(1_100_000)), refused(413));
		assert.equal(existsSync(join(`${fleet.flash}.files`, "large")), false);
	});

	it("forwards connections to its own networks, both ways and as fast as both ends take it", async () => {
		const echo = await listening((socket) => socket.pipe(socket));
		const slow = await listening((socket) => {
			let count = 0;
			socket.on("data", (bytes) => {
				count += bytes.length;
				socket.pause();
				setTimeout(() => socket.resume(), 2);
				if (count === 100_000) socket.end(`${count} bytes`);
			});
		});
		try {
			const content = randomBytes(60_000);
			const one = new ForwardedConnection(connection.open(user), "127.0.0.1", portOf(echo));
			const other = new ForwardedConnection(connection.open(user), "127.0.0.1", portOf(slow));
			one.write(content);
			other.write(Buffer.alloc(100_000, "x"));
			await one.until(() => one.received.length === content.length, "echo");
			assert.ok(one.received.equals(content));
			await other.until(() => other.end === "stop", "end of the other end");
			assert.equal(other.received.toString(), "100000 bytes");
			one.stop();
			await one.until(() => one.end === "stop", "end");
			const nobody = new ForwardedConnection(connection.open(user), "127.0.0.1", 1);
			await nobody.until(() => nobody.end !== undefined, "error");
			assert.match(nobody.end ?? "", /net\.refused/);
			const far = new ForwardedConnection(connection.open(user), "203.0.113.1", 80);
			await far.until(() => far.end !== undefined, "error");
			assert.match(far.end ?? "", /management\.not-forwarded/);
		} finally {
			echo.close();
			slow.close();
		}
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
