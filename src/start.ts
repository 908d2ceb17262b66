import { FleetlingError } from "fleetling/error/error";
import { Agent } from "./agent/agent";
import type { AgentEvents } from "./agent/events";
import { FactSheet } from "./agent/facts";
import { Identity } from "./agent/identity";
import type { ServerKind } from "./agent/server";
import { invalidSetting, readSettings, type Settings } from "./agent/settings";
import { deadlines, limits } from "./common/deadlines";
import type { Device } from "./common/device";
import { Log, type LogOptions, type TaggedLog } from "./common/log";
import { LogMemory } from "./common/log-memory";
import { random } from "./common/random";
import { sleep } from "./common/time";
import { HTTPWeb } from "./common/web";
import type { Action } from "./management/actions/action";
import type { Actions } from "./management/actions/actions";
import { assembleActions } from "./management/actions/assemble";
import type { Command } from "./management/commands/command";
import type { Powers } from "./management/commands/powers";
import { standardCommands } from "./management/commands/standard";
import { type Line, ShellSession } from "./management/shell/session";
import { makePowers, type PowersOptions } from "./powers";
import { rdfm } from "./servers/rdfm/rdfm";
import type { UpdatePolicy } from "./update/gate";
import { singleFiles, singleFileType } from "./update/installers/single-file";
import { slotImages } from "./update/installers/slot-image";
import { OTASlots } from "./update/ota-slots";
import { type PackageForms, refused, verbatim } from "./update/reader";
import { artifact } from "./update/readers/artifact";
import { rawImage } from "./update/readers/raw-image";
import { readKeys } from "./update/readers/signature";
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
	/** What the application has to say to updates, e.g. "not now". */
	readonly policy?: UpdatePolicy;
	/** Commands that the application adds to those of the shell. */
	readonly commands?: readonly Command[];
	/** Actions that the application offers to managers, or puts in the place of others. More can be added at any time. */
	readonly actions?: readonly Action[];
}

/** A running client, for the application that includes it. */
export interface Fleetling {
	readonly agent: Agent;
	readonly facts: FactSheet;
	readonly log: Log;
	readonly updater: Updater;
	/** What managers can have the device do; absent when it has no management link. */
	readonly actions?: Actions | undefined;
}

/**
 * Puts everything together and sets it going: all of a device's firmware, or a part of an application. Never rejects.
 * When it cannot be done the reason is logged, a firmware on trial is rolled back, and the result is undefined.
 */
export async function start(options: StartOptions): Promise<Fleetling | undefined> {
	const { device, sink } = options;
	const { system } = device;
	let logMemory: LogMemory | undefined;
	const keep = (line: string): void => {
		logMemory?.add(line, system.ticks());
		sink(line);
	};
	const log = new Log({ sink: keep, ticks: () => system.ticks() });
	const main = log.tag("main");
	let updater: Updater | undefined;
	let packages: PackageForms | undefined;
	let booted = false;
	try {
		const slots = new OTASlots();
		// Before the configuration is read: a trial has to end even if that is wrong.
		updater = makeUpdater(device, slots, log, () => packages ?? noPackages);
		const settings = configure(options);
		log.levels = settings.logLevel;
		if (settings.management) logMemory = new LogMemory(limits.logMemory);
		const slot = slots.running().label;
		main.info(`version ${updater.version} in slot ${slot} of ${system.target}, reset: ${system.resetReason}`);
		// Before anything that can fail or take time: on trial, the clock runs from here.
		booted = true;
		updater.boot(settings.checkInSeconds * 1000);
		packages = packageForms(device, settings, updater);
		const { updateWindow: window, retryFailHours } = settings;
		updater.rules = { window, retryFailHours, policy: options.policy };
		return await assemble({ ...options, settings, updater, slots, log, logMemory, slot });
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

const noPackages: PackageForms = { readers: [], installers: {} };

/** What this device installs. With keys for artifacts, nothing that is not signed. */
function packageForms({ files }: Device, settings: Settings, updater: Updater): PackageForms {
	const { deviceType, artifactKeys, imageType, secureVersion: minimumSecureVersion } = settings;
	const keys = artifactKeys === undefined ? [] : readKeys(artifactKeys, "artifactKeys");
	const image = keys.length > 0 ? refused(rawImage) : verbatim(rawImage);
	const aliases = imageType === undefined ? ["rootfs-image"] : ["rootfs-image", imageType];
	return {
		readers: [image, artifact(() => ({ deviceType, keys, provides: updater.provides }))],
		installers: {
			...slotImages(aliases, { minimumSecureVersion }),
			...(files !== undefined && { [singleFileType]: singleFiles(files) }),
		},
	};
}

function makeUpdater({ storage, system, clock }: Device, slots: OTASlots, log: Log, packages: () => PackageForms): Updater {
	return new Updater({
		slots,
		store: storage.open({ path: "update", format: "string" }),
		log: log.tag("update"),
		packages,
		resetReason: system.resetReason,
		random,
		ticks: () => system.ticks(),
		clock: () => clock.now(),
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
	readonly slots: OTASlots;
	readonly log: Log;
	/** Only with management: nobody else reads it. */
	readonly logMemory: LogMemory | undefined;
	readonly slot: string;
}

async function assemble(parts: Parts): Promise<Fleetling> {
	const { device, settings, updater, log, slot, events } = parts;
	const { network, storage, system, clock } = device;
	const kind = chooseKind(settings);
	const web = connect(device, settings, log);
	const tag = log.tag("agent");
	const identities = storage.open({ path: "identity", format: "buffer" });
	const identity = await Identity.load(identities, kind.keyType, tag);
	const rest: Rest = { identity, facts: () => facts.read(), agent: () => agent, server: () => server.name };
	const actions = settings.management ? makeActions(parts, rest) : undefined;
	const server = kind.create({
		...{ web, clock, url: settings.url, log: log.tag(settings.server) },
		wake: () => agent.checkNow(),
		abort: (id, reason) => updater.abort(id, reason),
		...(settings.management && {
			management: {
				authorized: (work) => agent.authorized(work),
				alert: (text) => agent.alert(text),
				...(actions && { actions }),
				// Made for each session: all of it is of use only while somebody is there.
				shell: (line, onExit) => openShell(parts, rest, line, onExit),
			},
		}),
	});
	const facts = new FactSheet({
		system,
		version: () => updater.version,
		settledVersion: () => updater.settledVersion,
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
	return { agent, facts, log, updater, actions };
}

/** What is there later than `Parts`. */
type Rest = Pick<PowersOptions, "identity" | "facts" | "agent" | "server">;

function powersOf({ device, config, settings, slots, updater, log, logMemory }: Parts, rest: Rest): Powers {
	const build = (key: string): unknown => config[key];
	return makePowers({ device, build, log, logMemory, slots, updater, evaluates: settings.jsPrompt, ...rest });
}

function makeActions(parts: Parts, rest: Rest): Actions {
	const { device, log, settings, commands, actions: added = [] } = parts;
	return assembleActions({
		...{ log, added },
		storage: device.storage,
		configured: settings.actions,
		powers: () => powersOf(parts, rest),
		table: () => standardCommands(commands),
		facts: () => {
			const { version, deviceType, mac, others, condition } = rest.facts();
			return { version, deviceType, mac, ...others, ...condition };
		},
		identify: () => rest.agent().identify(),
	});
}

function openShell(parts: Parts, rest: Rest, line: Line, onExit: () => void): ShellSession {
	const { device, updater, commands } = parts;
	return new ShellSession({
		line,
		onExit,
		powers: powersOf(parts, rest),
		table: standardCommands(commands),
		banner: `version ${updater.version} on ${device.system.target}; "help" lists the commands, Ctrl-D leaves\n`,
		prompt: "fleetling> ",
	});
}

function chooseKind({ server }: Settings): ServerKind {
	const kind = Object.hasOwn(serverKinds, server) ? serverKinds[server] : undefined;
	if (kind === undefined) throw invalidSetting("server", server, `one of ${Object.keys(serverKinds).join(", ")}`);
	return kind;
}

function connect({ network }: Device, { ca, management }: Settings, log: Log): HTTPWeb {
	try {
		return new HTTPWeb({ network, authorities: ca, log: log.tag("web"), reserved: management ? 1 : 0 });
	} catch (cause) {
		const text = 'configuration key "ca" holds no certificate that can be used: expected certificates in PEM form';
		throw new FleetlingError("config.invalid", text, { cause });
	}
}
