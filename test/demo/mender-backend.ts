/**
 * The demo's Mender server: signed artifacts of the real mender-artifact, a storage host of its own with another certificate, and a
 * server that is told how an update ended.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ecKey } from "../artifacts/keys";
import { write } from "../artifacts/mender";
import type { DeviceDeployment } from "../servers/mender/deployments";
import { MenderServer } from "../servers/mender/server";
import type { Backend, Certificates, OfferedPackage } from "./backend";
import { deviceType, mac } from "./stage";

export class MenderBackend implements Backend {
	readonly kind = "mender";
	readonly settings = {};
	readonly #server = new MenderServer();
	readonly #folder = mkdtempSync(join(tmpdir(), "fleetling-mender-"));
	readonly #publicKey = join(this.#folder, "public.pem");
	readonly #privateKey = join(this.#folder, "private.pem");
	/** The device installs nothing that this has not signed. */
	readonly files = { artifactKeys: this.#publicKey };
	#artifact: { readonly name: string; readonly content: Buffer } | undefined;
	#deployment: DeviceDeployment | undefined;

	constructor() {
		const { privatePEM, publicPEM } = ecKey();
		writeFileSync(this.#privateKey, privatePEM, { mode: 0o600 });
		writeFileSync(this.#publicKey, publicPEM);
	}

	get url(): string {
		return this.#server.url;
	}

	get log(): MenderServer["log"] {
		return this.#server.log;
	}

	get connections(): MenderServer["connections"] {
		return this.#server.connections;
	}

	get whereabouts(): string {
		const { url, storageURL } = this.#server;
		return `a Mender server listens on ${url} and its storage on ${storageURL}, with certificates from an authority made just now`;
	}

	start({ server, storage }: Certificates): Promise<void> {
		return this.#server.start({ tls: server, storageTls: storage });
	}

	async stop(): Promise<void> {
		await this.#server.stop();
		rmSync(this.#folder, { recursive: true, force: true });
	}

	async pending(timeout: number): Promise<void> {
		await this.#server.waitForPending(mac, timeout);
	}

	approve(): void {
		this.#server.accept(mac);
	}

	makePackage(image: Buffer, version: string): OfferedPackage {
		const name = `release-${version}`;
		const firmware = join(this.#folder, "firmware.bin");
		const path = join(this.#folder, `${name}.mender`);
		writeFileSync(firmware, image);
		write(path, { kind: "rootfs-image", name, deviceTypes: [deviceType], files: [firmware], key: this.#privateKey });
		const content = readFileSync(path);
		this.#artifact = { name, content };
		return { bytes: content.length, name: `the artifact ${name}, signed,`, form: `${name}.mender, signed with P-256` };
	}

	offer(): void {
		if (this.#artifact === undefined) throw new Error("there is no artifact to deploy yet");
		this.#deployment = this.#server.deploy(mac, { ...this.#artifact, deviceTypes: [deviceType] });
	}

	async settled(timeout: number): Promise<string> {
		const deployment = this.#deployment;
		const name = this.#artifact?.name ?? "";
		if (deployment === undefined) throw new Error("nothing was deployed");
		await this.#server.until(deployment, "success", timeout);
		const query = `artifact_name=${encodeURIComponent(name)}`;
		await this.log.next(
			({ route, status, query: asked }) => route === "check" && status === 204 && asked.includes(query),
			timeout,
		);
		return `the server has accepted its success, and only now does the device go by the name ${name}`;
	}
}
