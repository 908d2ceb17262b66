/**
 * Installs what the project needs beyond Node and npm packages: Debian packages, through apt-get. Says clearly what is
 * missing where it cannot.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

interface Need {
	readonly name: string;
	readonly packages: readonly string[];
	readonly present: () => boolean;
	/** Without it the commands still work, with less. */
	readonly optional?: string;
	/** Only tests use it, and it is large: nobody else has to wait for it. */
	readonly testsOnly?: true;
}

const runs = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Whether a program that includes `header` compiles and links. */
function compiles(header: string, flags: readonly string[], library: string): boolean {
	const program = `#include <${header}>\nint main(void) { return 0; }\n`;
	return (
		spawnSync("gcc", [...flags, "-x", "c", "-", "-o", "/dev/null", library], {
			input: program,
			stdio: ["pipe", "ignore", "ignore"],
		}).status === 0
	);
}

const needs: readonly Need[] = [
	{
		name: "a C compiler",
		packages: ["gcc", "libc6-dev"],
		present: () => runs("gcc", "--version") && compiles("stdio.h", [], "-lm"),
	},
	{ name: "mbedTLS", packages: ["libmbedtls-dev"], present: () => compiles("psa/crypto.h", [], "-lmbedtls") },
	{ name: "the openssl command", packages: ["openssl"], present: () => runs("openssl", "version") },
	{ name: "curl", packages: ["curl", "ca-certificates"], present: () => runs("curl", "--version") },
	{
		name: "32-bit libraries",
		packages: ["gcc-multilib", "libmbedtls-dev:i386"],
		present: () => compiles("psa/crypto.h", ["-m32"], "-lmbedtls"),
		optional: "the 32-bit build, which shows a device's memory figures, is not available",
	},
	{
		name: "tcpdump",
		packages: ["tcpdump"],
		present: () => existsSync("/usr/bin/tcpdump") || existsSync("/usr/sbin/tcpdump"),
		optional: "bytes on the wire are counted by a proxy instead of captured",
	},
	{
		name: "mender-artifact",
		packages: ["mender-artifact"],
		present: () => runs("mender-artifact", "--version"),
		optional: "tests with artifacts that it makes or judges are skipped",
		testsOnly: true,
	},
	{
		name: "chromium",
		packages: ["chromium"],
		present: () => chromiumPath() !== undefined,
		optional: "the test of the demo's page is skipped",
		testsOnly: true,
	},
];

/** A browser for the test of the page, where there is one. */
export function chromiumPath(): string | undefined {
	return existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : undefined;
}

/** True when the 32-bit build can be made here. */
export const has32BitLibraries = (): boolean => compiles("psa/crypto.h", ["-m32"], "-lmbedtls");

function aptGet(...args: readonly string[]): boolean {
	const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
	const root = process.getuid?.() === 0;
	if (!root && !runs("sudo", "-n", "true") && !process.stdin.isTTY) return false;
	const [command, ...rest] = root ? ["apt-get", ...args] : ["sudo", "apt-get", ...args];
	return spawnSync(command ?? "apt-get", rest, { stdio: ["inherit", "ignore", "inherit"], env: environment }).status === 0;
}

function install(missing: readonly Need[]): void {
	const packages = missing.flatMap((need) => need.packages);
	process.stderr.write(`installing ${packages.join(", ")} (needed for ${missing.map((need) => need.name).join(", ")})\n`);
	if (packages.some((name) => name.endsWith(":i386"))) {
		const root = process.getuid?.() === 0;
		spawnSync(root ? "dpkg" : "sudo", [...(root ? [] : ["dpkg"]), "--add-architecture", "i386"], { stdio: "inherit" });
	}
	aptGet("update", "-qq");
	for (const need of missing) aptGet("install", "-y", "-qq", "--no-install-recommends", ...need.packages);
}

/** Sets the machine up for a command, or with `tests` for `npm test`. */
export function setUp(tests = false): void {
	if (process.platform !== "linux")
		throw new Error("the host target runs on Linux; on other systems use a Debian 12 machine or container");
	const missing = provide(needs.filter((need) => tests || !need.testsOnly));
	for (const need of missing)
		if (need.optional) process.stderr.write(`note: ${need.name} could not be installed: ${need.optional}\n`);
	demand(missing.filter((need) => !need.optional));
}

/** Sets the machine up for what cannot be done without that need, whoever else can do without it. */
export function setUpFor(name: string): void {
	demand(provide(needs.filter((need) => need.name === name)));
}

/** Installs what is missing of `wanted`; returns what could not be had. */
function provide(wanted: readonly Need[]): readonly Need[] {
	const missing = wanted.filter((need) => !need.present());
	if (missing.length === 0) return missing;
	if (!existsSync("/usr/bin/apt-get")) {
		throw new Error(
			`missing: ${missing.map((need) => need.name).join(", ")}; there is no apt-get here, please install the equivalent of ${missing.flatMap((need) => need.packages).join(" ")}`,
		);
	}
	install(missing);
	return missing.filter((need) => !need.present());
}

function demand(required: readonly Need[]): void {
	if (required.length > 0) {
		const packages = required.flatMap((need) => need.packages).join(" ");
		throw new Error(
			`${required.map((need) => need.name).join(", ")} could not be installed. Please run: sudo apt-get install ${packages}`,
		);
	}
}
