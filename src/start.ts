import { FleetlingError } from "fleetling/error/error";
import { Agent } from "./agent/agent";
import type { AgentEvents } from "./agent/events";
import { FactSheet } from "./agent/facts";
import { Identity } from "./agent/identity";
import type { ServerKind } from "./agent/server";
import { invalidSetting, readSettings, type Settings } from "./agent/settings";
import { deadlines } from "./common/deadlines";
import type { Device } from "./common/device";
import { Log, type LogOptions, type TaggedLog } from "./common/log";
import { random } from "./common/random";
import { sleep } from "./common/time";
import { HTTPWeb } from "./common/web";
import { rdfm } from "./servers/rdfm/rdfm";
import { SlotImageInstaller } from "./update/installers/slot-image";
import { OTASlots } from "./update/ota-slots";
import { rawImage } from "./update/readers/raw-image";
import { Updater } from "./update/updater";

/** The kinds of server that the configuration key `server` can name. */
const serverKinds: Readonly<Record<string, ServerKind>> = { rdfm };

export interface StartOptions {
	readonly device: Device;
	/** Values of the build; what is in the device's storage wins over them. */
	readonly config: Readonly<Record<string, unknown>>;
	/** Takes the log, line by line. */
	readonly sink: LogOptions["sink"];
	readonly events?: AgentEvents;
}

/** A running client, for the application that includes it. */
export interface Fleetling {
	readonly agent: Agent;
	readonly facts: FactSheet;
	readonly log: Log;
	readonly updater: Updater;
}

/**
 * Puts everything together and sets it going: all of a device's firmware, or a part of an application. Never rejects.
 * When it cannot be done the reason is logged, a firmware on trial is rolled back, and the result is undefined.
 */
export async function start(options: StartOptions): Promise<Fleetling | undefined> {
	const { device, sink } = options;
	const { system } = device;
	const log = new Log({ sink, ticks: () => system.ticks() });
	const main = log.tag("main");
	let updater: Updater | undefined;
	let booted = false;
	try {
		const slots = new OTASlots();
		updater = makeUpdater(device, slots, log);
		const settings = configure(options);
		log.levels = settings.logLevel;
		const slot = slots.running().label;
		main.info(`version ${updater.version} in slot ${slot} of ${system.target}, reset: ${system.resetReason}`);
		// Before anything that can fail or take time: on trial, the clock runs from here.
		booted = true;
		updater.boot(settings.checkInSeconds * 1000);
		return await assemble({ ...options, settings, updater, log, slot });
	} catch (error) {
		main.failure(error);
		if (booted) updater?.giveUp();
		else updater?.boot(0);
		if (updater === undefined || !updater.onTrial) await rest(device, error, main);
		return undefined;
	}
}

/** A mistake in the configuration waits for a person; everything else may be gone after a restart. */
async function rest({ system }: Device, error: unknown, log: TaggedLog): Promise<void> {
	if (error instanceof FleetlingError && error.code.startsWith("config.")) {
		log.error("nothing to do until the configuration is changed");
		system.halt?.(error.toString());
		return;
	}
	log.error(`restarting in ${deadlines.restartAfterFailure / 1000} s`);
	await sleep(deadlines.restartAfterFailure);
	system.restart();
}

function makeUpdater({ storage, system }: Device, slots: OTASlots, log: Log): Updater {
	return new Updater({
		slots,
		store: storage.open({ path: "update", format: "string" }),
		log: log.tag("update"),
		readers: [rawImage],
		installers: { "esp32-image": () => new SlotImageInstaller(slots) },
		resetReason: system.resetReason,
		restart: () => system.restart(),
	});
}

function configure({ device, config }: StartOptions): Settings {
	const store = device.storage.open({ path: "config", format: "string" });
	try {
		return readSettings(
			(key) => store.read(key),
			(key) => config[key],
		);
	} finally {
		store.close();
	}
}

interface Parts extends StartOptions {
	readonly settings: Settings;
	readonly updater: Updater;
	readonly log: Log;
	readonly slot: string;
}

async function assemble({ device, settings, updater, log, slot, events }: Parts): Promise<Fleetling> {
	const { network, storage, system, clock } = device;
	const kind = chooseKind(settings);
	const web = connect(device, settings, log);
	const tag = log.tag("agent");
	const identities = storage.open({ path: "identity", format: "buffer" });
	const identity = await Identity.load(identities, kind.keyType, tag);
	const server = kind.create({ url: settings.url, web, clock, log: log.tag(settings.server), wake: () => agent.checkNow() });
	const facts = new FactSheet({
		system,
		version: () => updater.version,
		slot,
		deviceType: settings.deviceType,
		mac: settings.mac ?? network.mac,
	});
	const ticks = (): number => system.ticks();
	// Not the settings as a whole: the certificates among them are parsed by now, and are the largest text in memory.
	const { pollSeconds, checkInSeconds, blockBytes } = settings;
	const agent = new Agent({
		settings: { pollSeconds, checkInSeconds, blockBytes },
		server,
		identity,
		updater,
		facts,
		log: tag,
		random,
		ticks,
		...(events && { events }),
	});
	agent.start();
	return { agent, facts, log, updater };
}

function chooseKind({ server }: Settings): ServerKind {
	const kind = Object.hasOwn(serverKinds, server) ? serverKinds[server] : undefined;
	if (kind === undefined) throw invalidSetting("server", server, `one of ${Object.keys(serverKinds).join(", ")}`);
	return kind;
}

function connect({ network }: Device, { ca }: Settings, log: Log): HTTPWeb {
	try {
		return new HTTPWeb({ network, authorities: ca, log: log.tag("web") });
	} catch (cause) {
		const text = 'configuration key "ca" holds no certificate that can be used: expected certificates in PEM form';
		throw new FleetlingError("config.invalid", text, { cause });
	}
}
