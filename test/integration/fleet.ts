/** A server and devices for tests of the whole firmware: real TLS, real flash rules, real restarts. */
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { flashDevice, HostDevice } from "../../targets/host/tools/hostdevice";
import type { Variant } from "../../targets/host/tools/runtime";
import { type Authority, createAuthority } from "../pki/pki";
import { RdfmServer, type RdfmServerOptions } from "../servers/rdfm/server";
import { prepareRuntime } from "../xs/driver";

export const mac = "02:f1:ee:70:00:01";
export const deviceType = "test-device";
export const oldVersion = "1.0.0";

export interface FleetOptions {
	readonly server?: RdfmServerOptions;
	/** Plain HTTP instead of TLS. */
	readonly plain?: boolean;
	readonly settings?: Readonly<Record<string, string>>;
	readonly arguments?: readonly string[];
	/** The device is not approved by the test itself. */
	readonly unknown?: boolean;
	readonly variant?: Variant;
}

/** The flash of a device that has made its key already: making one takes longer than most tests. */
let template: Promise<string> | undefined;
const templateFolder = mkdtempSync(join(tmpdir(), "fleetling-template-"));
process.on("exit", () => rmSync(templateFolder, { recursive: true, force: true }));

async function makeTemplate(): Promise<string> {
	const flash = join(templateFolder, "device.flash");
	flashDevice(flash, await makeFirmware({ version: oldVersion }));
	const server = new RdfmServer();
	await server.start({});
	const device = new HostDevice({
		runtime: await prepareRuntime(),
		flash,
		mac,
		settings: { server: "rdfm", url: server.url, deviceType, pollSeconds: "1" },
	});
	await Promise.race([
		server.waitForPending(mac, 60_000),
		device.done.then(({ output }) => Promise.reject(new Error(`the device did not start:\n${output}`))),
	]);
	await device.cutPower();
	await server.stop();
	return flash;
}

export class Fleet {
	readonly server = new RdfmServer();
	readonly folder = mkdtempSync(join(tmpdir(), "fleetling-test-"));
	readonly flash = join(this.folder, "device.flash");
	readonly ca = join(this.folder, "ca.pem");
	authority: Authority | undefined;
	device: HostDevice | undefined;
	#options: FleetOptions = {};

	/** Starts a server and a device that it knows, and waits for the first check. */
	static async start(options: FleetOptions = {}): Promise<Fleet> {
		const fleet = new Fleet();
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
		const { plain, server, unknown } = this.#options;
		template ??= makeTemplate();
		copyFileSync(await template, this.flash);
		if (plain) await this.server.start({ ...server });
		else {
			this.authority = await createAuthority({ name: "Test authority" });
			const { keyPEM, chainPEM } = await this.authority.issue({ names: ["localhost"], ips: ["127.0.0.1"] });
			writeFileSync(this.ca, this.authority.certPEM);
			await this.server.start({ ...server, tls: { key: keyPEM, cert: chainPEM } });
		}
		await this.switchOn();
		if (unknown) return;
		await this.server.waitForPending(mac, 30_000);
		this.server.approve(mac);
		await this.checked();
	}

	/** Switches the device on (again), with options of the runtime and settings for this time only. */
	async switchOn(once: readonly string[] = [], other: Readonly<Record<string, string>> = {}): Promise<HostDevice> {
		const { settings, arguments: always = [], variant } = this.#options;
		this.device = new HostDevice({
			runtime: await prepareRuntime(variant),
			flash: this.flash,
			mac,
			settings: { server: "rdfm", url: this.server.url, deviceType, pollSeconds: "1", ...settings, ...other },
			...(existsSync(this.ca) ? { files: { ca: this.ca } } : {}),
			arguments: [...always, ...once],
		});
		return this.device;
	}

	get running(): HostDevice {
		if (!this.device) throw new Error("the device is off");
		return this.device;
	}

	/** Uploads a package and assigns it to the device. Returns the SHA-256 in the offer. */
	offer(version: string, bytes: Uint8Array): string {
		const stored = this.server.addPackage(bytes, { "rdfm.hardware.devtype": deviceType, "rdfm.software.version": version });
		this.server.assign(mac, `exact_match,${version}`);
		return stored.sha256;
	}

	/** Uploads a firmware of that version. */
	async offerFirmware(version: string, options: Partial<Parameters<typeof makeFirmware>[0]> = {}): Promise<Buffer> {
		const image = await makeFirmware({ version, ...options });
		this.offer(version, image);
		return image;
	}

	/** Waits for one more check that ended with `status`. */
	async checked(status = 204, timeout = 30_000): Promise<void> {
		await this.server.log.next((record) => record.route === "check" && record.status === status, timeout);
	}

	/** Waits until the firmware of that version runs and is confirmed. */
	confirmed(version: string, timeout = 60_000): Promise<void> {
		return this.running.until(`${version} confirmed`, (device) => device.version === version && device.confirmed, timeout);
	}

	/** Waits for a text on the serial console. */
	says(pattern: RegExp, timeout = 30_000): Promise<void> {
		return this.running.until(`"${pattern.source}" on the console`, ({ output }) => pattern.test(output), timeout);
	}

	async stop(): Promise<void> {
		await this.device?.cutPower();
		await this.server.stop().catch(() => undefined);
		rmSync(this.folder, { recursive: true, force: true });
	}
}
