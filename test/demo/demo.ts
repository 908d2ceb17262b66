/**
 * The main job, shown once from end to end: a server with TLS, a device with blank flash, one update. Everything is real
 * but the chip: the engine, mbedTLS, sockets, the flash rules, the boot selection.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { type DeviceEvent, flashDevice, HostDevice } from "../../targets/host/tools/hostdevice";
import { buildRuntime } from "../../targets/host/tools/runtime";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { createAuthority } from "../pki/pki";
import { RdfmServer } from "../servers/rdfm/server";
import { Screen } from "./screen";

const deviceType = "demo-thermostat";
const mac = "02:f1:ee:70:00:01";
const [oldVersion, newVersion] = ["1.0.0", "1.1.0"] as const;
/** Milliseconds that one step may take: enough for a slow machine, short enough for a person who waits. */
const stepTimeout = 60_000;

interface Peak {
	used: number;
	limit: number;
	longestBlock: number;
}

const thousands = (value: number): string => value.toLocaleString("en");
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

class Demo {
	readonly #screen = new Screen();
	readonly #server = new RdfmServer();
	readonly #folder = mkdtempSync(join(tmpdir(), "fleetling-demo-"));
	readonly #peak: Peak = { used: 0, limit: 0, longestBlock: 0 };
	#device: HostDevice | undefined;

	async run(): Promise<void> {
		const screen = this.#screen;
		const bits = has32BitLibraries() ? 32 : 64;
		const runtime = await buildRuntime({ bits, mode: "debug" });
		const images = { old: await makeFirmware({ version: oldVersion }), new: await makeFirmware({ version: newVersion }) };
		const ca = await this.#startServer();
		const began = Date.now();

		const flash = join(this.#folder, "device.flash");
		flashDevice(flash, images.old);
		screen.say(
			`a simulated ESP32 (${bits}-bit XS) is flashed with firmware ${oldVersion}; the rest of its flash is blank. It is switched on`,
		);
		const device = new HostDevice({
			runtime,
			flash,
			mac,
			settings: { server: "rdfm", url: this.#server.url, deviceType, pollSeconds: "1" },
			files: { ca },
			onConsole: (text) => screen.console(text),
			onEvent: (event) => this.#note(event),
		});
		this.#device = device;

		await this.#server.waitForPending(mac, stepTimeout);
		screen.say("the server does not know this device and refused it (401). An administrator approves it");
		this.#server.approve(mac);
		await this.#server.log.until((record) => record.route === "check" && record.status === 204, stepTimeout);
		screen.say(`the device has its token, asked, and there was nothing to do. The administrator uploads ${newVersion}`);

		this.#server.addPackage(images.new, { "rdfm.hardware.devtype": deviceType, "rdfm.software.version": newVersion });
		this.#server.assign(mac, `exact_match,${newVersion}`);
		const offered = Date.now();
		await this.#server.log.until((record) => record.route === "check" && record.status === 200, stepTimeout);
		await device.until(`restart into ${newVersion}`, ({ version }) => version === newVersion, stepTimeout);
		const restarted = Date.now();
		screen.say(`${newVersion} runs on trial: it must check in with the server, or the next boot brings ${oldVersion} back`);
		await device.until(`${newVersion} confirmed`, ({ confirmed }) => confirmed, stepTimeout);
		const confirmed = Date.now();
		await this.#server.log.next((record) => record.route === "check" && record.status === 204, stepTimeout);
		screen.say(`${newVersion} has checked in and is confirmed; the server has nothing newer`);
		await device.cutPower();
		this.#summary({ began, offered, restarted, confirmed, bytes: images.new.length });
	}

	async close(): Promise<void> {
		await this.#device?.cutPower();
		await this.#server.stop().catch(() => undefined);
		rmSync(this.#folder, { recursive: true, force: true });
	}

	async #startServer(): Promise<string> {
		const authority = await createAuthority({ name: "Fleetling demo authority" });
		const certificate = await authority.issue({ names: ["localhost"], ips: ["127.0.0.1"] });
		await this.#server.start({ tls: { key: certificate.keyPEM, cert: certificate.chainPEM } });
		this.#screen.say(`an RDFM server listens on ${this.#server.url}, with a certificate from an authority made just now`);
		const ca = join(this.#folder, "ca.pem");
		writeFileSync(ca, authority.certPEM);
		return ca;
	}

	#note(event: DeviceEvent): void {
		if (event.event !== "memory") return;
		this.#peak.used = Math.max(this.#peak.used, Number(event.used));
		this.#peak.limit = Number(event.limit);
		this.#peak.longestBlock = Math.max(this.#peak.longestBlock, Number(event.longestBlock));
	}

	#summary(times: Readonly<Record<"began" | "offered" | "restarted" | "confirmed" | "bytes", number>>): void {
		const { log, connections } = this.#server;
		const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
		const resumed = connections.filter((connection) => connection.tls?.resumed).length;
		this.#screen.say("done");
		this.#screen.table([
			["versions", `${oldVersion} → ${newVersion}, confirmed in ota_1`],
			["package", `${thousands(times.bytes)} bytes`],
			["requests", `${log.records.length}, of which ${log.of("auth").length} to authenticate`],
			["connections", `${connections.length}, ${resumed} of them with a resumed TLS session`],
			[
				"HTTP bytes",
				`${thousands(sum(log.records.map((record) => record.bytesReceived)))} up, ${thousands(sum(log.records.map((record) => record.bytesSent)))} down`,
			],
			["offer to restart", seconds(times.restarted - times.offered)],
			["restart to confirmed", seconds(times.confirmed - times.restarted)],
			["in all", seconds(times.confirmed - times.began)],
			["XS memory", `${thousands(this.#peak.used)} bytes at the peak, ${thousands(this.#peak.limit)} allowed`],
			["longest job", `${this.#peak.longestBlock} ms in which JavaScript did not come round`],
		]);
	}
}

/** Runs the demo and returns the exit code of the command. */
export async function runDemo(): Promise<number> {
	const demo = new Demo();
	const stop = (): void => {
		void demo.close().finally(() => process.exit(130));
	};
	process.on("SIGINT", stop);
	process.on("SIGTERM", stop);
	try {
		await demo.run();
		return 0;
	} catch (error) {
		process.stderr.write(`the demo failed: ${(error as Error).message}\n`);
		return 1;
	} finally {
		await demo.close();
	}
}
