/** Flash files and images for the tests of the flash model. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFlash } from "../../targets/host/image/flash";
import { makeImage } from "../../targets/host/image/image";
import { type Entry, encodeEntry, sectorSize } from "./otadata";

/** A small chip: two slots of 256 KiB, and the same with a factory partition. */
export const layout = {
	storage: 0x9000,
	storageSize: 0x4000,
	otadata: 0xd000,
	ota_0: 0x10000,
	ota_1: 0x50000,
	factory: 0x90000,
	slotSize: 0x40000,
	chipSize: 0xd0000,
} as const;

const slots = `nvs, data, nvs, 0x9000, 0x4000
otadata, data, ota, 0xd000, 0x2000
ota_0, app, ota_0, 0x10000, 0x40000
ota_1, app, ota_1, 0x50000, 0x40000
`;
export const partitions = { slots, factory: `${slots}factory, app, factory, 0x90000, 0x40000\n` } as const;

/** Bytes that repeat nowhere near each other. */
export function pattern(length: number, seed: number): Buffer {
	const bytes = Buffer.alloc(length);
	for (let i = 0; i < length; i++) bytes[i] = Math.imul(i + 1, 2654435761 + seed) >>> 13;
	return bytes;
}

export const makeVersion = (version: string, size = 20_000): Buffer =>
	makeImage({ version, projectName: "test", segments: [{ data: pattern(size, size) }] });

export interface DeviceOptions {
	readonly table?: keyof typeof partitions;
	readonly contents?: Readonly<Record<string, Uint8Array>>;
	readonly otadata?: readonly [Entry | Uint8Array | undefined, Entry | Uint8Array | undefined];
}

const entryBytes = (entry: Entry | Uint8Array | undefined): Uint8Array =>
	entry === undefined ? new Uint8Array() : entry instanceof Uint8Array ? entry : encodeEntry(entry);

/** A folder for flash files that is removed in the end. */
export class Workshop {
	readonly folder = mkdtempSync(join(tmpdir(), "fleetling-flash-"));
	#count = 0;

	path(name: string): string {
		return join(this.folder, `${this.#count++}-${name}`);
	}

	write(name: string, bytes: Uint8Array): string {
		const path = this.path(name);
		writeFileSync(path, bytes);
		return path;
	}

	/** A flash file with firmware and otadata as given; `ota_0` with version 1.0.0 when nothing is. */
	device({ table = "slots", contents = { ota_0: makeVersion("1.0.0") }, otadata }: DeviceOptions = {}): string {
		const path = this.path("device.flash");
		const data = Buffer.alloc(2 * sectorSize, 0xff);
		otadata?.forEach((entry, index) => {
			data.set(entryBytes(entry), index * sectorSize);
		});
		makeFlash({ path, partitions: partitions[table], size: layout.chipSize, contents: { ...contents, otadata: data } });
		return path;
	}

	read(path: string, offset: number, length: number): Buffer {
		return readFileSync(path).subarray(offset, offset + length);
	}

	close(): void {
		rmSync(this.folder, { recursive: true, force: true });
	}
}
