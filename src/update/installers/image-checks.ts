import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";

/**
 * What the beginning of an image says beyond readImageHead (image.ts): offsets in esp_app_format.h and esp_app_desc.h of
 * ESP-IDF. The bootloader's own checks of the whole image run when it is complete; these need no write to flash.
 */
const layout = frozen({ segments: 1, hashAppended: 23, firstSegment: 28, secureVersion: 36 } as const);

const mostSegments = 16;
/** The description is 256 bytes at the start of the first segment. */
const descriptionBytes = 256;

/** Refuses an image by its structure. `head` was found to be that of an image with a description. */
export function checkStructure(head: Uint8Array, size: number | undefined): void {
	const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
	const segments = view.getUint8(layout.segments);
	if (segments === 0 || segments > mostSegments)
		throw new FleetlingError(
			"image.bad-segments",
			`the image says it has ${segments} segments, not 1 to 16; upload the build's .bin`,
		);
	const first = view.getUint32(layout.firstSegment, true);
	if (first % 4 !== 0 || first < descriptionBytes)
		throw new FleetlingError("image.bad-segments", `the first segment of the image has ${first} bytes; upload the build's .bin`);
	if (size !== undefined && first > size)
		throw new FleetlingError("image.truncated", `the image has ${size} bytes and its first segment ${first}; upload it again`);
	if (view.getUint8(layout.hashAppended) !== 1)
		throw new FleetlingError(
			"image.no-hash",
			"the image has no SHA-256 appended; build it with the default of esptool elf2image",
		);
}

/** Refuses an image that is older than what this device may run. */
export function checkSecureVersion(head: Uint8Array, least: number): void {
	const version = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(layout.secureVersion, true);
	if (version < least)
		throw new FleetlingError(
			"image.insecure",
			`the image has secure version ${version} and this device runs ${least} or later; build it with a higher CONFIG_BOOTLOADER_APP_SECURE_VERSION`,
		);
}
