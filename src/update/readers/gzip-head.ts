import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { artifactLimits as limits } from "./limits";

/** RFC 1952 section 2.3.1. */
const flags = frozen({ checksum: 0x02, extra: 0x04, name: 0x08, comment: 0x10, reserved: 0xe0 } as const);
const fixedBytes = 10;
const magic = frozen([0x1f, 0x8b, 0x08]);

type Step = "fixed" | "extra-length" | "extra" | "name" | "comment" | "checksum" | "done";

export function gzipFault(what: string, text: string): FleetlingError {
	return new FleetlingError("artifact.bad-gzip", `${what} ${text}; upload the artifact to the server again`);
}

/** Reads the head of a gzip member byte by byte: it is short, and nothing in it matters but where it ends. */
export class GzipHead {
	readonly #what: string;
	#step: Step = "fixed";
	#flags = 0;
	#length = 0;
	/** Bytes of the step that have come. */
	#count = 0;
	#extra = 0;

	constructor(what: string) {
		this.#what = what;
	}

	get done(): boolean {
		return this.#step === "done";
	}

	/** Bytes of the head so far. */
	get length(): number {
		return this.#length;
	}

	/** Takes bytes until the head is complete; returns where it stopped. */
	read(bytes: Uint8Array, start: number, end: number): number {
		let at = start;
		while (at < end && this.#step !== "done") this.#byte(bytes[at++] ?? 0);
		return at;
	}

	#byte(value: number): void {
		if (++this.#length > limits.gzipHead)
			throw new FleetlingError(
				"artifact.too-large",
				`${this.#what} has a gzip header of more than ${limits.gzipHead} bytes; write it again`,
			);
		const count = this.#count++;
		switch (this.#step) {
			case "fixed":
				if (count < magic.length && value !== magic[count])
					throw gzipFault(this.#what, "is not compressed with gzip as its name says");
				if (count === 3) this.#flags = value;
				if (count === 3 && value & flags.reserved) throw gzipFault(this.#what, "has a gzip header of an unknown kind");
				if (this.#count === fixedBytes) this.#next("extra-length");
				break;
			case "extra-length":
				this.#extra |= value << (8 * count);
				if (this.#count === 2) this.#next("extra");
				break;
			case "extra":
				if (this.#count === this.#extra) this.#next("name");
				break;
			case "name":
				if (value === 0) this.#next("comment");
				break;
			case "comment":
				if (value === 0) this.#next("checksum");
				break;
			case "checksum":
				// Of the head alone: what the head says is not used.
				if (this.#count === 2) this.#next("done");
				break;
		}
	}

	/** On to `step`, or past it when the head does not have it. */
	#next(step: Step): void {
		this.#step = step;
		this.#count = 0;
		const has = (flag: number): boolean => (this.#flags & flag) !== 0;
		if (step === "extra-length" && !has(flags.extra)) this.#next("name");
		else if (step === "extra" && this.#extra === 0) this.#next("name");
		else if (step === "name" && !has(flags.name)) this.#next("comment");
		else if (step === "comment" && !has(flags.comment)) this.#next("checksum");
		else if (step === "checksum" && !has(flags.checksum)) this.#next("done");
	}
}
