import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { parseURL } from "../common/address";
import type { KeyType } from "../common/crypto";
import { deadlines, intervals, limits } from "../common/deadlines";
import { isObject } from "../common/json";
import { type LogLevel, type LogLevels, logLevels, parseLogLevels } from "../common/log";
import { type ConfiguredAction, parseActions } from "../management/actions/configured";
import { type Forwarding, parseForwarding } from "../management/forward/rules";
import { UpdateWindow } from "../update/window";

/**
 * The configuration, key by key. A value comes as text from the device's storage or as text, number or boolean from
 * the build ("mc/config"); storage wins. Keys have at most 15 characters, as NVS wants it.
 */
interface Rule<T> {
	/** Completes the sentence "… expected …" in errors. */
	readonly expects: string;
	/** What it is for, with an example; completes "… is not set: …". */
	readonly give: string;
	/** Used when the key is not set; a key without one has to be set. */
	readonly fallback?: T;
	/** `fallback` as text, where that is not the value's own. */
	readonly shown?: string;
	/** Must not be shown in errors, or is too long to be. */
	readonly hidden?: boolean;
	/** The value, or undefined when the text is not one. */
	readonly read: (text: string) => T | undefined;
}

/** Of a key that a server may set: no value that it takes cuts the device off from its server, or weakens what protects the device. */
interface Remote {
	readonly remote: true;
}

const rules = frozen({
	server: rule({
		expects: "the name of a kind of server",
		give: "choose the kind of server, e.g. rdfm or mender",
		read: (text) => bounded(text, 32),
	}),
	url: rule({
		expects: "an address such as https://updates.example.com:5000, without a query, a fragment or a user name",
		give: "give the address of the server, e.g. https://updates.example.com:5000",
		read: readAddress,
	}),
	ca: rule<string | undefined>({
		expects: "certificates in PEM form (-----BEGIN CERTIFICATE-----)",
		give: "give the certificate of the authority that signed the server's certificate, in PEM form",
		fallback: undefined,
		hidden: true,
		read: (text) =>
			text.includes("-----BEGIN CERTIFICATE-----") && text.includes("-----END CERTIFICATE-----") ? text : undefined,
	}),
	deviceType: rule({
		expects: "a name of 1 to 64 characters",
		give: "give the device type that the packages on the server are for, e.g. esp32-thermostat",
		read: (text) => bounded(text, 64),
	}),
	mac: rule<string | undefined>({
		expects: "an address such as 24:6f:28:aa:bb:cc",
		give: "give the address that the server is to know the device by",
		fallback: undefined,
		read: readMAC,
	}),
	keyType: rule<KeyType | undefined>({
		expects: "p-256, rsa-2048 or rsa-3072",
		give: "choose the kind of the device's key, where the server takes several",
		fallback: undefined,
		read: (text) => keyTypes.find((type) => type === text),
	}),
	tenantToken: rule<string | undefined>({
		expects: "a token without blanks",
		give: "give the token of the tenant that the device belongs to, from a hosted Mender server",
		fallback: undefined,
		hidden: true,
		read: (text) => (text.includes(" ") ? undefined : text),
	}),
	identity: rule<Readonly<Record<string, string>>>({
		expects: 'an object of texts such as {"serial":"1234"}',
		give: "give what a Mender server is to know the device by, besides its address",
		fallback: {},
		hidden: true,
		read: readTexts,
	}),
	inventorySecs: remote<number>({
		expects: `a whole number of seconds from ${intervals.leastPollSeconds} to ${intervals.mostPollSeconds}`,
		give: "give the time between two reports of the device's inventory",
		fallback: intervals.inventorySeconds,
		read: (text) => wholeNumber(text, intervals.leastPollSeconds, intervals.mostPollSeconds),
	}),
	pollSeconds: remote<number>({
		expects: `a whole number of seconds from ${intervals.leastPollSeconds} to ${intervals.mostPollSeconds}`,
		give: "give the time between two checks for an update",
		fallback: intervals.pollSeconds,
		read: (text) => wholeNumber(text, intervals.leastPollSeconds, intervals.mostPollSeconds),
	}),
	checkInSeconds: remote<number>({
		expects: `a whole number of seconds from ${deadlines.leastCheckInSeconds} to ${deadlines.mostCheckInSeconds}`,
		give: "give the time that a new firmware has to check in before it is rolled back",
		fallback: deadlines.checkInSeconds,
		read: (text) => wholeNumber(text, deadlines.leastCheckInSeconds, deadlines.mostCheckInSeconds),
	}),
	artifactKeys: rule<string | undefined>({
		expects: "public keys in PEM form (-----BEGIN PUBLIC KEY-----)",
		give: "give the public keys, one of which has to have signed what is installed, in PEM form",
		fallback: undefined,
		hidden: true,
		read: (text) => (text.includes("-----BEGIN PUBLIC KEY-----") && text.includes("-----END PUBLIC KEY-----") ? text : undefined),
	}),
	imageType: rule<string | undefined>({
		expects: "the name of a payload type of 1 to 64 characters",
		give: "give the payload type under which artifacts hold the firmware, besides esp32-image and rootfs-image",
		fallback: undefined,
		read: (text) => bounded(text, 64),
	}),
	secureVersion: rule<number>({
		expects: "a whole number from 0 up",
		give: "give the lowest secure version of a firmware that may be installed",
		fallback: 0,
		read: (text) => wholeNumber(text, 0, 0xffff_ffff),
	}),
	updateWindow: remote<UpdateWindow | undefined>({
		expects: "two times of the day in UTC such as 01:00-05:00",
		give: "give the time of the day in which updates may be fetched and installed",
		fallback: undefined,
		read: UpdateWindow.parse,
	}),
	retryFailHours: remote<number>({
		expects: `a whole number of hours from 0 (never) to ${intervals.mostRetryFailHours}`,
		give: "give the time after which a package that failed is tried again",
		fallback: intervals.retryFailHours,
		read: (text) => wholeNumber(text, 0, intervals.mostRetryFailHours),
	}),
	management: rule<boolean>({
		expects: "on or off",
		give: "say whether the device keeps a connection through which it can be managed",
		fallback: true,
		read: readSwitch,
	}),
	remoteConfig: rule<boolean>({
		expects: "on or off",
		give: "say whether the server may set what of the configuration is made for it",
		fallback: true,
		read: readSwitch,
	}),
	connections: rule<number>({
		expects: `a whole number from ${limits.connections} to ${limits.mostConnections}`,
		give: "give the number of connections that the device may have at one time: one more for each shell, where memory allows it",
		fallback: limits.connections,
		read: (text) => wholeNumber(text, limits.connections, limits.mostConnections),
	}),
	portForward: rule<Forwarding>({
		expects: "off, local, or a list such as 192.168.1.20:502,camera.lan:80",
		give: "say where managers may have connections forwarded to: nowhere, to the device and its own networks, or to what is listed",
		fallback: "off",
		read: parseForwarding,
	}),
	jsPrompt: rule<boolean>({
		expects: "on or off",
		give: "say whether a shell may run JavaScript, which can do everything that the firmware can",
		fallback: false,
		read: readSwitch,
	}),
	actions: rule<readonly ConfiguredAction[]>({
		expects: 'a list such as [{"id":"network","command":["net"]}]',
		give: "give the commands that managers can run as actions",
		fallback: [],
		hidden: true,
		read: parseActions,
	}),
	blockBytes: rule<number>({
		expects: `a multiple of ${limits.blockBytes} from ${limits.blockBytes} to ${limits.mostBlockBytes}`,
		give: "give the size of the block that a download passes through",
		fallback: limits.blockBytes,
		read: (text) => {
			const bytes = wholeNumber(text, limits.blockBytes, limits.mostBlockBytes);
			return bytes !== undefined && bytes % limits.blockBytes === 0 ? bytes : undefined;
		},
	}),
	logUpload: rule<LogLevel>({
		expects: "none, error, warn, info or debug",
		give: "give the lines of the log that the server collects, of those that logLevel shows, e.g. warn; management has to be on",
		fallback: "none",
		read: (text) => logLevels.find((name) => name === text),
	}),
	logLevel: remote<LogLevels>({
		expects: "none, error, warn, info or debug, and others for single tags, e.g. info,update=debug",
		give: "give what the log shows, e.g. info",
		fallback: { level: "info", tags: {} },
		shown: "info",
		read: parseLogLevels,
	}),
} as const);

export type SettingName = keyof typeof rules;

export type Settings = {
	readonly [K in SettingName]: (typeof rules)[K] extends Rule<infer T> ? T : never;
};

export const settingNames = Object.freeze(Object.keys(rules)) as readonly SettingName[];

/** The keys that a server may set. */
export type RemoteName = { [K in SettingName]: (typeof rules)[K] extends Remote ? K : never }[SettingName];

export type RemoteSettings = Pick<Settings, RemoteName>;

export const remoteNames = Object.freeze(settingNames.filter((name) => "remote" in rules[name])) as readonly RemoteName[];

/** Where a value may come from. Returns undefined when it is not set there. */
export type SettingSource = (key: string) => unknown;

/**
 * Reads the configuration; the first of `sources` that has a key decides.
 *
 * @throws FleetlingError config.missing or config.invalid, with one sentence that names the key
 */
export function readSettings(...sources: readonly SettingSource[]): Settings {
	const settings: Record<string, unknown> = {};
	for (const name of settingNames) settings[name] = readSetting(name, sources);
	const { url, ca } = settings as Settings;
	if (url.startsWith("https:") && ca === undefined) throw missing("ca");
	return settings as Settings;
}

/** The same of what a server may set only. */
export function readRemoteSettings(...sources: readonly SettingSource[]): RemoteSettings {
	return Object.fromEntries(remoteNames.map((name) => [name, readSetting(name, sources)])) as unknown as RemoteSettings;
}

/** What holds of a key, as the text that would set it so; undefined when nothing does. */
export function settingInForce(name: RemoteName, ...sources: readonly SettingSource[]): string | undefined {
	const { fallback, shown }: Rule<unknown> = rules[name];
	return givenText(name, sources) ?? shown ?? plainText(fallback);
}

/** @throws FleetlingError config.invalid unless `text` is a value for the key */
export function checkSetting(name: SettingName, text: string): void {
	if (text.trim() === "") throw invalidSetting(name, "", rules[name].expects);
	readSetting(name, [() => text]);
}

/** A value as a person may see it, and what the key is for. Without a value: what holds without one. */
export function settingText(name: SettingName, value: unknown): { readonly value: string | undefined; readonly help: string } {
	const entry: Rule<unknown> = rules[name];
	const plain = value === undefined || value === null ? (entry.shown ?? plainText(entry.fallback)) : plainText(value);
	const shown = plain !== undefined && entry.hidden ? `(${plain.length} characters)` : plain;
	return { value: shown === undefined ? undefined : shorten(shown), help: `${entry.give}; expected: ${entry.expects}` };
}

/** The error for a value that is well-formed but cannot be used, for whoever finds that out. */
export function invalidSetting(name: SettingName, value: string, expects: string): FleetlingError {
	return new FleetlingError("config.invalid", `configuration key "${name}" is "${value}": expected ${expects}`);
}

function readSetting(name: SettingName, sources: readonly SettingSource[]): unknown {
	const entry: Rule<unknown> = rules[name];
	const text = givenText(name, sources);
	if (text !== undefined) {
		const result = entry.read(text);
		if (result !== undefined) return result;
		throw invalidSetting(name, entry.hidden ? `${text.length} characters` : shorten(text), entry.expects);
	}
	if ("fallback" in entry) return entry.fallback;
	throw missing(name);
}

/** What the first of `sources` says that has the key. */
function givenText(name: SettingName, sources: readonly SettingSource[]): string | undefined {
	for (const source of sources) {
		const value = source(name);
		// An empty text is what a build passes on for an argument that was left out.
		if (value !== undefined && value !== null && value !== "") return (plainText(value) ?? "").trim();
	}
	return undefined;
}

function plainText(value: unknown): string | undefined {
	return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function missing(name: SettingName): FleetlingError {
	return new FleetlingError("config.missing", `configuration key "${name}" is not set: ${rules[name].give}`);
}

/** Lets each rule keep its own type in the table. */
function rule<T>(entry: Rule<T>): Rule<T> {
	return entry;
}

/** Lets a server set it. */
function remote<T>(entry: Rule<T>): Rule<T> & Remote {
	return { ...entry, remote: true };
}

function shorten(text: string): string {
	return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function bounded(text: string, most: number): string | undefined {
	return text.length >= 1 && text.length <= most ? text : undefined;
}

/** The address without a slash at its end, so that paths can be put behind it. */
function readAddress(text: string): string | undefined {
	if (text.includes("?") || text.includes("#")) return undefined;
	try {
		parseURL(text);
	} catch {
		return undefined;
	}
	let end = text.length;
	while (text.charAt(end - 1) === "/") end--;
	return text.slice(0, end);
}

function readSwitch(text: string): boolean | undefined {
	if (text === "on" || text === "true") return true;
	return text === "off" || text === "false" ? false : undefined;
}

const keyTypes: readonly KeyType[] = frozen(["p-256", "rsa-2048", "rsa-3072"]);

function readTexts(text: string): Readonly<Record<string, string>> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		const good = isObject(value) && Object.values(value).every((each) => typeof each === "string");
		return good ? (value as Readonly<Record<string, string>>) : undefined;
	} catch {
		return undefined;
	}
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
	const value = Number(text);
	return Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}

function readMAC(text: string): string | undefined {
	const parts = text.split(":");
	const good = parts.length === 6 && parts.every((part) => part.length === 2 && isHex(part));
	return good ? text : undefined;
}

function isHex(text: string): boolean {
	for (let at = 0; at < text.length; at++) if (!"0123456789abcdefABCDEF".includes(text.charAt(at))) return false;
	return true;
}
