/**
 * `npm run check:sdk`: where the SDK is installed (MODDABLE), runs mcconfig for each chip and kind of build and looks at what it makes of
 * the manifests: makefile, partition table, merged ESP-IDF options, components. Compiles nothing; ESP-IDF is not needed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { root } from "../../host/tools/paths";

const target = join(root, "targets/esp32");
const platforms = [
	{ argument: "esp32", folder: "", chip: "esp32", network: "esp_wifi" },
	{ argument: "esp32/esp32s3", folder: "esp32s3", chip: "esp32s3", network: "esp_wifi" },
	{ argument: "esp32/esp32c3", folder: "esp32c3", chip: "esp32c3", network: "esp_wifi" },
	{ argument: "esp32/esp32c6", folder: "esp32c6", chip: "esp32c6", network: "esp_wifi" },
	{ argument: `esp32:${join(target, "boards/openeth_c3")}`, folder: "openeth_c3", chip: "esp32c3", network: "esp_eth" },
] as const;
/** mcconfig's option, its name for the output's folder, and the files whose options have to be in what it merges. */
const builds = [
	{ option: "-d", folder: "debug", files: ["sdkconfig.defaults"] },
	{ option: undefined, folder: "release", files: ["sdkconfig.defaults", "sdkconfig.defaults.release"] },
	{ option: "-i", folder: "instrument", files: ["sdkconfig.defaults", "sdkconfig.defaults.release", "sdkconfig.inst"] },
] as const;
const natives = [
	"psakey",
	"psakeyjob",
	"keythread-esp32",
	"tls-engine",
	"nativeota",
	"slotwriter",
	"wsbytes",
	"chip",
	"serialport",
	"lookup",
];

class CheckFailure extends Error {
	override readonly name = "CheckFailure";
}

function check(condition: boolean, text: string): asserts condition {
	if (!condition) throw new CheckFailure(text);
}

/** The last line of an option counts; an empty value is mcconfig's "n". */
function options(text: string): Map<string, string> {
	const set = new Map<string, string>();
	for (const line of text.split("\n")) {
		const at = line.indexOf("=");
		if (line.startsWith("CONFIG_") && at > 0) set.set(line.slice(0, at), line.slice(at + 1) || "n");
	}
	return set;
}

function inspect(output: string, { folder, chip, network }: (typeof platforms)[number], build: (typeof builds)[number]): void {
	// mcconfig names an app by the folder of its manifest.
	const made = join(output, "tmp/esp32", folder, build.folder, basename(root));
	const read = (name: string): string => readFileSync(join(made, name), "utf8");
	const makefile = read("makefile");
	for (const name of natives) check(makefile.includes(`/${name}.c.o`), `${name}.c is not in the makefile`);
	const objects = [...makefile.matchAll(/^\t\$\(TMP_DIR\)\/([\w.-]+\.c\.o)\\?$/gm)].map((match) => match[1] ?? "");
	const twice = objects.filter((name, at) => objects.indexOf(name) !== at);
	check(twice.length === 0, `two C files make the same object: ${twice.join(", ")}`);
	const components = read("xs_idf_deps.txt").split(/[\s()]+/);
	for (const name of [network, "mbedtls", "app_update", "nvs_flash", "espcoredump"])
		check(components.includes(name), `ESP-IDF's component ${name} is missing`);
	const project = `xsProj-${chip}`;
	const own = /^SDKCONFIGPATH = (.+)$/m.exec(makefile)?.[1] ?? "";
	check(own.startsWith(target), `the options are taken from ${own}`);
	const merged = options(read(`${project}/sdkconfig.mc`));
	const wanted = new Map(build.files.flatMap((file) => [...options(readFileSync(join(own, file), "utf8"))]));
	for (const [name, value] of wanted)
		check((merged.get(name) ?? "n") === value, `${name} is "${merged.get(name) ?? "not set"}", not "${value}"`);
	const table = readFileSync(join(target, "flash/4mb/partitions.csv"), "utf8");
	check(read(`${project}/partitions.csv`) === table, "the partition table is not this project's");
}

const { MODDABLE } = process.env;
if (MODDABLE === undefined) {
	process.stderr.write("MODDABLE is not set: install the Moddable SDK 8.2 and set it to its folder\n");
	process.exit(69);
}
const tools = join(MODDABLE, "build/bin/lin/release");
check(existsSync(join(tools, "mcconfig")), `${tools} has no mcconfig: build the SDK's tools`);
const path = [tools, join(root, "node_modules/.bin"), process.env.PATH ?? ""].join(delimiter);
let failures = 0;
for (const platform of platforms) {
	for (const build of builds) {
		const output = mkdtempSync(join(tmpdir(), "fleetling-sdk-"));
		const title = `${platform.argument} ${build.folder}`;
		try {
			const manifest = join(root, "manifest.json");
			const args = [...(build.option ? [build.option] : []), "-p", platform.argument, "-o", output, manifest];
			const { status, stdout, stderr } = spawnSync(join(tools, "mcconfig"), args, {
				encoding: "utf8",
				env: { ...process.env, PATH: path, IDF_PATH: process.env.IDF_PATH ?? "/nonexistent" },
			});
			check(status === 0 && !stdout.includes("###"), `mcconfig failed: ${stdout}${stderr}`);
			inspect(output, platform, build);
			process.stdout.write(`${title}: ok\n`);
		} catch (error) {
			failures++;
			process.stdout.write(`${title}: ${(error as Error).message}\n`);
		} finally {
			rmSync(output, { recursive: true, force: true });
		}
	}
}
process.exitCode = failures === 0 ? 0 : 1;
