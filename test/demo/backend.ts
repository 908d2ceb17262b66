/** What the story of an update needs of a server, whichever protocol that speaks. */
import type { TlsOptions } from "node:tls";
import type { ConnectionRecord, RequestLog } from "../servers/rdfm/records";

/** What is offered, as the summary tells it. */
export interface OfferedPackage {
	readonly bytes: number;
	/** In the story's words, e.g. "1.1.0". */
	readonly name: string;
	/** What kind of package it is, for the summary. */
	readonly form: string;
}

export interface Certificates {
	readonly server: TlsOptions;
	/** Of a storage host of its own, for a server that has one. */
	readonly storage: TlsOptions;
}

export interface Backend {
	/** Value of the device's configuration key `server`. */
	readonly kind: string;
	readonly url: string;
	readonly log: RequestLog;
	readonly connections: readonly ConnectionRecord[];
	start(certificates: Certificates): Promise<void>;
	stop(): Promise<void>;
	/** One sentence about where it listens. */
	readonly whereabouts: string;
	/** What the device is configured with for this kind of server, and what of it comes from files. */
	readonly settings: Readonly<Record<string, string>>;
	readonly files: Readonly<Record<string, string>>;
	/** The device has asked to be let in. */
	pending(timeout: number): Promise<void>;
	approve(): void;
	/** Makes a package of the firmware, tells nobody yet. */
	makePackage(image: Buffer, version: string): OfferedPackage;
	/** From now on the device is offered that package. */
	offer(): void;
	/** After the confirmation: the server knows how it ended. Returns one sentence. */
	settled(timeout: number): Promise<string>;
}
