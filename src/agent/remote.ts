import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import TextEncoder from "text/encoder";
import { intervals, limits } from "../common/deadlines";
import type { ResetReason, Storage } from "../common/device";
import { describe, type Log } from "../common/log";
import { crc32 } from "../update/readers/crc32";
import type { DeclaredKey, DeclaredKeys } from "./declared";
import {
	checkSetting,
	type RemoteName,
	type RemoteSettings,
	readRemoteSettings,
	remoteNames,
	type SettingSource,
	settingInForce,
	settingNames,
} from "./settings";
import { nothingWanted, parseWanted, readWanted, type Wanted, wantedText, writeWanted } from "./wanted";

export interface RemoteOptions {
	readonly storage: Storage;
	/** The build's values. */
	readonly build: Readonly<Record<string, unknown>>;
	readonly declared?: DeclaredKeys | undefined;
	/** Whether what the server says counts. If not, only the application's own values are applied. */
	readonly enabled: boolean;
	readonly log: Log;
	/** Milliseconds, monotonic. */
	readonly ticks: () => number;
}

/** In the log. */
const tag = "config";

/** Restarts that were meant are said before (`settle`): a release build restarts when an exception is caught by nobody. */
const crashes: Readonly<Record<ResetReason, boolean>> = frozen({
	panic: true,
	restart: true,
	watchdog: true,
	"brown-out": false,
	"power-on": false,
	other: false,
});

/** A change that has been found good. Nothing of it holds before `activate`. */
export interface PreparedConfiguration {
	/** Puts all of it into force, or nothing: it throws then. */
	activate(): void;
	/** What held before holds again. */
	revert(): void;
}

/**
 * The part of the configuration that a server may set: some of Fleetling's keys, and those that the application has declared. A set
 * of the server's takes the place of the one before: what it leaves out, or sets to "", is what the device itself says. One
 * bad value refuses all of it. Everything is in force at once, so that nothing has to be restarted.
 *
 * Nothing of it is kept in memory: it is asked for every few hours.
 */
export class RemoteConfiguration {
	readonly #options: RemoteOptions;
	#revision = 0;
	/** By `ticks`: when the set that is in force became so, as long as it is not known whether the device can live with it. */
	#since: number | undefined;
	/** Takes the settings after a change. */
	#follower: ((settings: RemoteSettings) => void) | undefined;

	constructor(options: RemoteOptions) {
		this.#options = options;
	}

	/** Whether what the server says counts. */
	get enabled(): boolean {
		return this.#options.enabled;
	}

	/** Another one after each change. */
	get revision(): number {
		return this.#revision;
	}

	/** What the server has set and still can be used: an older firmware may have known other values than this one. */
	get wanted(): Wanted {
		const { enabled } = this.#options;
		return enabled ? this.usable(this.kept) : {};
	}

	/** The settings that are in force. */
	get settings(): RemoteSettings {
		return this.with(this.wanted, (...sources) => readRemoteSettings(...sources));
	}

	/** At the start: gives the application its values. */
	begin(): void {
		const { log, declared = {} } = this.#options;
		const { wanted } = this;
		for (const [name, key] of Object.entries(declared))
			try {
				give(key, name, wanted[name]);
			} catch (error) {
				log.tag(tag).failure(error);
			}
	}

	/** Has `follower` put settings into force when they change. */
	follow(follower: (settings: RemoteSettings) => void): void {
		this.#follower = follower;
	}

	/** What the device goes by, with nothing in it that the server could not set. */
	inForce(): Wanted {
		const { declared = {} } = this.#options;
		const { wanted } = this;
		const own = this.with(wanted, (...sources) => remoteNames.map((name) => [name, settingInForce(name, ...sources)] as const));
		const shown = Object.entries(declared).filter(([, { hidden }]) => !hidden);
		const added = shown.map(([name, { fallback }]) => [name, wanted[name] ?? fallback] as const);
		return Object.fromEntries([...own, ...added].filter((entry): entry is [string, string] => entry[1] !== undefined));
	}

	/** Takes a set of the server's into force, if it is good and not in force already. @throws as `prepare` */
	want(values: Readonly<Record<string, unknown>>): void {
		this.prepare(values).activate();
	}

	/**
	 * Checks a set of the server's and changes nothing.
	 *
	 * @throws FleetlingError config.unknown, config.protected, config.invalid, config.too-large or config.crashed, naming the key
	 */
	prepare(values: Readonly<Record<string, unknown>>): PreparedConfiguration {
		const { storage } = this.#options;
		const after = this.check(values);
		if (after !== nothingWanted && checksum(after) === readWanted(storage, "bad"))
			throw new FleetlingError(
				"config.crashed",
				`the device has crashed with this configuration of the server's (${Object.keys(parseWanted(after)).join(", ")}); set another one`,
			);
		let before: string | undefined;
		let proven: string | undefined;
		return {
			activate: () => {
				before = this.kept;
				proven = readWanted(storage, "before");
				this.change(before, after, proven);
			},
			revert: () => {
				if (before !== undefined && this.kept !== before) this.back(this.kept, before, proven);
			},
		};
	}

	/**
	 * First of all after a start. A set that is new and with which the device has crashed, or restarted without having said so, is
	 * taken back: it might do that again before the server can be asked for another one.
	 */
	judge(resetReason: ResetReason): void {
		const { enabled, storage, ticks, log } = this.#options;
		const before = enabled ? readWanted(storage, "before") : undefined;
		if (before === undefined) return;
		const { kept } = this;
		if (!crashes[resetReason] || kept === before) {
			this.#since = ticks();
			return;
		}
		writeWanted(storage, "bad", checksum(kept));
		this.keep(before);
		writeWanted(storage, "before", undefined);
		const names = Object.keys(parseWanted(kept)).join(", ");
		log.tag(tag).error(`the device has crashed with what the server had set (${names}): what held before holds again`);
	}

	/** The device has lived with the set that is in force: for long enough, or `orderly`, up to a restart that was meant. */
	settle(orderly = false): void {
		const { storage, ticks, log } = this.#options;
		const since = this.#since;
		if (since === undefined || (!orderly && ticks() - since < intervals.configurationProof)) return;
		this.#since = undefined;
		try {
			writeWanted(storage, "before", undefined);
			writeWanted(storage, "bad", undefined);
		} catch (error) {
			log.tag(tag).failure(error);
		}
	}

	private check(values: Readonly<Record<string, unknown>>): string {
		const wanted: [string, string][] = [];
		for (const [name, value] of Object.entries(values)) {
			const fault = this.fault(name, value);
			if (fault !== undefined) throw fault;
			if (value !== "") wanted.push([name, String(value).trim()]);
		}
		const text = wantedText(Object.fromEntries(wanted));
		if (text.length > limits.wanted)
			throw new FleetlingError(
				"config.too-large",
				`the server's configuration has ${text.length} characters and the device keeps ${limits.wanted} at most; set fewer or shorter values`,
			);
		return text;
	}

	/** Why `value` cannot be what the server wants of that key. */
	private fault(name: string, value: unknown): FleetlingError | undefined {
		const { declared = {} } = this.#options;
		const own = remoteNames.find((each) => each === name);
		const key = Object.hasOwn(declared, name) ? declared[name] : undefined;
		if (own === undefined && key === undefined) return this.stranger(name);
		if (typeof value !== "string")
			return new FleetlingError("config.invalid", `the server sets the configuration key "${name}" to something that is no text`);
		if (value === "") return undefined;
		return own === undefined ? faultOf(name, value, key) : settingFault(own, value);
	}

	private stranger(name: string): FleetlingError {
		const { declared = {} } = this.#options;
		const shown = name.length > 64 ? `${name.slice(0, 63)}…` : name;
		const can = `it can set ${[...remoteNames, ...Object.keys(declared)].join(", ")}`;
		if (settingNames.some((known) => known === name))
			return new FleetlingError("config.protected", `the configuration key "${name}" is not for the server to set: ${can}`);
		return new FleetlingError(
			"config.unknown",
			`the server sets the configuration key "${shown}", which this device does not have: ${can}`,
		);
	}

	private get kept(): string {
		return readWanted(this.#options.storage, "values") ?? nothingWanted;
	}

	private keep(text: string): void {
		writeWanted(this.#options.storage, "values", text === nothingWanted ? undefined : text);
	}

	private usable(text: string): Wanted {
		return Object.fromEntries(Object.entries(parseWanted(text)).filter(([name, value]) => this.fault(name, value) === undefined));
	}

	/**
	 * @param proven what the device is known to live with, where `from` is still on trial: a crash leads back to that
	 * @throws what the storage throws, or config.refused; what held before holds then
	 */
	private change(from: string, to: string, proven: string | undefined): void {
		if (from === to) return;
		const { storage, log, ticks } = this.#options;
		if (proven === undefined) writeWanted(storage, "before", from);
		this.keep(to);
		try {
			this.apply(this.usable(from), this.usable(to));
		} catch (error) {
			this.back(to, from, proven);
			throw error;
		}
		this.#since = ticks();
		this.#revision += 1;
		const names = Object.keys(parseWanted(to));
		log
			.tag(tag)
			.info(names.length === 0 ? "the server sets no configuration any more" : `the server has set ${names.join(", ")}`);
	}

	/**
	 * Of an application that has refused a change every key gets its old value, whether it has seen the new one or not. What was on
	 * trial before still is.
	 */
	private back(from: string, to: string, proven: string | undefined): void {
		const { storage, log } = this.#options;
		this.keep(to);
		if (proven === undefined) {
			writeWanted(storage, "before", undefined);
			this.#since = undefined;
		}
		this.#revision += 1;
		try {
			this.apply(this.usable(from), this.usable(to));
		} catch (error) {
			log.tag(tag).failure(error);
		}
	}

	/** The application first: it may refuse. */
	private apply(from: Wanted, to: Wanted): void {
		const { declared = {} } = this.#options;
		for (const [name, key] of Object.entries(declared)) if (from[name] !== to[name]) give(key, name, to[name]);
		this.#follower?.(this.with(to, (...sources) => readRemoteSettings(...sources)));
	}

	private with<T>(wanted: Wanted, work: (...sources: readonly SettingSource[]) => T): T {
		const { storage, build } = this.#options;
		const store = storage.open({ path: "config", format: "string" });
		try {
			return work(
				(name) => wanted[name],
				(name) => store.read(name),
				(name) => build[name],
			);
		} finally {
			store.close();
		}
	}
}

function checksum(text: string): string {
	return String(crc32(new Uint8Array(new TextEncoder().encode(text))));
}

/** Hands a value to the application. */
function give({ read, apply, fallback }: DeclaredKey, name: string, text = fallback): void {
	try {
		apply(read(text));
	} catch (cause) {
		throw new FleetlingError("config.refused", `the application refuses "${name}": ${describe(cause)}`, { cause });
	}
}

function settingFault(name: RemoteName, value: string): FleetlingError | undefined {
	try {
		checkSetting(name, value);
		return undefined;
	} catch (error) {
		return FleetlingError.from(error, "config.invalid", `configuration key "${name}" is no good`);
	}
}

function faultOf(name: string, value: string, key: DeclaredKey | undefined): FleetlingError | undefined {
	if (key === undefined || reads(key, value.trim())) return undefined;
	const shown = key.hidden ? `${value.length} characters` : value.slice(0, limits.fact);
	return new FleetlingError("config.invalid", `configuration key "${name}" is "${shown}": expected ${key.expects}`);
}

/** An application's mistake must not keep the device from starting. */
function reads(key: DeclaredKey, text: string): boolean {
	try {
		return key.read(text) !== undefined;
	} catch {
		return false;
	}
}
