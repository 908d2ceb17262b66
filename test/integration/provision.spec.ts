/** `npm run provision`: images of a device's storage that a device takes, and what is refused. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlash } from "../../targets/host/image/flash";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { HostDevice } from "../../targets/host/tools/hostdevice";
import { makeStorageImage } from "../../targets/host/tools/nvs-image";
import { hostFolder, root } from "../../targets/host/tools/paths";
import { readStorage } from "../idf/nvs-reader";
import { createAuthority } from "../pki/pki";
import { prepareRuntime } from "../xs/driver";
import { Terminal } from "./terminal";

const hostSize = 0x4000;
const text = 0x21;

interface Result {
	readonly code: number | null;
	readonly output: string;
}

describe("npm run provision", function () {
	this.timeout(120_000);
	const folder = mkdtempSync(join(tmpdir(), "fleetling-provision-test-"));
	const at = (name: string): string => join(folder, name);
	after(() => rmSync(folder, { recursive: true, force: true }));

	function provision(args: readonly string[], input = ""): Promise<Result> {
		return new Promise((resolve) => {
			const program = join(root, "targets/host/tools/fleetling.mjs");
			// As npm tells where it was called, whoever runs the tests.
			const env = { ...process.env, INIT_CWD: folder };
			const child = spawn(process.execPath, [program, "provision", ...args], { cwd: folder, env });
			let output = "";
			for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
			child.on("close", (code) => resolve({ code, output }));
			child.stdin.end(input);
		});
	}
	/** What a reader of the format that knows nothing of ours finds. */
	const stored = (image: Buffer): Readonly<Record<string, string>> =>
		Object.fromEntries(
			[...readStorage(image).values].flatMap(([space, values]) =>
				[...values].map(([key, { type, data }]) => {
					assert.equal(type, text, key);
					return [`${space}:${key}`, data.toString("utf8").replace(/\0$/, "")];
				}),
			),
		);

	it("writes namespaces, keys and types as the device reads them, for its owner only, and shows no secret", async () => {
		writeFileSync(at("ca.pem"), "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
		const args = ["--set", "server=rdfm", "--set", "url=https://rdfm.example:5000", "--file", "ca=ca.pem", "--set", "ssid=home"];
		const { code, output } = await provision([...args, "--file", "password=-", "--out", "nvs.bin"], "secret-word\n");
		assert.equal(code, 0, output);
		assert.match(output, /^nvs\.bin: 24576 bytes with server, url, ssid, ca, password$/m);
		assert.doesNotMatch(output, /secret-word/);
		assert.equal(statSync(at("nvs.bin")).mode & 0o777, 0o600);
		const image = readFileSync(at("nvs.bin"));
		assert.equal(image.length, 0x6000);
		assert.deepEqual(stored(image), {
			"config:server": "rdfm",
			"config:url": "https://rdfm.example:5000",
			"config:ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
			"wifi:networks": '[{"ssid":"home","password":"secret-word"}]',
		});
		assert.deepEqual(readdirSync(folder).sort(), ["ca.pem", "nvs.bin"]);
	});
	it("says that a secret on the command line stays in the shell's history, without repeating it", async () => {
		const args = ["--set", "ssid=home", "--set", "password=secret-word", "--size", "12288", "--out", "typed.bin"];
		const { code, output } = await provision(args);
		assert.equal(code, 0, output);
		assert.match(output, /"password" is in your shell's history now/);
		assert.doesNotMatch(output, /secret-word/);
		assert.equal(readFileSync(at("typed.bin")).length, 12_288);
	});

	const out = ["--out", "refused.bin"];
	const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
		["nothing to write", out, /usage: npm run provision/],
		["no file to write to", ["--set", "server=rdfm"], /usage: npm run provision/],
		["a value without a key", ["--set", "rdfm", ...out], /^--set wants key=value$/m],
		["a key twice", ["--set", "server=rdfm", "--set", "server=mender", ...out], /^"server" is given twice$/m],
		["a file that is not there", ["--file", "ca=none.pem", ...out], /^--file ca=none\.pem cannot be read: ENOENT$/m],
		[
			"two values from standard input",
			["--file", "ca=-", "--file", "password=-", ...out],
			/^only one value can come from standard input$/m,
		],
		["a size that is none", ["--set", "server=rdfm", "--size", "5000", ...out], /^--size wants a multiple of 4096 from 12288 /m],
		["a folder that is not there", ["--set", "server=rdfm", "--out", "no/nvs.bin"], /^no\/nvs\.bin cannot be written: ENOENT$/m],
	];
	for (const [name, args, reason] of refused) {
		it(`refuses ${name}, in one sentence`, async () => {
			const { code, output } = await provision(args);
			assert.notEqual(code, 0, output);
			assert.match(output, reason);
			assert.ok(!readdirSync(folder).some((file) => file.startsWith("refused")));
		});
	}

	const unusable: readonly (readonly [string, readonly (readonly [string, string])[], RegExp])[] = [
		[
			"an unknown key",
			[["colour", "red"]],
			/^there is no configuration key "colour": choose one of server, .*, ssid, password, hostname$/,
		],
		["an address that is none", [["url", "ftp://x"]], /^configuration key "url" is "ftp:\/\/x": expected an address/],
		["a number that is none", [["pollSeconds", "often"]], /^configuration key "pollSeconds" is "often": expected a whole number/],
		["an empty value", [["server", ""]], /^configuration key "server" is ""/],
		["a certificate that is none", [["ca", "hello"]], /^configuration key "ca" is "5 characters": expected certificates/],
		["a value that NVS does not take", [["deviceType", "x".repeat(4_000)]], /has 4000 bytes: expected at most 3999$/],
		["a password without a network", [["password", "secret-word"]], /^"password" is that of a Wi-Fi network/],
		[
			"a password that is too short",
			[
				["ssid", "home"],
				["password", "secret"],
			],
			/^the password of Wi-Fi network "home" has to have 8 to 64/,
		],
		["a network's name that is too long", [["ssid", "ü".repeat(17)]], /^a Wi-Fi network needs a name of 1 to 32 bytes$/],
		["a hostname that is none", [["hostname", "kitchen lamp"]], /^"hostname" has to have 1 to 32 letters/],
		["a hostname that ESP-IDF refuses", [["hostname", "x".repeat(33)]], /^"hostname" has to have 1 to 32 letters/],
	];
	for (const [name, values, reason] of unusable) {
		it(`refuses ${name} as the device would`, async () => {
			await assert.rejects(makeStorageImage(new Map(values), hostSize), (error: Error) => {
				assert.match(error.message, reason);
				assert.doesNotMatch(error.message, /secret/);
				return true;
			});
		});
	}
	it("refuses more than fits", async () => {
		const pem = (name: string): string => `-----BEGIN ${name}-----\n${"A".repeat(3_900)}\n-----END ${name}-----`;
		const values = new Map([
			["ca", pem("CERTIFICATE")],
			["artifactKeys", pem("PUBLIC KEY")],
			["tenantToken", "x".repeat(3_900)],
		]);
		await assert.rejects(makeStorageImage(values, 0x3000), /^Error: the values do not fit: give a larger --size/);
	});

	describe("a device with that image in its flash", () => {
		const build = { server: "rdfm", url: "http://127.0.0.1:8", deviceType: "of-the-build", pollSeconds: 600, retryFailHours: 7 };
		let device: HostDevice;
		let terminal: Terminal;

		before(async () => {
			const { certPEM } = await createAuthority({ name: "Provision test" });
			const values = new Map([
				["url", "https://127.0.0.1:9"],
				["deviceType", "of-the-factory"],
				["ca", certPEM],
				["pollSeconds", "60"],
			]);
			const path = at("device.flash");
			makeFlash({
				path,
				partitions: readFileSync(join(hostFolder, "partitions.csv"), "utf8"),
				contents: {
					ota_0: await makeFirmware({ version: "1.0.0", config: build }),
					nvs: await makeStorageImage(values, hostSize),
				},
			});
			device = new HostDevice({ runtime: await prepareRuntime(), flash: path, arguments: ["--console"] });
			await device.until("a try", ({ output }) => /net\.refused/.test(output));
			terminal = new Terminal(String(device.events.find(({ event }) => event === "console")?.path));
			await terminal.run("", "fleetling> ");
		});
		after(async () => {
			terminal?.close();
			await device?.cutPower();
		});

		it("uses it: what the factory wrote wins over the build, and the build over the defaults", async () => {
			assert.match(device.output, /identity: address .*, device type of-the-factory/);
			await terminal.run("config get", /url +https:\/\/127\.0\.0\.1:9\n/);
			assert.match(terminal.text, /deviceType +of-the-factory\n/);
			assert.match(terminal.text, /ca +\(\d+ characters\)\n/);
			assert.match(terminal.text, /server +rdfm {2}\(build\)\n/);
			assert.match(terminal.text, /retryFailHours +7 {2}\(build\)\n/);
			assert.match(terminal.text, /checkInSeconds +90 {2}\(default\)\n/);
		});
		it("the console wins over the factory, and going back leads to the build", async () => {
			await terminal.run("config set deviceType of-the-console", "is stored");
			await terminal.run("config reset pollSeconds", "is forgotten");
			terminal.forget();
			terminal.type("reboot\r");
			await terminal.shows(/identity: address .*, device type of-the-console\n/);
			await terminal.run("", "fleetling> ");
			await terminal.run("config get pollSeconds", /pollSeconds +600 {2}\(build\)/);
			await terminal.run("config get deviceType", /deviceType +of-the-console\n/);
		});
	});
});
