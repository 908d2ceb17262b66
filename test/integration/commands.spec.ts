/** The commands that other things rely on: options, exit codes, what they say. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseImage } from "../../targets/host/image/image";
import { flashDevice } from "../../targets/host/tools/hostdevice";
import { root } from "../../targets/host/tools/paths";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { menderArtifact } from "../artifacts/mender";
import { RdfmServer } from "../servers/rdfm/server";

interface Result {
	readonly code: number | null;
	readonly output: string;
}

const folder = mkdtempSync(join(tmpdir(), "fleetling-commands-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function command(
	name: string,
	args: readonly string[],
	onOutput?: (output: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Result> {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, [join(root, "targets/host/tools/fleetling.mjs"), name, ...args], {
			cwd: folder,
			detached: true,
		});
		let output = "";
		const take = (data: Buffer): void => {
			output += data.toString();
			// As a terminal does it: to every process of the command.
			onOutput?.(output, (signal) => process.kill(-(child.pid ?? 0), signal));
		};
		child.stdout.on("data", take);
		child.stderr.on("data", take);
		child.on("close", (code) => resolve({ code, output }));
	});
}

const needed = ["--set", "server=rdfm", "--set", "url=http://127.0.0.1:9", "--set", "deviceType=test"];

describe("npm start", () => {
	it("tells the story of an update and ends by itself", async () => {
		const result = await command("start", []);
		assert.equal(result.code, 0, result.output);
		assert.match(result.output, /» 1\.1\.0 has checked in and is confirmed/);
		assert.match(result.output, /versions +1\.0\.0 → 1\.1\.0, confirmed in ota_1/);
	});
	it("tells the same story with a Mender server, of a signed artifact and two hosts", async function () {
		const tool = menderArtifact();
		if ("missing" in tool) {
			process.stdout.write(`      skipped: ${tool.missing}\n`);
			this.skip();
		}
		const { code, output } = await command("start", ["--server", "mender"]);
		assert.equal(code, 0, output);
		const [, server, storage] = /a Mender server listens on (https:\S+) and its storage on (https:\S+),/.exec(output) ?? [];
		assert.ok(server !== undefined && storage !== undefined && server !== storage, output);
		const steps = [
			/» the server does not know this device and refused it \(401\)/,
			/» the device has its token, .* the artifact release-1\.1\.0, signed,/,
			/download \[#{32}\] 100 %/,
			/» 1\.1\.0 runs on trial/,
			/» 1\.1\.0 has checked in and is confirmed; the server has accepted its success, .* by the name release-1\.1\.0/,
			/versions +1\.0\.0 → 1\.1\.0, confirmed in ota_1/,
			/package +[\d,]+ bytes, release-1\.1\.0\.mender, signed with P-256/,
		];
		const places = steps.map((step) => output.search(step));
		assert.ok(!places.includes(-1), `step ${places.indexOf(-1)} is missing:\n${output}`);
		assert.deepEqual(
			places,
			[...places].sort((one, other) => one - other),
		);
	});
	it("ends with Ctrl-C, which is no failure", async () => {
		let sent = false;
		const { code, output } = await command("start", [], (shown, kill) => {
			if (sent || !/making the device's/.test(shown)) return;
			sent = true;
			kill("SIGINT");
		});
		assert.equal(code, 130, output);
		assert.doesNotMatch(output, /failed/);
	});
	it("shows its options", async () => {
		const result = await command("start", ["--help"]);
		assert.equal(result.code, 0, result.output);
		assert.match(result.output, /--server KIND.*--interactive.*--port N/s);
	});
	for (const [name, args, text] of [
		["a port that is none", ["--interactive", "--port", "http"], /--port wants a number up to 65535, not "http"/],
		["a port without a page", ["--port", "8000"], /with --interactive only/],
		[
			"a kind of server that is none",
			["--server", "nonsense"],
			/^--server wants the kind of server, one of rdfm, mender, not "nonsense"$/m,
		],
		["a page for Mender", ["--interactive", "--server", "mender"], /drives an RDFM server only: leave out --server mender$/m],
		["an option that does not exist", ["--interactiv"], /Unknown option '--interactiv'/],
	] as const) {
		it(`refuses ${name}`, async () => {
			const result = await command("start", args);
			assert.equal(result.code, 1, result.output);
			assert.match(result.output, text);
		});
	}
	it("says which port is in use", async () => {
		const other = createServer();
		await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
		const { port } = other.address() as AddressInfo;
		const result = await command("start", ["--interactive", "--port", String(port)]);
		other.close();
		assert.equal(result.code, 1, result.output);
		assert.match(result.output, new RegExp(`port ${port} is in use: choose another one with --port`));
	});
});

describe("npm run image", () => {
	it("writes a real ESP application image with version and project name", async () => {
		const out = join(folder, "image.bin");
		const result = await command("image", ["--version", "2.3.4", "--out", out]);
		assert.equal(result.code, 0, result.output);
		const image = parseImage(readFileSync(out));
		assert.equal(image.description.version, "2.3.4");
		assert.equal(image.description.projectName, "fleetling");
		assert.match(image.sha256 ?? "", /^[0-9a-f]{64}$/);
	});
	for (const [name, args, text] of [
		["no version", ["--out", "x.bin"], /usage/],
		[
			"an unknown fault",
			["--version", "1", "--out", "x.bin", "--fault", "explode"],
			/--fault "explode" is not one of none, crash, hang, offline/,
		],
		["a version that is too long", ["--version", "x".repeat(32), "--out", "x.bin"], /more than 31 bytes/],
	] as const) {
		it(`refuses ${name}`, async () => {
			const result = await command("image", args);
			assert.notEqual(result.code, 0);
			assert.match(result.output, text);
		});
	}
});

describe("npm run device", () => {
	it("makes the flash when it is missing, keeps it, and ends with 0 after --for without a fault", async () => {
		const flash = join(folder, "kept.flash");
		const first = await command("device", ["--flash", flash, ...needed, "--for", "3", "--version", "1.2.3"]);
		assert.equal(first.code, 0, first.output);
		assert.match(first.output, /fleetling 1\.2\.3 from ota_0/);
		assert.match(first.output, /making the device's/);
		const { ino } = statSync(flash);
		const second = await command("device", ["--flash", flash, ...needed, "--for", "2", "--version", "9.9.9"]);
		assert.equal(second.code, 0, second.output);
		assert.match(second.output, /fleetling 1\.2\.3 from ota_0/);
		assert.doesNotMatch(second.output, /making the device's/);
		assert.equal(statSync(flash).ino, ino);
	});

	it("--console shows where a terminal attaches, and stays on without a configuration", async () => {
		const result = await command("device", ["--flash", join(folder, "console.flash"), "--console", "--for", "2"]);
		assert.equal(result.code, 0, result.output);
		assert.match(result.output, /serial console: \/dev\/pts\/\d+; attach with "picocom \/dev\/pts\/\d+"/);
		assert.match(result.output, /Enter opens a console with which the device can be set up/);
	});

	const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
		["no server", ["--set", "url=http://127.0.0.1:9", "--set", "deviceType=test"], /config\.missing: configuration key "server"/],
		["no url", ["--set", "server=rdfm", "--set", "deviceType=test"], /config\.missing: configuration key "url"/],
		[
			"no device type",
			["--set", "server=rdfm", "--set", "url=http://127.0.0.1:9"],
			/config\.missing: configuration key "deviceType"/,
		],
		["an unknown server", [...needed, "--set", "server=hawkbit"], /config\.invalid: configuration key "server" is "hawkbit"/],
		["an address that is none", [...needed, "--set", "url=ftp://x"], /config\.invalid: configuration key "url"/],
		[
			"a poll time that is none",
			[...needed, "--set", "pollSeconds=often"],
			/config\.invalid: configuration key "pollSeconds" is "often"/,
		],
		["https without an authority", [...needed, "--set", "url=https://127.0.0.1:9"], /config\.missing: configuration key "ca"/],
		[
			"an authority file that is not there",
			[...needed, "--set", "ca=/no/such/file.pem"],
			/ca=\/no\/such\/file\.pem: there is no such file/,
		],
		["a mac that is none", [...needed, "--set", "mac=12345"], /config\.invalid: configuration key "mac"/],
	];
	for (const [name, args, text] of wrong) {
		it(`says in one sentence what is wrong: ${name}`, async () => {
			const result = await command("device", [
				"--flash",
				join(folder, `${name.replaceAll(" ", "-")}.flash`),
				...args,
				"--for",
				"10",
			]);
			assert.equal(result.code, 1, result.output);
			assert.match(result.output, text);
			assert.match(result.output.trim().split("\n").at(-1) ?? "", text, "the reason is not the last line");
		});
	}

	it("refuses a value that no device can store", async () => {
		const path = join(folder, "long.pem");
		writeFileSync(path, "-----BEGIN CERTIFICATE-----\n".padEnd(4_000, "A"));
		const result = await command("device", ["--flash", join(folder, "long.flash"), ...needed, "--set", `ca=${path}`]);
		assert.equal(result.code, 1, result.output);
		assert.match(result.output, /^configuration key "ca" has 4000 bytes: expected at most 3999$/m);
	});

	it("refuses an authority that is not PEM", async () => {
		const path = join(folder, "not.pem");
		writeFileSync(path, "hello");
		const result = await command("device", [
			"--flash",
			join(folder, "pem.flash"),
			...needed,
			"--set",
			"url=https://127.0.0.1:9",
			"--set",
			`ca=${path}`,
			"--for",
			"10",
		]);
		assert.equal(result.code, 1);
		assert.match(result.output, /config\.invalid: configuration key "ca"/);
	});

	it("ends quietly when nobody reads any more", async () => {
		const flash = join(folder, "pipe.flash");
		const tool = `"${process.execPath}" "${join(root, "targets/host/tools/fleetling.mjs")}"`;
		const child = spawn("bash", ["-c", `${tool} device --flash ${flash} ${needed.join(" ")} | head -1; exit $PIPESTATUS`]);
		let errors = "";
		child.stderr.on("data", (data: Buffer) => (errors += data.toString()));
		const code = await new Promise((done) => child.on("close", done));
		assert.equal(code, 141, errors);
		assert.doesNotMatch(errors, /EPIPE/);
	});

	it("Ctrl-C is a power cut", async () => {
		let sent = false;
		const result = await command("device", ["--flash", join(folder, "cut.flash"), ...needed], (output, kill) => {
			if (sent || !/net\.refused/.test(output)) return;
			sent = true;
			kill("SIGINT");
		});
		assert.equal(result.code, 130);
		assert.equal(result.output.split("power cut").length, 2, "it is said once");
	});

	for (const [name, args, text] of [
		["a time that is none", ["--for", "soon"], /^--for wants a number of seconds, not "soon"$/m],
		["a time that no timer takes", ["--for", "99999999"], /^--for wants at most 2147483 seconds, not "99999999"/m],
		["an address of the interface that is none", ["--mac", "12345"], /^--mac wants an address such as .*, not "12345"$/m],
		["an empty version", ["--version", ""], /^--version is empty$/m],
		["an assignment without a key", ["--set", "=rdfm"], /^--set wants key=value, not "=rdfm"$/m],
		["a build that there is not", ["--bits", "16"], /^--bits is 32 or 64, not "16"$/m],
	] as const) {
		it(`refuses ${name}`, async () => {
			const result = await command("device", ["--flash", join(folder, "refused.flash"), ...needed, ...args]);
			assert.equal(result.code, 1, result.output);
			assert.match(result.output, text);
			assert.ok(!existsSync(join(folder, "refused.flash")));
		});
	}

	it("takes any text for a version", async () => {
		const version = 'one "two" \\3';
		const args = ["--flash", join(folder, "quoted.flash"), ...needed, "--version", version, "--until-version", version];
		const result = await command("device", args);
		assert.equal(result.code, 0, result.output);
	});

	for (const [name, size, text] of [
		["a file that is no flash", 0x400000, /the partition table at 0x8000 is not there\n/],
		[
			"a flash of which the end is missing",
			0x100000,
			/partition \d at 0x10000 with 0x1d0000 bytes does not fit into the flash\n/,
		],
		["a flash that was cut off anywhere", 1_000_000, /must have a size that is a multiple of 64 KiB/],
		["an empty file", 0, /must have a size that is a multiple of 64 KiB/],
	] as const) {
		it(`says what is wrong with ${name}`, async () => {
			const flash = join(folder, "damaged.flash");
			writeFileSync(flash, Buffer.alloc(size));
			if (size === 0x100000) {
				flashDevice(flash, Buffer.alloc(16));
				truncateSync(flash, size);
			}
			const result = await command("device", ["--flash", flash, ...needed]);
			assert.equal(result.code, 1, result.output);
			assert.match(result.output, text);
		});
	}

	it("gives a flash to one device only, however many are started at once", async () => {
		const flash = join(folder, "shared.flash");
		const kills: (() => void)[] = [];
		let ended = false;
		const one = (index: 0 | 1): Promise<Result> =>
			command("device", ["--flash", flash, ...needed, "--for", "60"], (output, kill) => {
				kills[index] = () => kill("SIGINT");
				if (ended || !/is in use by another device/.test(output)) return;
				// The other one has it, and would keep it for longer than anybody wants to wait.
				ended = true;
				kills[1 - index]?.();
			});
		const results = await Promise.all([one(0), one(1)]);
		const [second, first] = results.sort((a, b) => (a.code ?? 0) - (b.code ?? 0));
		assert.deepEqual([first?.code, second?.code], [130, 1], `${first?.output}\n---\n${second?.output}`);
		assert.match(second?.output ?? "", /shared\.flash is in use by another device/);
	});

	it("--until-version ends with 0 when that version is confirmed, and says why when it is not", async () => {
		const server = new RdfmServer();
		await server.start({ autoApprove: true });
		const args = ["--set", "server=rdfm", "--set", `url=${server.url}`, "--set", "deviceType=test", "--set", "pollSeconds=1"];
		const out = join(folder, "next.bin");
		await command("image", ["--version", "1.1.0", "--out", out]);
		server.addPackage(readFileSync(out), { "rdfm.hardware.devtype": "test", "rdfm.software.version": "1.1.0" });
		server.devices.changes.on("approved", (device) => server.assign(device.mac, "exact_match,1.1.0"));
		const flash = join(folder, "until.flash");
		const good = await command("device", ["--flash", flash, ...args, "--until-version", "1.1.0", "--for", "40"]);
		assert.equal(good.code, 0, good.output);
		const bad = await command("device", ["--flash", flash, ...args, "--until-version", "1.2.0", "--for", "3"]);
		assert.equal(bad.code, 1, bad.output);
		assert.match(bad.output, /version 1\.2\.0 was not confirmed within 3 s/);
		await server.stop();
	});

	it("runs on the 32-bit build", async function () {
		if (!has32BitLibraries()) {
			process.stdout.write("      skipped: the 32-bit libraries (gcc-multilib, libmbedtls-dev:i386) are not installed\n");
			this.skip();
		}
		this.timeout(180_000);
		const result = await command("device", ["--flash", join(folder, "bits.flash"), ...needed, "--for", "4", "--bits", "32"]);
		assert.equal(result.code, 0, result.output);
	});

	it("shows its options", async () => {
		const result = await command("device", []);
		assert.equal(result.code, 64);
		assert.match(result.output, /--until-version/);
	});
});
