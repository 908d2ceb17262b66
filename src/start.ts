import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { Agent } from "./agent/agent";
import { checkDeclared, type DeclaredKeys } from "./agent/declared";
import type { AgentEvents } from "./agent/events";
import { FactSheet } from "./agent/facts";
import { Identity } from "./agent/identity";
import { RemoteConfiguration } from "./agent/remote";
import type { ServerKind } from "./agent/server";
import { invalidSetting, readSettings, type Settings } from "./agent/settings";
import type { KeyType } from "./common/crypto";
import { deadlines, limits } from "./common/deadlines";
import type { Device } from "./common/device";
import { Log, type LogOptions, type TaggedLog } from "./common/log";
import { LogMemory } from "./common/log-memory";
import { random } from "./common/random";
import { sleep } from "./common/time";
import { HTTPWeb } from "./common/web";
import { makeActions, makeManagement, openShell, type Works } from "./managed";
import type { Action } from "./management/actions/action";
import type { Actions } from "./management/actions/actions";
import type { Command } from "./management/commands/command";
import type { Management } from "./management/management";
import type { Line, ShellSession } from "./management/shell/session";
import { mender } from "./servers/mender/mender";
import { rdfm } from "./servers/rdfm/rdfm";
import type { UpdatePolicy } from "./update/gate";
import { configurationExcuse, configurations, configurationType } from "./update/installers/configuration";
import { singleFiles, singleFileType } from "./update/installers/single-file";
import { slotImages } from "./update/installers/slot-image";
import { OTASlots } from "./update/ota-slots";
import { type PackageForms, refused, verbatim } from "./update/reader";
import { artifact } from "./update/readers/artifact";
import { rawImage } from "./update/readers/raw-image";
import { readKeys } from "./update/readers/signature";
import type { Slot } from "./update/slots";
import { Updater } from "./update/updater";

/** The kinds of server that the configuration key `server` can name. */
const serverKinds: Readonly<Record<string, ServerKind>> = frozen({ mender, rdfm });

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
	/** Configuration keys of the application's own, which people can set on a server that has a place for it. */
	readonly configuration?: DeclaredKeys;
}

/** A running client, for the application that includes it. */
export interface Fleetling {
	readonly agent: Agent;
	readonly facts: FactSheet;
	readonly log: Log;
	readonly updater: Updater;
	/** What managers can have the device do; absent when it has no management link. */
	readonly actions?: Actions | undefined;
	/** Opens a shell for somebody who is at the device, e.g. at its serial port. `onExit` is called when the person leaves it. */
	readonly shell: (line: Line, onExit: () => void) => ShellSession;
}

/**
 * Puts everything together and sets it going: all of a device's firmware, or a part of an application. Never rejects.
 * When it cannot be done the reason is logged, a firmware on trial is rolled back, and the result is undefined.
 */
export async function start(options: StartOptions): Promise<Fleetling | undefined> {
	const { device, sink } = options;
	const { system, clock } = device;
	// A device without a battery sets the machine's clock with the first use of its own, and certificates are judged by the machine's.
	clock.now();
	let logMemory: LogMemory | undefined;
	// One for all: each function that is kept costs a device 100 bytes.
	const ticks = (): number => system.ticks();
	const keep = (line: string): void => {
		logMemory?.add(line, ticks());
		sink(line);
	};
	const log = new Log({ sink: keep, ticks });
	const main = log.tag("main");
	let updater: Updater | undefined;
	let packages: PackageForms | undefined;
	let running: Slot | undefined;
	let booted = false;
	try {
		const slots = new OTASlots();
		// Before the configuration is read: a trial has to end even if that is wrong.
		updater = makeUpdater({ device, slots, log, ticks, packages: () => packages ?? noPackages });
		running = slots.running();
		const stored = configure(options);
		const remote = remoteOf(options, stored, log, ticks);
		remote?.judge(system.resetReason);
		const settings: Settings = remote === undefined ? stored : { ...stored, ...remote.settings };
		log.levels = settings.logLevel;
		if (settings.management) logMemory = new LogMemory(limits.logMemory);
		else if (kindOf(settings)?.wantsLog) logMemory = new LogMemory(limits.deploymentLog);
		announce(main, device, running, updater, settings);
		// Before anything that can fail or take time: on trial, the clock runs from here.
		booted = true;
		updater.boot(settings.checkInSeconds * 1000);
		packages = packageForms(device, settings, updater, remote);
		const { updateWindow: window, retryFailHours } = settings;
		updater.rules = { window, retryFailHours, policy: options.policy };
		remote?.begin();
		return await assemble({ ...options, settings, updater, slots, log, logMemory, slot: running.label, remote, ticks });
	} catch (error) {
		if (!booted && updater !== undefined && running !== undefined) announce(main, device, running, updater);
		main.failure(error);
		if (booted) updater?.giveUp();
		else updater?.boot(0);
		if (updater === undefined || !updater.onTrial) await rest(device, error, main);
		return undefined;
	}
}

/** What runs here and who it is: the first that anybody wants to know who looks at a console. */
function announce(main: TaggedLog, device: Device, { label, state }: Slot, { version }: Updater, settings?: Settings): void {
	const { system, network } = device;
	main.info(`version ${version} in slot ${label} (${state}) of ${system.target}, reset: ${system.resetReason}`);
	const type = settings === undefined ? "" : `, device type ${settings.deviceType}`;
	main.info(`identity: address ${settings?.mac ?? network.mac}${type}`);
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

const noPackages: PackageForms = frozen({ readers: [], installers: {} });

/** What this device installs. With keys for artifacts, nothing that is not signed. */
function packageForms(
	{ files }: Device,
	settings: Settings,
	updater: Updater,
	remote: RemoteConfiguration | undefined,
): PackageForms {
	const { deviceType, artifactKeys, imageType, secureVersion: minimumSecureVersion } = settings;
	const keys = artifactKeys === undefined ? [] : readKeys(artifactKeys, "artifactKeys");
	const image = keys.length > 0 ? refused(rawImage) : verbatim(rawImage);
	const { configures } = kindOf(settings) ?? {};
	const excuse = configures ? configurationExcuse : undefined;
	const aliases = imageType === undefined ? ["rootfs-image"] : ["rootfs-image", imageType];
	return {
		readers: [image, artifact(() => ({ deviceType, keys, provides: updater.provides, ...(excuse && { excuse }) }))],
		installers: {
			...slotImages(aliases, { minimumSecureVersion }),
			...(files !== undefined && { [singleFileType]: singleFiles(files) }),
			...(configures && { [configurationType]: configurations(remote?.enabled ? remote : undefined) }),
		},
	};
}

interface UpdaterParts extends Pick<Parts, "device" | "slots" | "log" | "ticks"> {
	readonly packages: () => PackageForms;
}

function makeUpdater({ device, slots, log, ticks, packages }: UpdaterParts): Updater {
	const { storage, system, clock } = device;
	return new Updater({
		slots,
		store: storage.open({ path: "update", format: "string" }),
		log: log.tag("update"),
		packages,
		resetReason: system.resetReason,
		random,
		ticks,
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

/** What of the configuration comes from the server, or from the application; absent where nothing does. */
function remoteOf(
	{ device: { storage }, config, configuration: declared }: StartOptions,
	settings: Settings,
	log: Log,
	ticks: () => number,
): RemoteConfiguration | undefined {
	const enabled = settings.remoteConfig && kindOf(settings)?.configures === true;
	if (declared !== undefined) checkDeclared(declared);
	if (!enabled && declared === undefined) return undefined;
	return new RemoteConfiguration({ storage, build: config, declared, enabled, log, ticks });
}

interface Parts extends StartOptions {
	readonly settings: Settings;
	readonly updater: Updater;
	readonly slots: OTASlots;
	readonly log: Log;
	/** Only with management, or for a server that wants it: nobody else reads it. */
	readonly logMemory: LogMemory | undefined;
	readonly slot: string;
	readonly remote: RemoteConfiguration | undefined;
	readonly ticks: () => number;
}

async function assemble(parts: Parts): Promise<Fleetling> {
	const { device, settings, updater, log, logMemory, slot, events, policy, remote, ticks } = parts;
	const { network, storage, system, clock } = device;
	const kind = chooseKind(settings);
	const web = connect(device, settings, log);
	const tag = log.tag("agent");
	const identities = storage.open({ path: "identity", format: "buffer" });
	const identity = await Identity.load(identities, chooseKey(kind, settings), tag);
	const later = { identity, facts: () => facts.read(), agent: () => agent, server: () => server.name };
	const works = worksOf(parts, later);
	const managed = settings.management ? manage(works, parts) : undefined;
	// Not the settings as a whole: the certificates among them are parsed by now, and are the largest text in memory.
	const { pollSeconds, checkInSeconds, blockBytes, identity: names, tenantToken, inventorySecs } = settings;
	const inForce = { pollSeconds, checkInSeconds, blockBytes, identity: names, tenantToken, inventorySecs };
	const server = kind.create({
		...{ web, clock, url: settings.url, log: log.tag(settings.server) },
		wake: () => agent.checkNow(),
		abort: (id, reason) => updater.abort(id, reason),
		provides: () => updater.settledProvides,
		ticks,
		settings: inForce,
		...(remote?.enabled && { configuration: remote }),
		...(logMemory && { logMemory }),
		...(managed && { management: managed.management }),
	});
	const facts = new FactSheet({
		system,
		version: () => updater.version,
		settledVersion: () => updater.settledVersion,
		slot,
		deviceType: settings.deviceType,
		mac: settings.mac ?? network.mac,
	});
	const agent = new Agent({
		settings: inForce,
		server,
		identity,
		updater,
		facts,
		log: tag,
		random,
		ticks,
		...(events && { events }),
	});
	remote?.follow((now) => {
		log.levels = now.logLevel;
		updater.rules = { window: now.updateWindow, retryFailHours: now.retryFailHours, policy };
		inForce.pollSeconds = now.pollSeconds;
		inForce.checkInSeconds = now.checkInSeconds;
		inForce.inventorySecs = now.inventorySecs;
	});
	agent.start();
	const shell = (line: Line, onExit: () => void): ShellSession => openShell(works, line, onExit);
	return { agent, facts, log, updater, actions: managed?.actions, shell };
}

/** What sessions of managers and at the device's own console need, and nothing else of `parts`. */
function worksOf(
	{ device, config, log, logMemory = new LogMemory(0), slots, updater, commands, settings, remote }: Parts,
	later: Pick<Works, "identity" | "facts" | "agent" | "server">,
): Works {
	const build = (key: string): unknown => config[key];
	return { device, build, remote, log, logMemory, slots, updater, commands, evaluates: settings.jsPrompt, ...later };
}

function manage(
	works: Works,
	{ actions: added, settings }: Parts,
): { readonly actions: Actions; readonly management: Management } {
	const actions = makeActions(works, settings.actions, added);
	return { actions, management: makeManagement(works, actions, settings) };
}

function chooseKind({ server }: Settings): ServerKind {
	const kind = kindOf({ server });
	if (kind === undefined) throw invalidSetting("server", server, `one of ${Object.keys(serverKinds).join(", ")}`);
	return kind;
}

function kindOf({ server }: Pick<Settings, "server">): ServerKind | undefined {
	return Object.hasOwn(serverKinds, server) ? serverKinds[server] : undefined;
}

function chooseKey({ keyType, otherKeyTypes = [] }: ServerKind, { server, keyType: chosen = keyType }: Settings): KeyType {
	const types = [keyType, ...otherKeyTypes];
	if (types.includes(chosen)) return chosen;
	throw invalidSetting("keyType", chosen, `one that a server of kind ${server} takes: ${types.join(", ")}`);
}

function connect({ network }: Device, { ca, connections }: Settings, log: Log): HTTPWeb {
	// The management link's. Without one it stays unused: two requests at a time take 15 KB more while an update is fetched.
	const reserved = 1;
	try {
		return new HTTPWeb({ network, authorities: ca, log: log.tag("web"), connections, reserved });
	} catch (cause) {
		const text = 'configuration key "ca" holds no certificate that can be used: expected certificates in PEM form';
		throw new FleetlingError("config.invalid", text, { cause });
	}
}
