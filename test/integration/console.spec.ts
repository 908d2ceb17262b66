/** The serial console over a pseudo-terminal: the same code that an ESP32 runs at its UART, typed at by a person and by Improv. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { flashDevice, HostDevice } from "../../targets/host/tools/hostdevice";
import { RdfmServer } from "../servers/rdfm/server";
import { prepareRuntime } from "../xs/driver";
import { improvPacket, Terminal, textsIn } from "./terminal";

const mac = "02:00:5e:00:53:77";
const version = "1.4.2";

describe("serial console", function () {
	this.timeout(120_000);
	const folder = mkdtempSync(join(tmpdir(), "fleetling-console-"));
	let firmware: Buffer;
	let device: HostDevice;
	let terminal: Terminal;
	let path: string;

	before(async () => {
		firmware = await makeFirmware({ version });
	});
	after(() => rmSync(folder, { recursive: true, force: true }));

	async function start(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
		const flash = join(folder, name);
		flashDevice(flash, firmware);
		device = new HostDevice({ runtime: await prepareRuntime(), flash, settings, mac, arguments: ["--console"] });
		await device.until("a console", ({ events }) => events.some(({ event }) => event === "console"));
		path = String(device.events.find(({ event }) => event === "console")?.path);
		terminal = new Terminal(path);
	}

	describe("of a device that is set up", () => {
		const server = new RdfmServer();
		before(async () => {
			await server.start({ autoApprove: true });
			const settings = { server: "rdfm", url: server.url, deviceType: "lamp", pollSeconds: "600", logLevel: "info" };
			await start("ready", settings);
			await device.until("a check-in", ({ output }) => /no update/i.test(output));
		});
		after(async () => {
			terminal.close();
			await device.cutPower();
			await server.stop();
		});

		it("Enter opens the shell, and commands run", async () => {
			await terminal.run("", /version 1\.4\.2 on host; .*\nfleetling> $/);
			await terminal.run("help", /factory-reset/);
			await terminal.run("status", /version +1\.4\.2 in slot ota_0/);
			await terminal.run("identity", /address +02:00:5e:00:53:77\ndevice type +lamp\n-----BEGIN PUBLIC KEY-----/);
			await terminal.run("config get url", new RegExp(server.url));
			await terminal.run("nonsense", /nonsense/);
		});
		it("lines can be edited: cursor, deletion, history, completion", async () => {
			// "mxem", then back to behind the x and it goes; then the line again from the history.
			await terminal.run("mxem\x1b[D\x1b[D\x7f", /slots/);
			await terminal.run("\x1b[A", /slots/);
			await terminal.run("sta\t", /in slot ota_0/);
			await terminal.run("gibberish\x15flash", /ota_1/);
			assert.doesNotMatch(terminal.text, /ota_1.*gibberish/s);
			terminal.type("half a line\x03");
			await terminal.shows("^C");
		});
		it("lines of the log appear above the prompt, and what was typed is shown again", async () => {
			const link = await server.management.connected(mac, 30_000);
			terminal.forget();
			terminal.type("sta");
			await terminal.shows("sta");
			terminal.forget();
			link.send({ method: "alert", alert: { message: "look here" } });
			await terminal.shows(/^[IW] \(\d+\) \w+: .*look here.*\nfleetling> sta$/);
			await terminal.run("tus", /in slot ota_0/);
		});
		it("the log tells of an update as it goes", async () => {
			server.addPackage(await makeFirmware({ version: "1.5.0" }), {
				"rdfm.hardware.devtype": "lamp",
				"rdfm.software.version": "1.5.0",
			});
			server.assign(mac, "exact_match,1.5.0");
			await terminal.run("update check", /I \(\d+\) update: .*1\.5\.0/);
			await terminal.shows(/I \(\d+\) main: version 1\.5\.0 in slot ota_1 \(pending-verify\) of host, reset: restart\n/);
			await terminal.shows(/I \(\d+\) main: identity: address 02:00:5e:00:53:77, device type lamp\n/);
			await terminal.shows(/I \(\d+\) update: .*1\.5\.0 .*confirmed/);
			await terminal.run("", /version 1\.5\.0 on host/);
		});
		it("what is typed while nobody reads the answers does no harm, and who comes back finds the shell", async () => {
			for (let round = 0; round < 50; round++) terminal.type("help\r");
			terminal.close();
			await new Promise<void>((done) => setTimeout(done, 500));
			terminal = new Terminal(path);
			await terminal.run("\x03\x15status", /version +1\.5\.0/);
		});
	});

	describe("of a device without configuration", () => {
		before(() => start("blank", {}));
		after(async () => {
			terminal.close();
			await device.cutPower();
		});

		it("tells what it is and what is missing, and stays on", async () => {
			await device.until("a reason", ({ output }) => /nothing to do until the configuration is changed/.test(output));
			assert.match(device.output, /I \(\d+\) main: version 1\.4\.2 in slot ota_0 \(valid\) of host, reset: power-on\n/);
			assert.match(device.output, /I \(\d+\) main: identity: address 02:00:5e:00:53:77\n/);
			assert.match(device.output, /configuration key "server" is not set/);
			await device.until("an invitation", ({ output }) => /Enter opens a console/.test(output));
		});
		it("Improv tells state and device, and says honestly that there is no Wi-Fi", async () => {
			terminal.forget();
			terminal.type(improvPacket(3, [2, 0]));
			assert.deepEqual(
				(await terminal.receives(2)).map(({ type, data }) => [type, ...data]),
				[
					[2, 0],
					[1, 2],
				],
			);
			terminal.forget();
			terminal.type(improvPacket(3, [3, 0]));
			const [, information] = await terminal.receives(2);
			assert.ok(information);
			assert.equal(information.type, 4);
			assert.deepEqual(textsIn(information), ["Fleetling", version, "host", "fleetling-005377"]);
			terminal.forget();
			terminal.type(improvPacket(3, [4, 0]));
			assert.deepEqual(
				(await terminal.receives(2)).map(({ type, data }) => [type, ...data]),
				[
					[2, 0],
					[4, 4, 0],
				],
			);
			terminal.forget();
			terminal.type(improvPacket(3, [1, 15, 4, ...Buffer.from("home"), 9, ...Buffer.from("secret-wd")]));
			const answers = await terminal.receives(3);
			assert.deepEqual(
				answers.map(({ type, data }) => [type, ...data]),
				[
					[2, 0],
					[2, 3],
					[1, 2],
				],
			);
			await terminal.shows(/W \(\d+\) setup: .*no Wi-Fi/);
			assert.doesNotMatch(device.output + terminal.text, /secret-wd/);
		});
		it("a packet that is damaged or torn is an error, and what comes next is heard", async () => {
			const damaged = improvPacket(3, [2, 0]);
			damaged.writeUInt8(damaged.readUInt8(11) ^ 1, 11);
			terminal.forget();
			terminal.type(Buffer.concat([damaged, improvPacket(3, [2, 0]).subarray(0, 9), improvPacket(3, [2, 0])]));
			const answers = await terminal.receives(4);
			assert.deepEqual(
				answers.map(({ type, data }) => [type, ...data]),
				[
					[2, 1],
					[2, 1],
					[2, 0],
					[1, 2],
				],
			);
		});
		it("the shell for setting up makes it a device of a server's, Improv in between or not", async () => {
			const server = new RdfmServer();
			await server.start({ autoApprove: true });
			try {
				await terminal.run("", /host is not set up: .*\nsetup> $/);
				await terminal.run("config set url updates", /expected an address/);
				terminal.forget();
				// Somebody types while a program asks.
				terminal.type(`config set u`);
				terminal.type(improvPacket(3, [2, 0]));
				terminal.type(`rl ${server.url}\r`);
				await terminal.shows("url is stored");
				assert.equal(terminal.packets.length, 2);
				await terminal.run("config set server rdfm", "server is stored");
				await terminal.run("config set deviceType lamp", "deviceType is stored");
				terminal.forget();
				terminal.type("reboot\r");
				await terminal.shows(/I \(\d+\) main: version 1\.4\.2 in slot ota_0 \(valid\) of host, reset: restart\n/);
				await device.until("a check-in", ({ output }) => /no update/i.test(output));
				terminal.forget();
				terminal.type(improvPacket(3, [2, 0]));
				await terminal.receives(2);
				await terminal.run("", /fleetling> $/);
			} finally {
				await server.stop();
			}
		});
	});
});
