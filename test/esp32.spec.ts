/** The ESP32 target as far as it can be checked without an SDK: manifests, partition tables, ESP-IDF's options. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { chipSize } from "../targets/host/image/flash";
import { parsePartitions } from "../targets/host/image/partitions";
import { root } from "../targets/host/tools/paths";

const folder = join(root, "targets/esp32");
const board = "boards/openeth_c3/sdkconfig";
/** Configurations, and megabytes of flash. */
const configurations = { "flash/4mb": 4, "flash/8mb": 8, "flash/16mb": 16, [board]: 4 } as const;
const platforms = ["esp32", "esp32/esp32s3", "esp32/esp32c3", "esp32/esp32c6", "esp32/openeth_c3"] as const;

interface Manifest {
	readonly build?: Readonly<Record<string, string>>;
	readonly include?: string | readonly string[];
	readonly modules?: Readonly<Record<string, string | readonly string[]>>;
	readonly preload?: string | readonly string[];
	readonly platforms?: Readonly<Record<string, Manifest>>;
	readonly dependency?: readonly { readonly idf: string }[];
	readonly error?: string;
}

const asArray = (value: string | readonly string[] | undefined): readonly string[] =>
	value === undefined ? [] : typeof value === "string" ? [value] : value;

/** mcconfig takes the entry of the longest name first, and "esp32/*" for every board. */
function entryFor(platform: string, { platforms: entries = {} }: Manifest): Manifest | undefined {
	for (let name = platform; name !== ""; name = name.includes("/") ? name.slice(0, name.lastIndexOf("/")) : "") {
		const found = Object.keys(entries).find((key) => (key.endsWith("/*") ? name.startsWith(key.slice(0, -1)) : key === name));
		if (found !== undefined) return entries[found];
	}
	return entries["..."];
}

/** What mcconfig makes of our manifests. What is below $(MODDABLE) is the SDK's and not looked into. */
class Tree {
	readonly modules = new Map<string, string>();
	readonly natives: string[] = [];
	readonly preload: string[] = [];
	readonly components = new Set<string>();
	readonly sdk: string[] = [];
	readonly #platform: string;
	readonly #read = new Set<string>();
	readonly #variables: Record<string, string> = { MODDABLE: "$(MODDABLE)" };

	constructor(platform: string) {
		this.#platform = platform;
		this.read(join(root, "manifest.json"));
	}

	read(path: string): void {
		if (this.#read.has(path)) return;
		this.#read.add(path);
		const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
		const entry = entryFor(this.#platform, manifest) ?? {};
		assert.equal(entry.error, undefined, `${relative(root, path)}: ${entry.error}`);
		for (const part of [manifest, entry]) this.#build(part, path);
		for (const include of [...asArray(manifest.include), ...asArray(entry.include)]) {
			const expanded = this.#expand(include, path);
			if (expanded.startsWith("$(MODDABLE)")) this.#foreign(expanded);
			else this.read(resolve(dirname(path), expanded));
		}
		for (const part of [manifest, entry]) this.#take(part, path);
	}

	/** The manifest of a board outside of the SDK comes with the SDK's own. */
	#foreign(include: string): void {
		this.sdk.push(include);
		const name = this.#platform.split("/")[1] ?? "";
		if (include.endsWith("manifest_base.json") && existsSync(join(folder, "boards", name, "manifest.json")))
			this.read(join(folder, "boards", name, "manifest.json"));
	}

	#build({ build = {} }: Manifest, path: string): void {
		for (const [name, value] of Object.entries(build)) {
			const expanded = this.#expand(value, path);
			this.#variables[name.replace(" ?=", "")] = expanded.startsWith("./") ? resolve(dirname(path), expanded) : expanded;
		}
	}

	#take({ modules = {}, preload, dependency = [] }: Manifest, path: string): void {
		for (const [key, sources] of Object.entries(modules))
			for (const source of asArray(sources)) this.#module(key, this.#expand(source, path), path);
		this.preload.push(...asArray(preload));
		for (const { idf } of dependency) this.components.add(idf);
	}

	#module(key: string, source: string, path: string): void {
		const prefix = key.endsWith("*") ? key.slice(0, -1) : undefined;
		if (source.startsWith("$(MODDABLE)")) {
			this.sdk.push(source);
			this.modules.set(prefix === undefined ? key : prefix + basename(source), source);
			return;
		}
		const base = resolve(dirname(path), source);
		const bases = basename(base) === "*" ? filesIn(dirname(base)) : [base];
		for (const each of bases) {
			const script = [".ts", ".js"].map((extension) => each + extension).find(existsSync);
			const native = `${each}.c`;
			assert.ok(script ?? existsSync(native), `${relative(root, path)}: nothing at ${each}`);
			if (script) this.modules.set(prefix === undefined ? key : prefix + basename(each), script);
			if (script?.endsWith(".js")) assert.ok(existsSync(`${each}.d.ts`), `${script} has no .d.ts for the TypeScript compiler`);
			if (existsSync(native)) this.natives.push(native);
		}
	}

	#expand(text: string, path: string): string {
		const expanded = text.replace(/\$\((\w+)\)/g, (whole, name: string) =>
			name === "IDF_PATH" || name === "MODDABLE"
				? whole
				: (this.#variables[name] ?? assert.fail(`${path}: ${whole} is not known`)),
		);
		return expanded;
	}

	variable(name: string): string {
		return this.#variables[name] ?? assert.fail(`${name} is not set`);
	}
}

function filesIn(path: string): string[] {
	const sources = readdirSync(path).filter((file) => /\.(ts|js|c)$/.test(file) && !file.endsWith(".d.ts"));
	return [...new Set(sources.map((file) => join(path, file.replace(/\.\w+$/, ""))))];
}

/** Options as a file sets them. */
function options(name: string): Map<string, string> {
	const lines = readFileSync(join(folder, name), "utf8").split("\n");
	return new Map(
		lines
			.filter((line) => line !== "" && !line.startsWith("#"))
			.map((line) => {
				const match = /^(CONFIG_[A-Z0-9_]+)=(y|n|\d+|"[^"=]*")$/.exec(line);
				assert.ok(match?.[1] && match[2], `${name}: "${line}" is not what mcconfig merges`);
				return [match[1], match[2]] as const;
			}),
	);
}

/**
 * What a device must not go without, and where ESP-IDF 6.0 declares it. A name that ESP-IDF does not know would be passed over without a
 * word, hence the list.
 */
const wanted: readonly (readonly [name: string, value: string, kconfig: string])[] = [
	["APP_PROJECT_VER_FROM_CONFIG", "y", "components/esp_app_format/Kconfig.projbuild"],
	["BOOTLOADER_APP_ROLLBACK_ENABLE", "y", "components/bootloader/Kconfig.app_rollback"],
	["BOOTLOADER_SKIP_VALIDATE_ALWAYS", "n", "components/bootloader/Kconfig.projbuild"],
	["BOOTLOADER_SKIP_VALIDATE_ON_POWER_ON", "n", "components/bootloader/Kconfig.projbuild"],
	["BOOTLOADER_SKIP_VALIDATE_IN_DEEP_SLEEP", "n", "components/bootloader/Kconfig.projbuild"],
	["BOOTLOADER_WDT_ENABLE", "y", "components/bootloader/Kconfig.projbuild"],
	["PARTITION_TABLE_CUSTOM", "y", "components/partition_table/Kconfig.projbuild"],
	["PARTITION_TABLE_MD5", "y", "components/partition_table/Kconfig.projbuild"],
	["ESP_TASK_WDT_EN", "y", "components/esp_system/Kconfig"],
	["ESP_TASK_WDT_INIT", "y", "components/esp_system/Kconfig"],
	["ESP_TASK_WDT_PANIC", "y", "components/esp_system/Kconfig"],
	["ESP_TASK_WDT_TIMEOUT_S", "10", "components/esp_system/Kconfig"],
	["ESP_INT_WDT", "y", "components/esp_system/Kconfig"],
	["ESP_SYSTEM_PANIC_GDBSTUB", "n", "components/esp_system/Kconfig"],
	["ESP_SYSTEM_PANIC_PRINT_REBOOT", "y", "components/esp_system/Kconfig"],
	["ESP_BROWNOUT_DET", "y", "components/esp_hw_support/power_supply/port/<chip>/Kconfig.power"],
	["ESP_COREDUMP_ENABLE_TO_FLASH", "y", "components/espcoredump/Kconfig"],
	["ESP_COREDUMP_ENABLE_TO_UART", "n", "components/espcoredump/Kconfig"],
	["MBEDTLS_DYNAMIC_BUFFER", "y", "components/mbedtls/Kconfig"],
	["MBEDTLS_SSL_OUT_CONTENT_LEN", "4096", "components/mbedtls/Kconfig"],
	["MBEDTLS_SSL_PROTO_TLS1_3", "y", "components/mbedtls/Kconfig"],
	["MBEDTLS_CLIENT_SSL_SESSION_TICKETS", "y", "components/mbedtls/Kconfig"],
	["MBEDTLS_LARGE_KEY_SOFTWARE_MPI", "y", "components/mbedtls/Kconfig"],
	["MBEDTLS_THREADING_C", "y", "components/mbedtls/Kconfig"],
	["MBEDTLS_SHA1_C", "y", "components/mbedtls/Kconfig"],
];

describe("ESP32 target", () => {
	for (const platform of platforms) {
		describe(`manifests for -p ${platform}`, () => {
			let tree: Tree;
			before(() => {
				tree = new Tree(platform);
			});
			it("resolve, with a main and a target", () => {
				assert.equal(tree.modules.get("main"), join(folder, "main.ts"));
				assert.equal(tree.modules.get("fleetling/target"), join(folder, "target.ts"));
				assert.ok(tree.modules.has("fleetling/esp32/network/interface"));
				assert.ok(tree.modules.size > 150);
			});
			it("no two C files have the same name, which the name of their object is made of", () => {
				const names = tree.natives.map((file) => basename(file));
				assert.deepEqual(
					names.filter((name, at) => names.indexOf(name) !== at),
					[],
				);
				assert.ok(names.includes("keythread-esp32.c") && names.includes("nativeota.c") && names.includes("chip.c"));
			});
			it("no native shares its name with a script of another kind", () => {
				for (const file of tree.natives) assert.ok(!existsSync(file.replace(/\.c$/, ".ts")), file);
			});
			it("preload only what is there", () => {
				for (const pattern of tree.preload) {
					const matches = [...tree.modules.keys()].filter((name) =>
						pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
					);
					assert.ok(matches.length > 0, pattern);
				}
			});
			it("the firmware's own modules are all preloaded, save main, so that they cost no memory", () => {
				const own = [...tree.modules].filter(([name, file]) => name !== "main" && file.startsWith(root)).map(([name]) => name);
				const covers = (pattern: string, name: string): boolean =>
					pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
				assert.deepEqual(
					own.filter((name) => !tree.preload.some((pattern) => covers(pattern, name))),
					[],
				);
			});
			it("name the components of ESP-IDF that the natives need", () => {
				for (const name of ["mbedtls", "app_update", "nvs_flash", "esp_timer", "espcoredump", "lwip", "esp_netif"])
					assert.ok(tree.components.has(name), name);
				const ethernet = platform.endsWith("openeth_c3");
				assert.equal(tree.components.has("esp_wifi"), !ethernet);
				assert.equal(tree.components.has("esp_eth"), ethernet);
			});
			it("use this project's ESP-IDF options and partition table", () => {
				const where = tree.variable("SDKCONFIGPATH");
				assert.equal(where, join(folder, platform.endsWith("openeth_c3") ? board : "flash/4mb"));
				assert.equal(tree.variable("PARTITIONS_FILE"), join(folder, "flash/4mb/partitions.csv"));
			});
		});
	}

	for (const [name, megabytes] of Object.entries(configurations)) {
		describe(name, () => {
			it("sets what a device must not go without", () => {
				const set = options(`${name}/sdkconfig.defaults`);
				for (const [option, value] of wanted) assert.equal(set.get(`CONFIG_${option}`), value, option);
			});
			it(`is for ${megabytes} MB of flash`, () => {
				const set = options(`${name}/sdkconfig.defaults`);
				for (const size of [4, 8, 16]) {
					const value = set.get(`CONFIG_ESPTOOLPY_FLASHSIZE_${size}MB`) ?? "n";
					assert.equal(value, size === megabytes ? "y" : "n", `${size}MB`);
				}
			});
			it("is otherwise the same as for 4 MB", () => {
				const others = (file: string): string[] =>
					[...options(file)]
						.filter(([option]) => !/FLASHSIZE|CONFIG_ETH_/.test(option))
						.map((entry) => entry.join("="))
						.sort();
				for (const file of ["sdkconfig.defaults", "sdkconfig.defaults.release", "sdkconfig.inst"])
					assert.deepEqual(others(`${name}/${file}`), others(`flash/4mb/${file}`), file);
			});
			it("leaves the serial port to xsbug in a debug build, and to the console in a release", () => {
				assert.ok(![...options(`${name}/sdkconfig.defaults`).keys()].some((option) => option.startsWith("CONFIG_ESP_CONSOLE")));
				const release = options(`${name}/sdkconfig.defaults.release`);
				assert.equal(release.get("CONFIG_ESP_CONSOLE_NONE"), "n");
				assert.equal(release.get("CONFIG_ESP_CONSOLE_UART_DEFAULT"), "y");
			});
			it("restarts after a crash in an instrumented build too", () => {
				assert.equal(options(`${name}/sdkconfig.inst`).get("CONFIG_ESP_SYSTEM_PANIC_GDBSTUB"), "n");
			});
			it("has the version of this project", () => {
				const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
				assert.equal(options(`${name}/sdkconfig.defaults`).get("CONFIG_APP_PROJECT_VER"), `"${version}"`);
			});
		});
	}

	it("the machine's queue has room for a message of each that posts any: in a release whoever finds it full waits for ever", () => {
		const { defines } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as {
			readonly defines: { readonly task: { readonly queueLength: number } };
		};
		const own = { connections: 4, forwarded: 4, timeServer: 1, console: 1, key: 1, promises: 1 };
		/** The link goes, comes back and has an address while the machine is busy with something else. */
		const radio = { events: 3, scan: 1 };
		const most = Object.values({ ...own, ...radio }).reduce((sum, count) => sum + count, 0);
		assert.ok(defines.task.queueLength >= most);
	});
	for (const megabytes of [4, 8, 16] as const) {
		it(`partitions for ${megabytes} MB: two equal slots, everything that an update and a crash need, and it fits exactly`, () => {
			const text = readFileSync(join(folder, `flash/${megabytes}mb/partitions.csv`), "utf8");
			const partitions = parsePartitions(text);
			const find = (label: string) => partitions.find((partition) => partition.label === label) ?? assert.fail(`no ${label}`);
			assert.equal(chipSize(partitions), megabytes << 20);
			assert.equal(find("ota_0").size, find("ota_1").size);
			// The application with TLS 1.2 and 1.3, PSA and OTA had 723 KB; it has to be able to grow.
			assert.ok(find("ota_0").size >= 1_800_000);
			for (const label of ["ota_0", "ota_1"]) assert.equal(find(label).offset % 0x10000, 0, label);
			assert.equal(find("otadata").size, 0x2000);
			// What the READMEs say about flashing an image of npm run provision, and what it makes unless told otherwise.
			assert.deepEqual([find("nvs").offset, find("nvs").size], [0x9000, 0x6000]);
			assert.equal(find("nvs_keys").size, 0x1000);
			assert.equal(find("nvs_keys").encrypted, true);
			assert.equal(find("xs").type, 0x40);
			// A dump of ten tasks with their stacks.
			assert.ok(find("coredump").size >= 0xc000);
			assert.ok(find("storage").size >= 0x30000);
			const sorted = [...partitions].sort((a, b) => a.offset - b.offset);
			for (const [at, partition] of sorted.entries()) {
				const next = sorted[at + 1];
				if (next) assert.ok(partition.offset + partition.size <= next.offset, `${partition.label} reaches into ${next.label}`);
			}
		});
	}
});
