/**
 * `npm run device -- --flash FILE --set key=value … [--bits 32|64] [--for SECONDS] [--until-version V]`: one device against
 * any server.
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { makeFirmware, packageVersion } from "./firmware";
import { type DeviceEvent, flashDevice, HostDevice } from "./hostdevice";
import { withLock } from "./lock";
import { buildRuntime, type Variant } from "./runtime";
import { has32BitLibraries } from "./setup";

const usage = `usage: npm run device -- --flash FILE --set key=value … [options]

  --flash FILE          the device's flash; made from the current sources when missing, kept between runs
  --set key=value       configuration; server, url and deviceType are needed
  --set ca=FILE         the certificate authority in a PEM file
  --mac ADDRESS         address of the network interface
  --bits 32|64          slots as on ESP32 (32) or the host's own (64, the default)
  --console             the device's serial console at a pseudo-terminal: a terminal program attaches to the path that is shown
  --release             the build without debug information
  --for SECONDS         stop after that time; exit 0 when there was no fault
  --until-version V     stop when version V is confirmed; exit 0
  --version V           version of the firmware when the flash is made (default: that of the package)

Ctrl-C cuts the power.`;

const { values } = parseArgs({
	options: {
		flash: { type: "string" },
		set: { type: "string", multiple: true, default: [] },
		mac: { type: "string" },
		bits: { type: "string", default: "64" },
		console: { type: "boolean", default: false },
		release: { type: "boolean", default: false },
		for: { type: "string" },
		"until-version": { type: "string" },
		version: { type: "string" },
		help: { type: "boolean", default: false },
	},
});

function settingsOf(assignments: readonly string[]): {
	readonly settings: Record<string, string>;
	readonly files: Record<string, string>;
} {
	const settings: Record<string, string> = {};
	const files: Record<string, string> = {};
	for (const assignment of assignments) {
		const at = assignment.indexOf("=");
		if (at <= 0) throw new Error(`--set wants key=value, not "${assignment}"`);
		const [key, value] = [assignment.slice(0, at), assignment.slice(at + 1)];
		if (key === "ca" && !value.includes("-----BEGIN")) {
			if (!existsSync(value)) throw new Error(`--set ca=${value}: there is no such file; give the path of a PEM file`);
			files[key] = value;
		} else settings[key] = value;
	}
	return { settings, files };
}

/** A timer of Node's that is to take longer fires at once. */
const mostSeconds = Math.floor((2 ** 31 - 1) / 1000);

function seconds(name: string, text: string | undefined): number | undefined {
	if (text === undefined) return undefined;
	const value = Number(text);
	if (!(value > 0)) throw new Error(`--${name} wants a number of seconds, not "${text}"`);
	if (value > mostSeconds)
		throw new Error(`--${name} wants at most ${mostSeconds} seconds, not "${text}"; leave it out for ever`);
	return value;
}

/** As the configuration's key "mac" is checked: this one goes round it. */
function address(text: string): string {
	if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
		throw new Error(`--mac wants an address such as 24:6f:28:aa:bb:cc, not "${text}"`);
	return text;
}

/** One at a time: a command that finds the file must not have it replaced under it by another that has just missed it. */
function makeMissing(flash: string, version: string): Promise<void> {
	return withLock("flash", async () => {
		if (existsSync(flash)) return;
		flashDevice(flash, await makeFirmware({ version }));
		process.stderr.write(`${flash}: made with version ${version}\n`);
	});
}

const howToAttach = (path: string): string =>
	`serial console: ${path}; attach with "picocom ${path}" or "screen ${path}", Enter opens the shell\n`;

/** What went wrong on the device itself, in words; undefined for what belongs to a normal life. */
function faultOf(event: DeviceEvent): string | undefined {
	if (event.event === "panic") return `the firmware ended with ${String(event.why)}: ${String(event.text).split("\n")[0]}`;
	if (event.event === "reset" && event.reason === "watchdog") return "the watchdog reset the device";
	if (event.event === "halt") return String(event.reason);
	if (event.event === "unbootable") return "no slot holds a bootable image";
	return undefined;
}

async function run(): Promise<number> {
	if (values.help || values.flash === undefined) {
		process.stdout.write(`${usage}\n`);
		return values.help ? 0 : 64;
	}
	if (values.bits !== "32" && values.bits !== "64") throw new Error(`--bits is 32 or 64, not "${values.bits}"`);
	if (values.bits === "32" && !has32BitLibraries())
		throw new Error("the 32-bit libraries are not installed: apt-get install gcc-multilib libmbedtls-dev:i386");
	if (values.version === "") throw new Error("--version is empty");
	const limit = seconds("for", values.for);
	const mac = values.mac === undefined ? undefined : address(values.mac);
	const { settings, files } = settingsOf(values.set);
	const variant: Variant = { bits: values.bits === "32" ? 32 : 64, mode: values.release ? "release" : "debug" };
	const runtime = await buildRuntime(variant);
	if (!existsSync(values.flash)) await makeMissing(values.flash, values.version ?? packageVersion());
	let fault: string | undefined;
	const port = values.console ? ["--console"] : [];
	const device = new HostDevice({
		runtime,
		flash: values.flash,
		settings,
		files,
		...(mac === undefined ? {} : { mac }),
		arguments: port,
		onConsole: (text) => process.stdout.write(text),
		onEvent: (event) => {
			if (event.event === "console") process.stderr.write(howToAttach(String(event.path)));
			fault ??= faultOf(event);
		},
	});
	let interrupted = false;
	const powerCut = (): void => {
		// A terminal sends Ctrl-C to every process of the command, and those pass it on.
		if (interrupted) return;
		interrupted = true;
		process.stderr.write("\npower cut\n");
		void device.cutPower();
	};
	process.on("SIGINT", powerCut);
	process.on("SIGTERM", powerCut);
	const wanted = values["until-version"];
	let reached = false;
	let timedOut = false;
	const ways: Promise<unknown>[] = [device.done];
	if (limit !== undefined) ways.push(new Promise((done) => setTimeout(done, limit * 1000)).then(() => (timedOut = true)));
	if (wanted !== undefined) {
		const there = device.until("", ({ version, confirmed }) => version === wanted && confirmed, 2 ** 31 - 1);
		ways.push(there.then(() => (reached = true)).catch(() => undefined));
	}
	await Promise.race(ways);
	if (!interrupted) await device.cutPower();
	const end = await device.done;
	if (interrupted) return 130;
	if (reached) return 0;
	if (fault !== undefined) {
		process.stderr.write(`fault: ${fault}\n`);
		return 1;
	}
	if (timedOut && wanted === undefined) return 0;
	process.stderr.write(
		timedOut ? `version ${wanted} was not confirmed within ${limit} s\n` : `the device ended (${end.code ?? end.signal})\n`,
	);
	return 1;
}

process.exitCode = await run();
process.exit();
