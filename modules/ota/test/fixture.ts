/// <reference path="../../../targets/host/idf/flashcontrol.d.ts" />
import { assert } from "chai";
import { sha256 } from "fleetling/crypto/crypto";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import Flash, { type Boot, type Partition } from "fleetling/host/flash";

/** A small chip: 2 MiB, two slots of 640 KiB. */
export const chipSize = 0x200000;
export const slotSize = 0xa0000;
export const slotAddress = { ota_0: 0x10000, ota_1: 0xb0000 } as const;
export const otadataAddress = 0xd000;
const partitions: readonly Partition[] = [
	["nvs", 1, 2, 0x9000, 0x4000],
	["otadata", 1, 0, otadataAddress, 0x2000],
	["ota_0", 0, 0x10, slotAddress.ota_0, slotSize],
	["ota_1", 0, 0x11, slotAddress.ota_1, slotSize],
];

export interface ImageOptions {
	readonly version?: string;
	readonly chip?: number;
	/** Bytes of data beside the description. */
	readonly size?: number;
	readonly hash?: boolean;
	readonly description?: boolean;
}

function setText(bytes: Uint8Array, offset: number, text: string): void {
	for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
}

/** An application image, made from the format's description and not with the tool that the product has. */
export function makeImage({
	version = "1.0.0",
	chip = 0,
	size = 1000,
	hash = true,
	description = true,
}: ImageOptions = {}): Uint8Array {
	const segment = 256 + Math.ceil(size / 4) * 4;
	const body = Math.floor((24 + 8 + segment) / 16) * 16 + 16;
	const bytes = new Uint8Array(body + (hash ? 32 : 0));
	const view = new DataView(bytes.buffer);
	bytes.set([0xe9, 1, 2, 0x20]);
	view.setUint32(4, 0x40080000, true);
	view.setUint16(12, chip, true);
	view.setUint16(17, 399, true);
	bytes[23] = hash ? 1 : 0;
	view.setUint32(24, 0x3f400020, true);
	view.setUint32(28, segment, true);
	view.setUint32(32, description ? 0xabcd5432 : 0, true);
	setText(bytes, 48, version);
	setText(bytes, 80, "fleetling");
	for (let i = 32 + 256; i < 32 + segment; i++) bytes[i] = (i * 7 + version.length) & 0xff;
	let checksum = 0xef;
	for (let i = 32; i < 32 + segment; i++) checksum ^= bytes[i] ?? 0;
	bytes[body - 1] = checksum;
	if (hash) bytes.set(new Uint8Array(sha256(bytes.subarray(0, body))), body);
	return bytes;
}

/** A device as it leaves the factory, running from ota_0. */
export function makeDevice(image: Uint8Array = makeImage()): Boot {
	Flash.make(chipSize, partitions);
	Flash.write(slotAddress.ota_0, image);
	return Flash.boot();
}

/** Checks that `body` fails with a code, and returns the error. */
export function fails(code: ErrorCode, body: () => unknown): FleetlingError {
	let error: unknown;
	try {
		body();
	} catch (caught) {
		error = caught;
	}
	if (!(error instanceof FleetlingError)) throw new Error(`expected ${code}, got ${String(error)}`);
	assert.equal(error.code, code, error.message);
	return error;
}

/** Bytes of flash in a slot. */
export function slotBytes(label: keyof typeof slotAddress, offset: number, length: number): Uint8Array {
	return new Uint8Array(Flash.read(slotAddress[label] + offset, length));
}
