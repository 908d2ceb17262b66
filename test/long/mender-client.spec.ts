/**
 * The Mender test server judged by a client that was not written for it: Debian's mender-client. It runs as it is, with
 * folders of the test in the place of those of the system, which takes a mount namespace of its own.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { menderArtifact, write } from "../artifacts/mender";
import type { DeviceDeployment } from "../servers/mender/deployments";
import { MenderServer } from "../servers/mender/server";

const mac = "02:42:ac:11:00:99";
const deviceType = "demo-linux";

/** Why it cannot run here; undefined when it can. */
function obstacle(): string | undefined {
	const tool = menderArtifact();
	if ("missing" in tool) return tool.missing;
	if (spawnSync("mender", ["--version"], { stdio: "ignore" }).status !== 0)
		return "mender is not installed (Debian package mender-client)";
	if (spawnSync("unshare", ["-rm", "mount", "--bind", tmpdir(), "/usr/share/mender"], { stdio: "ignore" }).status !== 0)
		return "mount namespaces are not allowed here";
	return undefined;
}

/** Takes its files into a folder, or fails when it is told so. */
const module = (folder: string): string => `#!/bin/sh
case "$1" in
	NeedsArtifactReboot) echo No ;;
	SupportsRollback) echo No ;;
	ArtifactInstall)
		test ! -e "$2/files/refuse" || { echo "refused by the module" >&2; exit 1; }
		cp "$2"/files/* ${folder} ;;
esac
`;

/** What mender-configure-module does, as far as the server sees it: takes the meta-data, which is all there is. */
const configure = (folder: string): string => `#!/bin/sh
case "$1" in
	NeedsArtifactReboot) echo No ;;
	SupportsRollback) echo No ;;
	ArtifactInstall) cp "$2/header/meta-data" ${folder}/configuration ;;
esac
`;

class RealClient {
	readonly folder = mkdtempSync(join(tmpdir(), "fleetling-mender-"));
	readonly taken = join(this.folder, "taken");
	readonly #server: MenderServer;
	#child: ChildProcess | undefined;
	output = "";

	constructor(server: MenderServer) {
		this.#server = server;
		for (const name of ["data", "etc", "share/identity", "share/inventory", "share/modules/v3", "work", "taken"])
			mkdirSync(join(this.folder, name), { recursive: true });
		this.#script("share/identity/mender-device-identity", `#!/bin/sh\necho mac=${mac}\n`);
		this.#script("share/inventory/mender-inventory-test", "#!/bin/sh\necho place=here\n");
		this.#script("share/modules/v3/test-module", module(this.taken));
		this.#script("share/modules/v3/mender-configure", configure(this.taken));
		writeFileSync(join(this.folder, "device_type"), `device_type=${deviceType}\n`);
		writeFileSync(join(this.folder, "etc/artifact_info"), "artifact_name=release-v1\n");
	}

	start(): void {
		const { folder } = this;
		const seconds = { UpdatePollIntervalSeconds: 1, InventoryPollIntervalSeconds: 1, RetryPollIntervalSeconds: 1 };
		const paths = {
			DeviceTypeFile: join(folder, "device_type"),
			ModulesWorkPath: join(folder, "work"),
			UpdateLogPath: join(folder, "data"),
		};
		const settings = { ServerURL: this.#server.url, TenantToken: "dummy", DBus: { Enabled: false }, ...seconds, ...paths };
		writeFileSync(join(folder, "mender.conf"), JSON.stringify(settings));
		const options = ["--no-syslog", "--log-level", "debug", "--config", join(folder, "mender.conf")];
		const rest = ["--fallback-config", join(folder, "none.conf"), "--data", join(folder, "data"), "daemon"];
		const command = 'mount --bind "$0/share" /usr/share/mender && mount --bind "$0/etc" /etc/mender && exec mender "$@"';
		this.#child = spawn("unshare", ["-rm", "sh", "-c", command, folder, ...options, ...rest], {
			stdio: ["ignore", "pipe", "pipe"],
		});
		for (const stream of [this.#child.stdout, this.#child.stderr])
			stream?.setEncoding("utf8").on("data", (text: string) => {
				this.output += text;
			});
	}

	stop(): Promise<void> {
		return new Promise((resolve) => {
			const done = (): void => {
				rmSync(this.folder, { recursive: true, force: true });
				resolve();
			};
			if (this.#child === undefined || this.#child.exitCode !== null) done();
			else {
				this.#child.once("close", done);
				this.#child.kill("SIGKILL");
			}
		});
	}

	/** An artifact `release-v2` with a file of that name. */
	artifact(file: string): Buffer {
		const path = join(this.folder, "release-v2.mender");
		writeFileSync(join(this.folder, file), "payload\n");
		write(path, { name: "release-v2", deviceTypes: [deviceType], files: [join(this.folder, file)], compression: "gzip" });
		return readFileSync(path);
	}

	#script(name: string, text: string): void {
		writeFileSync(join(this.folder, name), text);
		chmodSync(join(this.folder, name), 0o755);
	}
}

describe("Mender test server and the real mender-client", function () {
	this.timeout(120_000);
	let server: MenderServer;
	let client: RealClient;
	before(function () {
		const reason = obstacle();
		if (reason === undefined) return;
		process.stdout.write(`      skipped: ${reason}\n`);
		this.skip();
	});
	beforeEach(async () => {
		server = new MenderServer();
		await server.start();
		client = new RealClient(server);
		client.start();
		await server.waitForPending(mac, 30_000).catch((error: Error) => {
			throw new Error(`${error.message}\n${client.output.slice(-3000)}`);
		});
		server.accept(mac);
		await server.log.next(({ route, status }) => route === "check" && status === 204, 30_000);
	});
	afterEach(async () => {
		await client?.stop();
		await server?.stop();
	});

	const deploy = (file: string): DeviceDeployment =>
		server.deploy(mac, { name: "release-v2", deviceTypes: [deviceType], content: client.artifact(file) });

	it("a deployment is completed, and its name and inventory follow", async () => {
		const deployment = deploy("file");
		await server.until(deployment, "success");
		assert.equal(readFileSync(join(client.taken, "file"), "utf8"), "payload\n");
		assert.deepEqual(deployment.history, ["pending", "downloading", "installing", "success"]);
		await server.log.next(({ route }) => route === "inventory");
		const device = server.devices.find(mac);
		assert.ok(device);
		const inventory = Object.fromEntries(server.inventories.of(device));
		assert.equal(inventory.artifact_name, "release-v2");
		assert.equal(inventory.place, "here");
		// And the deployment does not come again.
		await server.log.next(({ route, method, status }) => route === "check" && method === "POST" && status === 204);
	});

	it("a failed one ends with failure and a log", async () => {
		const deployment = deploy("refuse");
		await server.until(deployment, "failure");
		await server.log.until(({ route, status }) => route === "logs" && status === 204, 30_000);
		assert.ok((deployment.log?.length ?? 0) > 3);
		assert.ok(deployment.log?.some(({ message }) => message.includes("refused by the module")));
	});

	it("a configuration is completed as a deployment, and the client goes by its name afterwards", async () => {
		const values = { pollSeconds: "60", timezone: "UTC" };
		const deployment = server.configure(mac, values);
		await server.until(deployment, "success");
		assert.deepEqual(JSON.parse(readFileSync(join(client.taken, "configuration"), "utf8")), values);
		assert.deepEqual(deployment.history, ["pending", "downloading", "installing", "success"]);
		const { name } = deployment.artifact;
		const said = ({ body }: { readonly body: Uint8Array }): boolean => Buffer.from(body).includes(`"artifact_name":"${name}"`);
		const { body } = await server.log.until(
			(record) => record.route === "check" && record.status === 204 && said(record),
			30_000,
		);
		assert.ok(Buffer.from(body).includes(`"data-partition.mender-configure.version":"${name}"`));
		assert.equal(server.log.of("download").at(-1)?.headers.authorization, undefined);
	});

	it("an abort gets through, and failure is what it says to that", async () => {
		server.faults.add(
			"status",
			{ kind: "delay", milliseconds: 1 },
			{
				times: Number.POSITIVE_INFINITY,
				when: ({ body }) => {
					if (body.includes("installing")) for (const one of server.deployments.all()) server.deployments.abort(one);
					return true;
				},
			},
		);
		const deployment = deploy("file");
		await server.log.next(({ body, status }) => status === 409 && Buffer.from(body).includes("failure"), 60_000);
		assert.equal(deployment.status, "aborted");
	});

	it("a token that has ended costs it another one, and nothing else", async () => {
		server.faults.expireTokens("status", { when: ({ body }) => body.includes("installing") });
		const deployment = deploy("file");
		await server.until(deployment, "success");
		assert.ok(server.log.of("auth").filter(({ status }) => status === 200).length >= 2);
	});
});
