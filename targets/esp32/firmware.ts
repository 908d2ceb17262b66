import type { Device } from "fleetling/common/device";
import { Log } from "fleetling/common/log";
import { DeviceConsole, defaultName } from "fleetling/console";
import Chip from "fleetling/esp32/chip";
import { StoredWiFiAccess } from "fleetling/esp32/network/access";
import network from "fleetling/esp32/network/interface";
import type { Link } from "fleetling/esp32/network/link";
import { TimeSync } from "fleetling/esp32/network/sntp";
import { StoredNetworks } from "fleetling/esp32/network/stored-networks";
import { wifiCommand } from "fleetling/esp32/network/wifi-command";
import { type Fleetling, type StartOptions, start } from "fleetling/start";

/** Whom an ESP32 asks for the time unless the configuration says otherwise. */
const timeServer = "pool.ntp.org";

/** What an application hands in; sink, commands and the rest as for `start`. */
export interface FirmwareOptions extends Omit<StartOptions, "sink" | "device"> {
	readonly device: Device;
	/** The firmware's name for whoever sets the device up over the serial port. */
	readonly name?: string;
}

/**
 * The whole firmware of a board: console, network, clock and client. An application that brings up the network itself calls `start`
 * of "fleetling/start" instead.
 */
export async function startFirmware(options: FirmwareOptions): Promise<Fleetling | undefined> {
	const { device, config } = options;
	const { system, storage, clock } = device;
	const serial = DeviceConsole.open(device);
	const sink = (line: string): void => {
		if (serial === undefined) trace(line, "\n");
		else serial.log(line);
	};
	const log = new Log({ sink, ticks: () => system.ticks() });
	const main = log.tag("main");
	const net = log.tag("net");
	const networks = new StoredNetworks(storage, config);
	const commands = network.ethernet ? (options.commands ?? []) : [wifiCommand(networks), ...(options.commands ?? [])];
	main.info(`XS ${system.engine} on ${system.target}, ${system.memory().heapFree ?? 0} bytes free`);
	if (!Chip.rollbackPossible())
		main.error("this build does not roll back: set CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y and flash the bootloader too");
	let fleetling: Fleetling | undefined;
	let link: Link | undefined;
	const hostname = defaultName(device.network.mac);
	if (serial !== undefined) {
		const access = { link: () => link, networks, hostname, say: (text: string) => net.error(text) };
		const wifi = network.ethernet ? undefined : new StoredWiFiAccess(access);
		serial.offer({ config, commands, log, firmware: options.name, wifi });
	}
	const host = typeof config.sntp === "string" ? config.sntp : timeServer;
	const time = new TimeSync({
		host,
		say: (text) => net.warn(text),
		ticks: () => system.ticks(),
		onTime(milliseconds) {
			clock.set(milliseconds);
			net.info(`the time is ${new Date(clock.now()).toISOString()}`);
		},
	});
	// Before the client: without the radio ESP-IDF's random numbers are none (esp_random.h), and a new device makes its key at once.
	try {
		link = network.open({
			hostname: networks.hostname ?? hostname,
			networks: networks.all((text) => net.warn(text)),
			say: (text) => net.info(text),
			onAddress(address) {
				if (address === undefined) {
					net.warn("the network is gone");
					time.close();
					return;
				}
				net.info(`address ${address}`);
				if (host !== "") time.ask();
				fleetling?.agent.checkNow();
			},
		});
	} catch (error) {
		// The client ends a trial that this makes fail, and at the console a person can look.
		net.error(`there is no network: ${String(error)}`);
	}

	fleetling = await start({ ...options, sink, commands });
	if (serial !== undefined) serial.client = fleetling;
	return fleetling;
}
