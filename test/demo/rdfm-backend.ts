/** The demo's RDFM server: the firmware itself is the package, and the server has no word for how an update ended. */
import type { Package } from "../servers/rdfm/packages";
import { RdfmServer } from "../servers/rdfm/server";
import type { Backend, Certificates, OfferedPackage } from "./backend";
import { deviceType, mac } from "./stage";

export class RdfmBackend implements Backend {
	readonly kind = "rdfm";
	readonly settings = {};
	readonly files = {};
	/** With what the demo's page needs besides. */
	readonly rdfm = new RdfmServer();
	#package: Package | undefined;

	get url(): string {
		return this.rdfm.url;
	}

	get log(): RdfmServer["log"] {
		return this.rdfm.log;
	}

	get connections(): RdfmServer["connections"] {
		return this.rdfm.connections;
	}

	get whereabouts(): string {
		return `an RDFM server listens on ${this.url}, with a certificate from an authority made just now`;
	}

	start({ server }: Certificates): Promise<void> {
		return this.rdfm.start({ tls: server });
	}

	stop(): Promise<void> {
		return this.rdfm.stop();
	}

	async pending(timeout: number): Promise<void> {
		await this.rdfm.waitForPending(mac, timeout);
	}

	approve(): void {
		this.rdfm.approve(mac);
	}

	makePackage(image: Buffer, version: string): OfferedPackage {
		const metadata = { "rdfm.hardware.devtype": deviceType, "rdfm.software.version": version };
		this.#package = this.rdfm.addPackage(image, metadata);
		return { bytes: image.length, name: version, form: "firmware image" };
	}

	offer(): void {
		const version = this.#package?.metadata["rdfm.software.version"];
		this.rdfm.assign(mac, `exact_match,${version}`);
	}

	async settled(timeout: number): Promise<string> {
		await this.log.next((record) => record.route === "check" && record.status === 204, timeout);
		return "the server has nothing newer";
	}
}
