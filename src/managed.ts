import type { SettingSource, Settings } from "./agent/settings";
import type { Device } from "./common/device";
import type { Log } from "./common/log";
import type { LogMemory } from "./common/log-memory";
import { random } from "./common/random";
import type { Action } from "./management/actions/action";
import type { Actions } from "./management/actions/actions";
import { assembleActions } from "./management/actions/assemble";
import type { Command } from "./management/commands/command";
import { standardCommands } from "./management/commands/standard";
import { coreDump } from "./management/files/core-dump";
import { filesRoot } from "./management/files/directory";
import { Intake } from "./management/files/intake";
import { configurationText, journalText, leaf, logText } from "./management/files/texts";
import { FileTree } from "./management/files/tree";
import { Forwarder } from "./management/forward/forwarder";
import { type LogSender, LogShipper } from "./management/logs/shipper";
import type { Management } from "./management/management";
import { type Line, ShellSession } from "./management/shell/session";
import { makePowers, type PowersOptions } from "./powers";
import { KeyValueJournal } from "./update/journal";
import type { Slots } from "./update/slots";
import type { Updater } from "./update/updater";

/**
 * What a manager's reach is made of. It lives as long as the device runs, so there is nothing in it that is needed at the
 * start only: not the settings, whose certificates are the largest text in memory.
 */
export interface Works {
	readonly device: Device;
	/** The build's values of the configuration. */
	readonly build: SettingSource;
	/** What the server has set of it, where it may. */
	readonly remote: PowersOptions["remote"];
	readonly log: Log;
	readonly logMemory: LogMemory;
	readonly slots: Slots;
	readonly updater: Updater;
	/** Commands of the application. */
	readonly commands: readonly Command[] | undefined;
	/** Whether JavaScript may be typed. */
	readonly evaluates: boolean;
	/** What is there later. */
	readonly identity: PowersOptions["identity"];
	readonly facts: PowersOptions["facts"];
	readonly agent: PowersOptions["agent"];
	readonly server: PowersOptions["server"];
}

export function makeActions(works: Works, configured: Settings["actions"], added: readonly Action[] = []): Actions {
	const { device, log, commands, facts, agent } = works;
	return assembleActions({
		...{ log, added, configured },
		storage: device.storage,
		powers: () => makePowers(works),
		table: () => standardCommands(commands),
		facts: () => {
			const { version, deviceType, mac, others, condition } = facts();
			return { version, deviceType, mac, ...others, ...condition };
		},
		identify: () => agent().identify(),
	});
}

/** Everything that is made for one session, one file or one batch is made then: all of it is of use only while somebody asks. */
export function makeManagement(
	works: Works,
	actions: Actions,
	{ logUpload, portForward }: Pick<Settings, "logUpload" | "portForward">,
): Management {
	const { agent, device } = works;
	return {
		authorized: (work) => agent().authorized(work),
		alert: (text) => agent().alert(text),
		actions,
		files: makeFiles(works),
		...(device.files && { intake: new Intake(device.files) }),
		...(portForward !== "off" && { forwarder: new Forwarder(device.network, portForward) }),
		...(logUpload !== "none" && { logs: (send: LogSender) => makeShipper(works, logUpload, send) }),
		shell: (line, onExit) => openShell(works, line, onExit),
	};
}

function makeFiles(works: Works): FileTree {
	const { device, logMemory, updater } = works;
	const { files, coreDump: dump, storage } = device;
	const journal = (): Uint8Array => {
		const store = storage.open({ path: "update", format: "string" });
		try {
			return journalText(new KeyValueJournal(store), updater);
		} finally {
			store.close();
		}
	};
	return new FileTree({
		...(files && { files: filesRoot(files) }),
		log: leaf("log", () => logText(logMemory)),
		journal: leaf("journal", journal),
		config: leaf("config", () => configurationText(makePowers(works).configuration)),
		...(dump && { coredump: coreDump(dump) }),
	});
}

function makeShipper(
	{ device, log, logMemory, updater, agent }: Works,
	level: Settings["logUpload"],
	send: LogSender,
): LogShipper {
	const { system, clock } = device;
	const quiet = (): boolean => agent().state === "idle" && !updater.onTrial;
	const options = { memory: logMemory, level, quiet, random, log: log.tag("logs") };
	return new LogShipper({ ...options, now: () => clock.now(), ticks: () => system.ticks() }, send);
}

export function openShell(works: Works, line: Line, onExit: () => void): ShellSession {
	const { device, updater, commands } = works;
	return new ShellSession({
		line,
		onExit,
		powers: makePowers(works),
		table: standardCommands(commands),
		banner: `version ${updater.version} on ${device.system.target}; "help" lists the commands, Ctrl-D leaves\n`,
		prompt: "fleetling> ",
	});
}
