/** A Mender server and a device for tests of the whole firmware: real artifacts, real flash rules, real restarts. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { flashDevice, HostDevice } from "../../targets/host/tools/hostdevice";
import type { Variant } from "../../targets/host/tools/runtime";
import { type WriteOptions, write } from "../artifacts/mender";
import { Workbench } from "../artifacts/samples";
import { createAuthority } from "../pki/pki";
import type { DeviceDeployment } from "../servers/mender/deployments";
import { MenderServer, type MenderServerOptions } from "../servers/mender/server";
import type { RequestRecord } from "../servers/rdfm/records";
import { prepareRuntime } from "../xs/driver";

export const mac = "02:42:ac:11:00:02";
export const deviceType = "esp32-mod";
export const oldVersion = "1.0.0";

type Firmware = Partial<Parameters<typeof makeFirmware>[0]>;

export interface MenderFleetOptions {
	readonly server?: MenderServerOptions;
	/** That it begins with. */
	readonly version?: string;
	/** What it is like besides. */
	readonly firmware?: Firmware;
	/** With TLS. */
	readonly secure?: boolean;
	readonly settings?: Readonly<Record<string, string>>;
	readonly variant?: Variant;
}

export class MenderFleet {
	readonly server = new MenderServer();
	readonly folder = mkdtempSync(join(tmpdir(), "fleetling-test-"));
	readonly workbench = new Workbench(join(this.folder, "artifacts"));
	readonly flash = join(this.folder, "device.flash");
	readonly ca = join(this.folder, "ca.pem");
	device: HostDevice | undefined;
	#options: MenderFleetOptions = {};

	/** Starts a server and a device that it lets in, and waits for the first check. */
	static async start(options: MenderFleetOptions = {}): Promise<MenderFleet> {
		const fleet = new MenderFleet();
		fleet.#options = options;
		try {
			await fleet.#begin();
		} catch (error) {
			await fleet.stop();
			throw error;
		}
		return fleet;
	}

	async #begin(): Promise<void> {
		const { server, secure, version = oldVersion, firmware } = this.#options;
		// With a key to make: one of P-256 takes no time.
		flashDevice(this.flash, await makeFirmware({ version, ...firmware }));
		if (secure) {
			const authority = await createAuthority({ name: "Test authority" });
			const { keyPEM, chainPEM } = await authority.issue({ names: ["localhost"], ips: ["127.0.0.1"] });
			writeFileSync(this.ca, authority.certPEM);
			await this.server.start({ ...server, tls: { key: keyPEM, cert: chainPEM } });
		} else await this.server.start({ ...server });
		await this.switchOn();
		await this.server.waitForPending(mac, 60_000);
		this.server.accept(mac);
		await this.checked();
	}

	/** Switches the device on (again), with options of the runtime for this time only. */
	async switchOn(once: readonly string[] = []): Promise<HostDevice> {
		const { settings, variant } = this.#options;
		this.device = new HostDevice({
			runtime: await prepareRuntime(variant),
			flash: this.flash,
			mac,
			settings: { server: "mender", url: this.server.url, deviceType, pollSeconds: "1", ...settings },
			...(existsSync(this.ca) ? { files: { ca: this.ca } } : {}),
			arguments: once,
		});
		return this.device;
	}

	get running(): HostDevice {
		if (!this.device) throw new Error("the device is off");
		return this.device;
	}

	/** An artifact `release-<version>` of mender-artifact, by default with a firmware of that version. */
	async artifact(version: string, firmware: Firmware = {}, options: WriteOptions = {}): Promise<Buffer> {
		const files = options.files ?? [this.workbench.file("firmware.bin", await makeFirmware({ version, ...firmware }))];
		const path = this.workbench.path(`${version}.mender`);
		write(path, {
			...{ kind: "module-image", type: "esp32-image", name: `release-${version}`, deviceTypes: [deviceType] },
			...options,
			files,
		});
		return readFileSync(path);
	}

	/** Makes one and deploys it. */
	async deploy(version: string, firmware: Firmware = {}, options: WriteOptions = {}): Promise<DeviceDeployment> {
		const content = await this.artifact(version, firmware, options);
		return this.server.deploy(mac, { name: `release-${version}`, deviceTypes: [deviceType], content });
	}

	/** Waits for one more check that ended with `status`. */
	async checked(status = 204, timeout = 30_000): Promise<void> {
		await this.server.log.next((record) => record.route === "check" && record.status === status, timeout);
	}

	/** Waits for a text on the serial console. */
	says(pattern: RegExp, timeout = 30_000): Promise<void> {
		return this.running.until(`"${pattern.source}" on the console`, ({ output }) => pattern.test(output), timeout);
	}

	/** What was said of a deployment, in order: words of statuses, and "log". */
	told({ id }: DeviceDeployment): readonly string[] {
		const about = this.server.log.records.filter(({ path, route }) => path.includes(id) && route !== "download");
		return [...about].sort((one, other) => one.at - other.at || one.id - other.id).map(saying);
	}

	/** Requests of one kind, as JSON. */
	bodies(route: RequestRecord["route"]): readonly Readonly<Record<string, unknown>>[] {
		return this.server.log.of(route).map(({ body }) => JSON.parse(Buffer.from(body).toString() || "{}"));
	}

	/** The artifact that the device says it has, in its last question. */
	get artifactName(): string | null {
		const last = this.server.log
			.of("check")
			.filter(({ method }) => method === "GET")
			.at(-1);
		return new URLSearchParams(last?.query ?? "").get("artifact_name");
	}

	async stop(): Promise<void> {
		await this.device?.cutPower();
		await this.server.stop().catch(() => undefined);
		rmSync(this.folder, { recursive: true, force: true });
	}
}

function saying({ route, body, status }: RequestRecord): string {
	const word = route === "logs" ? "log" : String((JSON.parse(Buffer.from(body).toString()) as { status: string }).status);
	return status === 204 ? word : `${word} ${status}`;
}
