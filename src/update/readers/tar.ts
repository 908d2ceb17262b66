import { FleetlingError } from "fleetling/error/error";
import { artifactLimits as limits } from "./limits";
import { type ByteSink, Collector } from "./octets";
import { type Extended, readExtended } from "./pax";
import { quoted } from "./quoted";
import { isZero, readTarHeader, tarBlock, tarFault } from "./tar-header";

export interface TarMember {
	readonly name: string;
	/** Bytes. */
	readonly size: number;
}

/** Hears what is in an archive. Whatever it throws ends the reading. */
export interface TarListener {
	begin(member: TarMember): void;
	/** The next bytes of the member, `bytes` from `start` to before `end`; valid until it returns. */
	data(bytes: Uint8Array, start: number, end: number): void;
	/** The member is complete. */
	end(): void;
	/** No more will come: lets go of native memory; idempotent. */
	close?(): void;
}

type State = "header" | "extended" | "data" | "padding" | "trailer";

/**
 * Takes a tar archive apart while it streams by, in pieces of any length. Costs one block of 512 bytes, whatever is in
 * the archive; hands the data on where they lie.
 *
 * Read are plain files in POSIX form, with extended headers for long names. Everything else is refused: an artifact has
 * no use for links, directories or devices.
 */
export class TarReader implements ByteSink {
	readonly #listener: TarListener;
	readonly #what: string;
	readonly #block = new Collector(tarBlock);
	#state: State = "header";
	#member: TarMember = { name: "", size: 0 };
	#records: Collector | undefined;
	#extended: Extended | undefined;
	/** Bytes of the data or of the padding to come. */
	#left = 0;
	#zeros = 0;

	/** `what` names the archive in errors, e.g. "header.tar". */
	constructor(listener: TarListener, what: string) {
		this.#listener = listener;
		this.#what = what;
	}

	write(bytes: Uint8Array, start: number, end: number): void {
		for (let at = start; at < end; ) at = this.#take(bytes, at, end);
	}

	finish(): void {
		if (this.#state === "trailer" && this.#zeros >= 2 * tarBlock) return;
		const where = this.#state === "data" ? `in the middle of ${quoted(this.#member.name)}` : "before its end";
		throw new FleetlingError("artifact.truncated", `${this.#what} stops ${where}; upload the artifact to the server again`);
	}

	close(): void {
		this.#listener.close?.();
	}

	/** Takes what belongs together; returns where it stopped. */
	#take(bytes: Uint8Array, at: number, end: number): number {
		switch (this.#state) {
			case "header": {
				const next = this.#block.add(bytes, at, end);
				if (this.#block.full) this.#header();
				return next;
			}
			case "extended": {
				const next = this.#records?.add(bytes, at, end) ?? end;
				this.#advance(next - at);
				return next;
			}
			case "data": {
				const next = Math.min(end, at + this.#left);
				this.#listener.data(bytes, at, next);
				this.#advance(next - at);
				return next;
			}
			case "padding": {
				const next = Math.min(end, at + this.#left);
				this.#needZeros(bytes, at, next, "has something between its files");
				this.#left -= next - at;
				if (this.#left === 0) this.#state = "header";
				return next;
			}
			case "trailer":
				this.#trailer(bytes, at, end);
				return end;
		}
	}

	#header(): void {
		const block = this.#block.bytes;
		this.#block.clear();
		if (isZero(block)) {
			if (this.#extended !== undefined) throw tarFault(this.#what, "ends behind an extended header");
			this.#state = "trailer";
			this.#zeros = tarBlock;
			return;
		}
		const { kind, name, size } = readTarHeader(block, this.#what);
		if (kind === "extended") this.#beginExtended(size);
		else this.#beginMember(name, size);
	}

	#beginExtended(size: number): void {
		if (this.#extended !== undefined) throw tarFault(this.#what, "holds two extended headers in a row");
		if (size > limits.pax)
			throw new FleetlingError(
				"artifact.too-large",
				`${this.#what} holds an extended header of ${size} bytes; at most ${limits.pax} are read`,
			);
		this.#extended = {};
		this.#records = new Collector(size);
		this.#begin("extended", size);
	}

	#beginMember(short: string, size: number): void {
		const { path: name = short, size: extended = size } = this.#extended ?? {};
		this.#extended = undefined;
		if (extended !== size) throw tarFault(this.#what, `gives two sizes for ${quoted(name)}`);
		if (name.length > limits.name)
			throw new FleetlingError(
				"artifact.too-large",
				`${this.#what} holds a file whose name has ${name.length} characters; at most ${limits.name} are read`,
			);
		this.#member = { name, size };
		this.#listener.begin(this.#member);
		this.#begin("data", size);
	}

	#begin(state: "extended" | "data", size: number): void {
		this.#state = state;
		this.#left = size;
		if (size === 0) this.#complete();
	}

	#advance(count: number): void {
		this.#left -= count;
		if (this.#left === 0) this.#complete();
	}

	#complete(): void {
		let size = this.#member.size;
		if (this.#records !== undefined) {
			const records = this.#records.bytes;
			this.#records = undefined;
			this.#extended = readExtended(records, this.#what);
			size = records.byteLength;
		} else this.#listener.end();
		this.#left = (tarBlock - (size % tarBlock)) % tarBlock;
		this.#state = this.#left === 0 ? "header" : "padding";
	}

	#trailer(bytes: Uint8Array, start: number, end: number): void {
		this.#needZeros(bytes, start, end, "goes on behind its end");
		this.#zeros += end - start;
		if (this.#zeros > limits.trailer)
			throw new FleetlingError(
				"artifact.too-large",
				`${this.#what} has more than ${limits.trailer} zeros behind its end; write it again`,
			);
	}

	/** What fills an archive up is nobody's data and under no checksum. */
	#needZeros(bytes: Uint8Array, start: number, end: number, text: string): void {
		for (let at = start; at < end; at++) if (bytes[at] !== 0) throw tarFault(this.#what, text);
	}
}
