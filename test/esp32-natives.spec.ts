/** The C of the ESP32 target, looked at by gcc: real headers of XS and PSA, doubles (test/esp32/headers) of those that cannot be had. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { moddable, root } from "../targets/host/tools/paths";

const doubles = join(root, "test/esp32/headers");
const sourcesIn = (folder: string, pattern: RegExp): readonly string[] =>
	readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
		.filter((file) => pattern.test(file))
		.map((file) => join(folder, file))
		.sort();
const sources = [...sourcesIn("targets/esp32", /\.c$/), ...sourcesIn("modules", /-esp32\.c$/)];

/** Of each file, the builds in which it is another one. */
const builds: Readonly<Record<string, readonly (readonly string[])[]>> = {
	"targets/esp32/console/serialport.c": [[], ["-DCONFIG_ESP_CONSOLE_USB_SERIAL_JTAG=1"], ["-DmxInstrument=1"]],
	"targets/esp32/machinefigures.c": [[], ["-DmxInstrument=1"]],
	"modules/crypto/keythread-esp32.c": [["-DTF_PSA_CRYPTO_VERSION_NUMBER=0x01000000"]],
};

describe("natives of the ESP32 target", () => {
	const made = mkdtempSync(join(tmpdir(), "fleetling-natives-"));
	const folders = [
		made,
		doubles,
		...["targets/host/xs", "targets/host/idf/include", "targets/esp32", "modules/crypto"].map((name) => join(root, name)),
		...["includes", "platforms", "sources"].map((name) => join(moddable, "xs", name)),
	];
	const flags = ["-std=gnu11", "-D_GNU_SOURCE", "-DINCLUDE_XSPLATFORM", '-DXSPLATFORM="platform.h"', "-fsyntax-only"];
	// The engine's own headers are not ours to warn about.
	const strict = ["-Wall", "-Wextra", "-Werror", ...folders.slice(0, 6).map((path) => `-I${path}`)];
	const engine = folders.slice(6).flatMap((path) => ["-isystem", path]);

	const compile = (source: string, extra: readonly string[] = []): string => {
		const { status, stderr } = spawnSync("gcc", [...flags, ...extra, ...strict, ...engine, source], { encoding: "utf8" });
		return status === 0 ? "" : stderr;
	};

	before(() => {
		const names = new Set(
			sources.flatMap((file) =>
				[...readFileSync(join(root, file), "utf8").matchAll(/\bxsID_(\w+)/g)].map(([, name = ""]) => name),
			),
		);
		writeFileSync(join(made, "mc.xs.h"), [...names].map((name, index) => `#define xsID_${name} (${index + 1})\n`).join(""));
	});
	after(() => rmSync(made, { recursive: true, force: true }));

	it("are all there", () => {
		const names = sources.map((file) => basename(file)).sort();
		const expected = ["chip.c", "keythread-esp32.c", "lookup.c", "machinefigures.c", "openeth.c", "serialport.c"];
		assert.deepEqual(names, expected);
	});
	for (const source of sources) {
		for (const build of builds[source] ?? [[]]) {
			it(`${source} ${build.join(" ")}`.trim(), () => {
				assert.equal(compile(join(root, source), build), "");
			});
		}
	}

	it("the port over USB says how much it takes, and takes it", () => {
		const program = join(made, "usbport");
		// What belongs to XS is not called, and not linked.
		const run = flags.filter((flag) => flag !== "-fsyntax-only");
		const link = ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-o", program];
		const source = join(root, "test/esp32/usbport.c");
		const extra = ["-DCONFIG_ESP_CONSOLE_USB_SERIAL_JTAG=1", ...strict, ...engine, source, ...link];
		const { status, stderr } = spawnSync("gcc", [...run, ...extra], { encoding: "utf8" });
		assert.equal(status, 0, stderr);
		assert.equal(spawnSync(program, { encoding: "utf8" }).stdout, "1024 0 1024, nothing 0\n");
	});
	it("with what does not fit are refused: the doubles have types", () => {
		const wrong = join(made, "wrong.c");
		writeFileSync(wrong, '#include "esp_mac.h"\nint main(void) { return esp_read_mac("text", "Ethernet"); }\n');
		assert.match(compile(wrong), /esp_read_mac/);
	});
	it("have a double for nothing that is real here, and each is listed", () => {
		const names = readdirSync(doubles, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".h"));
		const list = readFileSync(join(root, "test/esp32/README.md"), "utf8");
		for (const name of names) assert.ok(list.includes(`\`${name}\``), name);
		const real = names.filter((name) => existsSync(join(root, "targets/host/idf/include", name)));
		// They take the host's and add to it.
		assert.deepEqual(real.sort(), ["esp_system.h", "sdkconfig.h"]);
	});
});
