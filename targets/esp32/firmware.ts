import type { Device } from "fleetling/common/device";
import { Log } from "fleetling/common/log";
import Chip from "fleetling/esp32/chip";
import { SerialConsole } from "fleetling/esp32/console/serial-console";
import SerialPort from "fleetling/esp32/console/serialport";
import { setupShell } from "fleetling/esp32/console/setup";
import network from "fleetling/esp32/network/interface";
import { TimeSync } from "fleetling/esp32/network/sntp";
import { StoredNetworks } from "fleetling/esp32/network/stored-networks";
import { wifiCommand } from "fleetling/esp32/network/wifi-command";
import { type Fleetling, type StartOptions, start } from "fleetling/start";

/** Whom an ESP32 asks for the time unless the configuration says otherwise. */
const timeServer = "pool.ntp.org";

/** What an application hands in; sink, commands and the rest as for `start`. */
export interface FirmwareOptions extends Omit<StartOptions, "sink" | "device"> {
	readonly device: Device;
}

/**
 * The whole firmware of a board: console, network, clock and client. An application that brings up the network itself calls `start`
 * of "fleetling/start" instead.
 */
export async function startFirmware(options: FirmwareOptions): Promise<Fleetling | undefined> {
	const { device, config } = options;
	const { system, storage, clock } = device;
	const serial = openConsole();
	const sink = (line: string): void => {
		if (serial === undefined) trace(line, "\n");
		else serial.log(line);
	};
	const log = new Log({ sink, ticks: () => system.ticks() });
	const main = log.tag("main");
	const net = log.tag("net");
	const networks = new StoredNetworks(storage, config);
	const commands = network.ethernet ? (options.commands ?? []) : [wifiCommand(networks), ...(options.commands ?? [])];
	main.info(
		`XS ${system.engine} on ${system.target}, address ${device.network.mac}, ${system.memory().heapFree ?? 0} bytes free`,
	);
	if (!Chip.rollbackPossible())
		main.error("this build does not roll back: set CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y and flash the bootloader too");
	if (serial !== undefined) serial.shell = setupShell({ device, config, commands });

	let fleetling: Fleetling | undefined;
	const running = start({ ...options, sink, commands });

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
	network.open({
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

	fleetling = await running;
	if (serial !== undefined && fleetling !== undefined) serial.shell = fleetling.shell;
	return fleetling;
}

/** In a debug build the port is xsbug's, and the log goes there. */
function openConsole(): SerialConsole | undefined {
	try {
		return new SerialConsole((onReadable) => new SerialPort({ onReadable }));
	} catch (error) {
		trace(`no console: ${String(error)}\n`);
		return undefined;
	}
}
