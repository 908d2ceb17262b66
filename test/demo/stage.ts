/** What the demo consists of: a server with TLS, a device with its flash, and a folder for both. Everything is real but the chip. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flashDevice, HostDevice, type HostDeviceOptions } from "../../targets/host/tools/hostdevice";
import { buildRuntime } from "../../targets/host/tools/runtime";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { createAuthority } from "../pki/pki";
import type { Certificates } from "./backend";

export const deviceType = "demo-thermostat";
export const mac = "02:f1:ee:70:00:01";
/** What the factory puts into the flash. */
export const firstVersion = "1.0.0";

type Configured = Readonly<Record<string, string>>;

export type DeviceHooks = Pick<HostDeviceOptions, "onConsole" | "onEvent">;

/** A server as the stage needs it. */
export interface StagedServer {
	/** Value of the device's configuration key `server`. */
	readonly kind: string;
	readonly url: string;
	start(certificates: Certificates): Promise<void>;
	stop(): Promise<void>;
}

export class Stage<Server extends StagedServer = StagedServer> {
	readonly server: Server;
	/** 32 shows the memory of a chip. */
	readonly bits = has32BitLibraries() ? 32 : 64;
	readonly #folder = mkdtempSync(join(tmpdir(), "fleetling-demo-"));
	readonly flash = join(this.#folder, "device.flash");
	/** Certificate of the authority that signed the server's: PEM, known once the server runs. */
	ca = "";
	#runtime = "";
	#device: HostDevice | undefined;
	#closed = false;

	constructor(server: Server) {
		this.server = server;
	}

	/** The device, unless it is off. */
	get device(): HostDevice | undefined {
		return this.#device;
	}

	async build(): Promise<void> {
		this.#runtime = await buildRuntime({ bits: this.bits, mode: "debug" });
	}

	/** Starts the server with certificates of an authority of its own. */
	async startServer(): Promise<void> {
		const authority = await createAuthority({ name: "Fleetling demo authority" });
		const issue = async (): Promise<Certificates["server"]> => {
			const { keyPEM, chainPEM } = await authority.issue({ names: ["localhost"], ips: ["127.0.0.1"] });
			return { key: keyPEM, cert: chainPEM };
		};
		await this.server.start({ server: await issue(), storage: await issue() });
		this.ca = authority.certPEM;
		writeFileSync(join(this.#folder, "ca.pem"), this.ca);
	}

	/** What the factory does. */
	makeFlash(image: Buffer): void {
		flashDevice(this.flash, image);
	}

	/** `settings` and `files` are configuration beyond what every device has, as texts and as paths of what holds them. */
	switchOn(hooks: DeviceHooks, settings: Configured = {}, files: Configured = {}): HostDevice {
		if (this.#closed) throw new Error("the demo has ended");
		if (this.#device) throw new Error("the device is on already");
		const device = new HostDevice({
			...{ runtime: this.#runtime, flash: this.flash, mac },
			settings: { server: this.server.kind, url: this.server.url, deviceType, pollSeconds: "1", ...settings },
			files: { ca: join(this.#folder, "ca.pem"), ...files },
			...hooks,
		});
		this.#device = device;
		const gone = (): void => {
			if (this.#device === device) this.#device = undefined;
		};
		device.done.then(gone, gone);
		return device;
	}

	async cutPower(): Promise<void> {
		await this.#device?.cutPower();
	}

	async close(): Promise<void> {
		this.#closed = true;
		await this.cutPower();
		await this.server.stop().catch(() => undefined);
		rmSync(this.#folder, { recursive: true, force: true });
	}
}
