import { FleetlingError } from "fleetling/error/error";
import { SHA256 } from "../../common/crypto";
import type { Installer, Payload } from "../installer";
import type { Checksums } from "./checksums";
import { artifactLimits as limits } from "./limits";
import { isDataName, numbered } from "./names";
import { Collector, part } from "./octets";
import { quoted } from "./quoted";
import type { TarListener, TarMember } from "./tar";

export interface PayloadOptions {
	/** Which payload; the archive is data/NNNN. */
	readonly index: number;
	readonly type: string;
	readonly metaData: Readonly<Record<string, unknown>> | undefined;
	readonly installer: Installer;
	readonly checksums: Checksums;
	/** The first byte of the first file is at `start` of what is being written. */
	readonly onFirst?: (start: number) => void;
}

/**
 * Hands the files of one payload to its installer, each under its checksum. A file counts as complete for the installer
 * only once its checksum was right.
 */
export class PayloadReader implements TarListener {
	readonly #options: PayloadOptions;
	readonly #folder: string;
	#name = "";
	#payload: Payload | undefined;
	#hash: SHA256 | undefined;
	/** The first bytes of a file that arrives in small pieces; undefined once the installer has seen them. */
	#head: Collector | undefined;
	#files = 0;
	#fresh = true;

	constructor(options: PayloadOptions) {
		this.#options = options;
		this.#folder = `data/${numbered(options.index)}/`;
	}

	begin({ name, size }: TarMember): void {
		const { type, metaData, installer, checksums } = this.#options;
		this.#name = `${this.#folder}${name}`;
		if (!isDataName(this.#name))
			throw new FleetlingError(
				"artifact.bad-payload",
				`the payload of the artifact holds a file called ${quoted(name)}; a name has letters, digits and . , _ - only`,
			);
		checksums.expect(this.#name);
		if (this.#files++ > 0 && installer.endFile === undefined)
			throw new FleetlingError(
				"artifact.bad-payload",
				`the payload of type ${quoted(type)} holds ${quoted(name)} besides another file; a payload of this type is one file`,
			);
		this.#payload = { type, size, name, ...(metaData && { metaData }) };
		this.#hash = new SHA256();
		this.#head = new Collector(0);
		if (size === 0) this.#begin(this.#head.bytes);
	}

	data(bytes: Uint8Array, start: number, end: number): void {
		if (this.#fresh) this.#options.onFirst?.(start);
		this.#fresh = false;
		this.#hash?.update(bytes, start, end - start);
		const at = this.#head === undefined ? start : this.#look(bytes, start, end);
		if (at < end) this.#options.installer.write(part(bytes, at, end));
	}

	end(): void {
		const digest = this.#hash?.digest();
		this.#hash = undefined;
		if (digest !== undefined) this.#options.checksums.verify(this.#name, digest);
		this.#options.installer.endFile?.();
	}

	close(): void {
		this.#hash?.close();
		this.#hash = undefined;
	}

	/** Gets enough of the file together for the installer to look at; returns where what it has not been given begins. */
	#look(bytes: Uint8Array, start: number, end: number): number {
		const wanted = Math.min(this.#payload?.size ?? 0, limits.payloadHead);
		let head = this.#head;
		if (head === undefined) return start;
		if (head.length === 0 && end - start >= wanted) {
			this.#begin(part(bytes, start, end));
			return start;
		}
		if (head.length === 0) {
			head = new Collector(wanted);
			this.#head = head;
		}
		const at = head.add(bytes, start, end);
		if (head.full) {
			this.#begin(head.bytes);
			this.#options.installer.write(head.bytes);
		}
		return at;
	}

	#begin(head: Uint8Array): void {
		this.#head = undefined;
		if (this.#payload !== undefined) this.#options.installer.begin(this.#payload, head);
	}
}
