import type { Device } from "./common/device";
import { Log, type TaggedLog } from "./common/log";
import type { Command } from "./management/commands/command";
import { Improv } from "./management/console/improv";
import { SerialConsole } from "./management/console/serial-console";
import type { WiFiAccess } from "./management/console/wifi-access";
import { setupShell } from "./setup";
import { type Fleetling, type StartOptions, start } from "./start";
import { OTASlots } from "./update/ota-slots";

/** The firmware's name for whoever sets the device up, unless the application has one of its own. */
const firmwareName = "Fleetling";

export interface OfferOptions {
	/** Values of the build. */
	readonly config: Readonly<Record<string, unknown>>;
	/** Commands that the target and the application add to those for setting up. */
	readonly commands: readonly Command[];
	/** Wi-Fi that can be set up with Improv, on a device that has it. */
	readonly wifi?: WiFiAccess | undefined;
	readonly log: Log;
	readonly firmware?: string | undefined;
}

/** What a person finds at a device's serial port: its log, a shell, and Improv. */
export class DeviceConsole {
	readonly #device: Device;
	readonly #serial: SerialConsole;
	#log: TaggedLog | undefined;

	private constructor(device: Device, serial: SerialConsole) {
		this.#device = device;
		this.#serial = serial;
	}

	/** Undefined on a device without a port, or when that is a debugger's. */
	static open(device: Device): DeviceConsole | undefined {
		const { serial } = device;
		if (serial === undefined) return undefined;
		try {
			return new DeviceConsole(device, new SerialConsole(serial));
		} catch (error) {
			trace(`no console: ${String(error)}\n`);
			return undefined;
		}
	}

	/** Shows one line of the log. Never waits. */
	log(line: string): void {
		this.#serial.log(line);
	}

	/** Lets the device be set up, whether its client can run or not. */
	offer({ config, commands, wifi, log, firmware = firmwareName }: OfferOptions): void {
		const device = this.#device;
		const { system, network } = device;
		const serial = this.#serial;
		const setup = log.tag("setup");
		this.#log = setup;
		serial.shell = setupShell({ device, config, commands });
		serial.improv = new Improv({
			send: (packet) => serial.send(packet),
			wifi,
			information: () => ({
				firmware,
				version: new OTASlots().running().description?.version ?? "",
				chip: system.target,
				name: wifi?.hostname ?? defaultName(network.mac),
			}),
			next: () => serverURL(device, config),
			log: setup,
		});
	}

	/** The client runs, and its shell takes the place of the one for setting up; undefined: it could not start. */
	set client(client: Fleetling | undefined) {
		if (client !== undefined) this.#serial.shell = client.shell;
		else this.#log?.info("Enter opens a console with which the device can be set up");
	}
}

/** What a device is called that nobody has named: each on a table has another one. */
export function defaultName(mac: string): string {
	return `fleetling-${mac.split(":").slice(3).join("").toLowerCase()}`;
}

/** Where the device is to be let in, and can be seen then. */
function serverURL({ storage }: Device, config: Readonly<Record<string, unknown>>): string | undefined {
	const store = storage.open({ path: "config", format: "string" });
	try {
		const url = store.read("url") ?? config.url;
		return typeof url === "string" && url !== "" ? url : undefined;
	} finally {
		store.close();
	}
}

/** As `start`, with a console where the device has a port for one; `sink` takes the log besides. */
export function startAtConsole(options: StartOptions): Promise<Fleetling | undefined> {
	const serial = DeviceConsole.open(options.device);
	return serial === undefined ? start(options) : startWith(serial, options);
}

async function startWith(serial: DeviceConsole, options: StartOptions): Promise<Fleetling | undefined> {
	const { device, config, commands = [], sink: other } = options;
	const sink = (line: string): void => {
		other(line);
		serial.log(line);
	};
	serial.offer({ config, commands, log: new Log({ sink, ticks: () => device.system.ticks() }) });
	const fleetling = await start({ ...options, sink });
	serial.client = fleetling;
	return fleetling;
}
