/** A whole device on Mender's device connect: in a chip's memory, and with a server and managers that behave badly. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { menderArtifact } from "../artifacts/mender";
import { MenderFleet, mac, oldVersion } from "../integration/mender-fleet";
import { Refusal } from "../servers/mender/http";
import { downloadFile, uploadFile } from "../servers/mender/manager-files";
import { ForwardedConnection } from "../servers/mender/manager-forward";
import { ManagerTerminal } from "../servers/mender/manager-terminal";

const tool = menderArtifact();
const user = "7d5c2c9e-3a6e-4d0e-8f5e-0c1f2a3b4c5d";
/** The manifest's `creation.static`. */
const limit = 98_304;

describe("device connect: memory of a chip (32 bits)", function () {
	this.timeout(240_000);
	let fleet: MenderFleet | undefined;
	before(function () {
		if (has32BitLibraries() && !("missing" in tool)) return;
		process.stdout.write("    skipped: the 32-bit libraries or mender-artifact are not installed\n");
		this.skip();
	});
	afterEach(async () => {
		await fleet?.stop();
	});

	/** An update with a signed artifact over TLS, with what goes on meanwhile; the peak of all boots. */
	async function peakOf(meanwhile: (fleet: MenderFleet) => Promise<void>): Promise<number> {
		fleet = await MenderFleet.start({
			...{ variant: { bits: 32, mode: "debug" }, secure: true },
			settings: { inventorySecs: "2", logLevel: "debug", portForward: "local" },
		});
		const { workbench, server } = fleet;
		await fleet.running.cutPower();
		const key = workbench.file("private.pem", Buffer.from(workbench.keys.ec.privatePEM));
		workbench.file("public.pem", Buffer.from(workbench.keys.ec.publicPEM));
		await fleet.switchOn(["--set-file", `artifactKeys=${workbench.path("public.pem")}`]);
		await server.connect.connected(mac, 30_000);
		const deployment = await fleet.deploy("1.1.0", { padTo: 600_000 }, { key });
		await meanwhile(fleet);
		await server.until(deployment, "success", 120_000);
		await fleet.checked();
		await server.connect.connected(mac, 30_000);
		const figures = fleet.running.events.filter((event) => event.event === "memory");
		assert.ok(figures.length > 0 && figures.every((event) => event.limit === limit), "no figures");
		if (process.env.FLEETLING_SHOW) for (const figure of figures) process.stdout.write(`${JSON.stringify(figure)}\n`);
		const peak = Math.max(...figures.map((event) => Number(event.used)));
		process.stdout.write(`      ${peak} bytes of XS memory at the peak\n`);
		return peak;
	}

	it("link and update", async () => {
		const peak = await peakOf(async () => undefined);
		assert.ok(peak <= limit, `${peak} of ${limit} bytes`);
	});

	it("link, update and a terminal that is busy", async () => {
		const peak = await peakOf(async ({ server }) => {
			const connection = await server.connect.connected(mac);
			const terminal = new ManagerTerminal(connection.open(user));
			await terminal.shows("fleetling> ");
			while (connection.isOpen)
				for (const line of ["help", "log", "config", "status"])
					await terminal.run(line, "fleetling> ", 3_000).catch(() => undefined);
		});
		assert.ok(peak <= limit, `${peak} of ${limit} bytes`);
	});

	it("link, update, a terminal, and four forwarded connections", async () => {
		const echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
		await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
		const { port } = echo.address() as AddressInfo;
		try {
			const peak = await peakOf(async ({ server }) => {
				const connection = await server.connect.connected(mac);
				const terminal = new ManagerTerminal(connection.open(user));
				await terminal.shows("fleetling> ");
				const forwarded = [1, 2, 3, 4].map(() => new ForwardedConnection(connection.open(user), "127.0.0.1", port));
				for (const each of forwarded) each.write(Buffer.alloc(10_000_000));
				while (connection.isOpen) await terminal.run("status", "fleetling> ", 3_000).catch(() => undefined);
			});
			assert.ok(peak <= limit, `${peak} of ${limit} bytes`);
		} finally {
			echo.close();
		}
	});

	it("link, update, two terminals and files both ways", async () => {
		const peak = await peakOf(async ({ server, flash }) => {
			mkdirSync(`${flash}.files`, { recursive: true });
			writeFileSync(join(`${flash}.files`, "a.bin"), Buffer.alloc(60_000, "a"));
			const connection = await server.connect.connected(mac);
			const terminals = [new ManagerTerminal(connection.open(user)), new ManagerTerminal(connection.open(user))];
			for (const terminal of terminals) await terminal.shows("fleetling> ");
			const over = connection.untilEnd(120_000);
			const files = async (): Promise<void> => {
				while (connection.isOpen) {
					await Promise.race([downloadFile(connection.open(user), "/files/a.bin"), over]);
					await Promise.race([uploadFile(connection.open(user), "/files/b", Buffer.alloc(50_000)), over]);
				}
			};
			const typing = async (terminal: ManagerTerminal): Promise<void> => {
				while (connection.isOpen)
					for (const line of ["help", "log", "config"]) await terminal.run(line, "fleetling> ", 3_000).catch(() => undefined);
			};
			await Promise.all([files(), ...terminals.map(typing)]);
		});
		assert.ok(peak <= limit, `${peak} of ${limit} bytes`);
	});
});

describe("device connect: a server that behaves badly", function () {
	this.timeout(120_000);
	let fleet: MenderFleet;
	beforeEach(async () => {
		fleet = await MenderFleet.start({ settings: { pollSeconds: "2" } });
	});
	afterEach(async () => {
		await fleet?.stop();
	});

	it("is answered when it pings", async () => {
		const { connect } = fleet.server;
		const first = await connect.connected(mac);
		connect.wait = 2_000;
		const second = connect.next(mac, 30_000);
		first.drop();
		const connection = await second;
		await pause(5_000);
		assert.ok(connection.isOpen);
		assert.ok(connection.pongs.length >= 3 && connection.pongs.every((payload) => payload === "2"));
	});

	it("is connected to again after it was away, with pauses that grow", async () => {
		const connection = await fleet.server.connect.connected(mac);
		await fleet.server.down();
		assert.equal((await connection.untilEnd()).by, "nobody");
		await pause(4_000);
		const again = fleet.server.connect.next(mac, 60_000);
		await fleet.server.up();
		await (await again).open(user).handshake();
		// What the device prints comes another way than what it sends.
		await fleet.says(/management link is open again/);
		assert.equal(fleet.running.output.match(/management link is open again/g)?.length, 1);
	});

	it("gets a new token when it does not take the old one for the link", async () => {
		const { connect, tokens, log } = fleet.server;
		const connection = await connect.connected(mac);
		const asked = log.of("auth").length;
		tokens.expireAll();
		const again = connect.next(mac, 30_000);
		connection.close(1011, "internal error");
		await (await again).open(user).handshake();
		assert.equal(log.of("auth").length, asked + 1);
	});

	it("is left alone until the next check where it has no device connect, and the log says so once", async () => {
		const { connect } = fleet.server;
		const connection = await connect.connected(mac);
		connect.refusal = new Refusal(404, "not found");
		connection.close();
		await fleet.says(/refused device connect with status 404/);
		for (let polls = 0; polls < 3; polls++) await fleet.checked();
		assert.equal(fleet.running.output.match(/refused device connect/g)?.length, 1);
		connect.refusal = undefined;
		await (await connect.next(mac, 30_000)).open(user).handshake();
	});

	it("is not talked to when something in between takes the subprotocol away", async () => {
		const { connect } = fleet.server;
		const connection = await connect.connected(mac);
		connect.selects = false;
		const again = connect.next(mac, 30_000);
		connection.close();
		const end = await (await again).untilEnd();
		assert.deepEqual([end.code, end.by], [1002, "device"]);
		await fleet.says(/without "protomsg\/msgpack"/);
	});

	it("ends the link, and nothing else, with a message that no device can hold", async () => {
		const { connect } = fleet.server;
		const connection = await connect.connected(mac);
		connection.send({ proto: 1, typ: "shell", sid: "x", body: Buffer.alloc(8_000) });
		await connection.open(user).handshake();
		const again = connect.next(mac, 30_000);
		connection.send({ proto: 1, typ: "shell", sid: "x", body: Buffer.alloc(9_000) });
		assert.deepEqual(await connection.untilEnd(), { code: 1009, reason: "message of more than 8192 bytes", by: "device" });
		await fleet.says(/websocket\.too-large/);
		await (await again).open(user).handshake();
	});

	it("may send a flood and read nothing: the device goes on with what it can send", async () => {
		const connection = await fleet.server.connect.connected(mac);
		const terminal = new ManagerTerminal(connection.open(user));
		await terminal.shows("fleetling> ");
		connection.pause(true);
		for (let times = 0; times < 2_000; times++) connection.open(user).send({ proto: 0xffff, typ: "ping" });
		for (let times = 0; times < 200; times++) terminal.type("help\r");
		await pause(2_000);
		await fleet.checked();
		connection.pause(false);
		await connection.until("all pongs", () => connection.messages.filter(({ typ }) => typ === "pong").length >= 2_000, 60_000);
		await terminal.run("\x03\x15status", `${oldVersion} in slot`, 30_000);
	});
});
