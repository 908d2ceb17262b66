import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import type { Checksums } from "./checksums";
import { artifactLimits as limits } from "./limits";
import { consistsOf, isDataName } from "./names";
import type { ByteSink } from "./octets";
import { Collector } from "./octets";
import { headerName } from "./stages";

const digits = 64;

/** What a line may speak of. In the file that is not signed, only what the format allows to be added after signing. */
const allowed: Readonly<Record<"manifest" | "manifest-augment", (name: string) => boolean>> = frozen({
	manifest: (name) => name === "version" || headerName(name) === "header" || isDataName(name),
	"manifest-augment": (name) => headerName(name) === "header-augment" || isDataName(name),
});

/** Reads `manifest` or `manifest-augment`: lines as sha256sum writes them. Keeps one line at a time. */
export class ManifestReader implements ByteSink {
	readonly #kind: keyof typeof allowed;
	readonly #checksums: Checksums;
	readonly #line = new Collector(limits.manifestLine + 1);
	#number = 1;

	constructor(kind: keyof typeof allowed, checksums: Checksums) {
		this.#kind = kind;
		this.#checksums = checksums;
	}

	write(bytes: Uint8Array, start: number, end: number): void {
		for (let at = start; at < end; ) {
			const newline = bytes.indexOf(0x0a, at);
			const stop = newline < 0 || newline >= end ? end : newline;
			this.#line.add(bytes, at, stop);
			if (this.#line.full) throw this.#fault(`has more than ${limits.manifestLine} characters`);
			at = stop;
			if (stop < end) {
				this.#read();
				at++;
			}
		}
	}

	finish(): void {
		if (this.#line.length !== 0) throw this.#fault("has no end");
		if (this.#number === 1) throw this.#fault("is missing");
	}

	close(): void {}

	#read(): void {
		const { bytes, length } = this.#line;
		let text = "";
		for (let at = 0; at < length; at++) text += String.fromCharCode(bytes[at] ?? 0);
		this.#line.clear();
		const sha256 = text.slice(0, digits).toLowerCase();
		const name = text.slice(digits + 2);
		if (sha256.length !== digits || !consistsOf(sha256, "0123456789abcdef") || text.slice(digits, digits + 2) !== "  ")
			throw this.#fault("is not a SHA-256, two spaces and a name");
		if (!allowed[this.#kind](name)) throw this.#fault("names what the format has no place for there");
		this.#checksums.add({ name, sha256, augmented: this.#kind === "manifest-augment" });
		this.#number++;
	}

	#fault(text: string): FleetlingError {
		return new FleetlingError(
			"artifact.bad-manifest",
			`line ${this.#number} of the artifact's ${this.#kind} ${text}; write the artifact again with mender-artifact or rdfm-artifact`,
		);
	}
}
