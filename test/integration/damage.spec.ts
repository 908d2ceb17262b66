/** A damaged flash: whatever is in it, boot, storage and update neither crash nor hang. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { buildProgram } from "../idf/build";
import { makeVersion, pattern, Workshop } from "../idf/devices";
import { Shell } from "../idf/shell";

const seed = process.env.FLEETLING_SEED ?? "1";
const rounds = 6000;

describe("damaged flash", function () {
	this.timeout(300_000);
	const workshop = new Workshop();
	after(() => workshop.close());

	it(`${rounds} kinds of damage to table, otadata, images and storage are survived`, async () => {
		const path = workshop.device({ contents: { ota_0: makeVersion("1.0.0"), ota_1: makeVersion("2.0.0", 30_000) } });
		const shell = await Shell.open(path);
		await shell.ok("boot");
		await shell.ok("nvs_init");
		const handle = (await shell.ok("nvs_open", "test", 1)).handle as number;
		await shell.ok("set_str", handle, "text", "hello");
		await shell.ok("set_blob", handle, "blob", pattern(5000, 1).toString("hex"));
		await shell.ok("set_i32", handle, "number", 5);
		await shell.ok("set_blob", handle, "fifteen-letters", "00ff");
		await shell.close();
		const { stdout } = await promisify(execFile)(buildProgram("damage"), [path, seed, String(rounds)], { maxBuffer: 1 << 28 });
		const summary = JSON.parse(stdout) as { readonly rounds?: number; readonly booted: number };
		assert.equal(summary.rounds, rounds, stdout);
		// Damage to one of two slots or to otadata must not keep the device from booting.
		assert.ok(summary.booted > rounds / 2, stdout);
	});
});
