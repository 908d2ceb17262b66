/** TLS: the header of a record that comes in two pieces, for a library that keeps no part of one (ESP-IDF with dynamic buffers). */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../targets/host/tools/paths";

const module = join(root, "modules/tls");
/** These are for XS and need its headers; the engine is part of the program. */
const excluded = new Set(["tls-native.c", "tls-objects.c", "tls-engine.c"]);
const flags = [
	"-std=gnu11",
	"-Wall",
	"-Wextra",
	"-Werror",
	"-g",
	"-fsanitize=address,undefined",
	"-fno-sanitize-recover=undefined",
];

describe("tls: headers of records", function () {
	this.timeout(60_000);
	const folder = mkdtempSync(join(tmpdir(), "fleetling-header-"));
	after(() => rmSync(folder, { recursive: true, force: true }));

	it("are handed over whole, wherever the input is cut", () => {
		const others = readdirSync(module).filter((name) => name.endsWith(".c") && !excluded.has(name));
		const sources = [join(root, "test/tls/header.c"), ...others.map((name) => join(module, name))];
		const program = join(folder, "header");
		execFileSync("gcc", [...flags, `-I${module}`, ...sources, "-lmbedtls", "-lmbedx509", "-lmbedcrypto", "-o", program]);
		assert.equal(execFileSync(program, { encoding: "utf8" }), "");
	});
});
