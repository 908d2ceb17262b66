/**
 * The main job, shown once from end to end: a server with TLS, a device with blank flash, one update. Everything is real
 * but the chip: the engine, mbedTLS, sockets, the flash rules, the boot selection.
 */
import { makeFirmware } from "../../targets/host/tools/firmware";
import type { DeviceEvent } from "../../targets/host/tools/hostdevice";
import type { Backend, OfferedPackage } from "./backend";
import { MenderBackend } from "./mender-backend";
import { RdfmBackend } from "./rdfm-backend";
import { Screen } from "./screen";
import { firstVersion as oldVersion, Stage } from "./stage";

/** The kinds of server of which the story can be told. */
export const backends = {
	rdfm: () => new RdfmBackend(),
	mender: () => new MenderBackend(),
} as const satisfies Readonly<Record<string, () => Backend>>;

const newVersion = "1.1.0";
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
	readonly #stage: Stage<Backend>;
	readonly #peak: Peak = { used: 0, limit: 0, longestBlock: 0 };

	constructor(backend: Backend) {
		this.#stage = new Stage(backend);
	}

	async run(): Promise<void> {
		const screen = this.#screen;
		const stage = this.#stage;
		const { server } = stage;
		await stage.build();
		const images = { old: await makeFirmware({ version: oldVersion }), new: await makeFirmware({ version: newVersion }) };
		await stage.startServer();
		screen.say(server.whereabouts);
		const began = Date.now();

		stage.makeFlash(images.old);
		screen.say(
			`a simulated ESP32 (${stage.bits}-bit XS) is flashed with firmware ${oldVersion}; the rest of its flash is blank. It is switched on`,
		);
		const hooks = {
			onConsole: (text: string) => screen.console(text),
			onEvent: (event: DeviceEvent) => this.#note(event),
		};
		const device = stage.switchOn(hooks, server.settings, server.files);

		await server.pending(stepTimeout);
		screen.say("the server does not know this device and refused it (401). An administrator approves it");
		server.approve();
		await server.log.until((record) => record.route === "check" && record.status === 204, stepTimeout);
		const offer = server.makePackage(images.new, newVersion);
		screen.say(
			`the device has its token, asked, and there was nothing to do. The administrator uploads ${offer.name} and deploys it`,
		);

		server.offer();
		const offered = Date.now();
		await server.log.until((record) => record.route === "check" && record.status === 200, stepTimeout);
		await device.until(`restart into ${newVersion}`, ({ version }) => version === newVersion, stepTimeout);
		const restarted = Date.now();
		screen.say(`${newVersion} runs on trial: it must check in with the server, or the next boot brings ${oldVersion} back`);
		await device.until(`${newVersion} confirmed`, ({ confirmed }) => confirmed, stepTimeout);
		const confirmed = Date.now();
		screen.say(`${newVersion} has checked in and is confirmed; ${await server.settled(stepTimeout)}`);
		await device.cutPower();
		this.#summary({ began, offered, restarted, confirmed }, offer);
	}

	close(): Promise<void> {
		return this.#stage.close();
	}

	#note(event: DeviceEvent): void {
		if (event.event !== "memory") return;
		this.#peak.used = Math.max(this.#peak.used, Number(event.used));
		this.#peak.limit = Number(event.limit);
		this.#peak.longestBlock = Math.max(this.#peak.longestBlock, Number(event.longestBlock));
	}

	#summary(
		times: Readonly<Record<"began" | "offered" | "restarted" | "confirmed", number>>,
		{ bytes, form }: OfferedPackage,
	): void {
		const { log, connections } = this.#stage.server;
		const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
		const resumed = connections.filter((connection) => connection.tls?.resumed).length;
		this.#screen.say("done");
		this.#screen.table([
			["versions", `${oldVersion} → ${newVersion}, confirmed in ota_1`],
			["package", `${thousands(bytes)} bytes, ${form}`],
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

/** Runs the demo with that kind of server and returns the exit code of the command. */
export async function runDemo(kind: keyof typeof backends): Promise<number> {
	const demo = new Demo(backends[kind]());
	let interrupted = false;
	const stop = (): void => {
		interrupted = true;
		void demo.close().finally(() => process.exit(130));
	};
	process.on("SIGINT", stop);
	process.on("SIGTERM", stop);
	try {
		await demo.run();
		return 0;
	} catch (error) {
		// Without its device the story breaks off: nothing has failed.
		if (interrupted) return 130;
		process.stderr.write(`the demo failed: ${(error as Error).message}\n`);
		return 1;
	} finally {
		await demo.close();
	}
}
