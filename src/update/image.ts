import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { descriptionMagic, imageMagic } from "fleetling/ota/format";

/**
 * The beginning of an ESP application image (esp_app_format.h and esp_app_desc.h of ESP-IDF): a header of 24 bytes, the
 * header of the first segment (8 bytes), and the application description, which the linker puts first of all.
 * The bootloader's own checks of the rest run in modules/ota when the image is complete; this is what can be known
 * before the first byte is written to flash.
 */
export const imageHeadBytes = 32 + 256;

const layout = frozen({
	magic: 0,
	chip: 12,
	descriptionMagic: 32,
	version: 48,
	project: 80,
	text: 32,
} as const);

export interface ImageHead {
	/** esp_chip_id_t. */
	readonly chip: number;
	readonly version: string;
	readonly project: string;
}

export function isImage(head: Uint8Array): boolean {
	return head[layout.magic] === imageMagic;
}

/** Reads the beginning of an image; throws `image.…` when it is none. */
export function readImageHead(head: Uint8Array): ImageHead {
	if (!isImage(head))
		throw new FleetlingError(
			"image.not-an-image",
			"the package does not begin like an ESP application image (0xE9); upload the .bin that the build made",
		);
	if (head.byteLength < imageHeadBytes)
		throw new FleetlingError(
			"image.truncated",
			`the image ends after ${head.byteLength} bytes, before its description; upload the package again`,
		);
	const view = new DataView(head.buffer, head.byteOffset, imageHeadBytes);
	if (view.getUint32(layout.descriptionMagic, true) !== descriptionMagic)
		throw new FleetlingError(
			"image.no-description",
			"the image has no application description (esp_app_desc); build it with ESP-IDF 4.0 or later",
		);
	return {
		chip: view.getUint16(layout.chip, true),
		version: text(head, layout.version),
		project: text(head, layout.project),
	};
}

/** The chip that the image with this header was built for. */
export function readChip(header: Uint8Array): number {
	return new DataView(header.buffer, header.byteOffset, header.byteLength).getUint16(layout.chip, true);
}

/** A text field: ends with the first NUL. It comes from outside, so anything but printable ASCII becomes a dot. */
function text(bytes: Uint8Array, offset: number): string {
	let result = "";
	for (let at = offset; at < offset + layout.text; at++) {
		const code = bytes[at] ?? 0;
		if (code === 0) break;
		result += code < 0x20 || code > 0x7e ? "." : String.fromCharCode(code);
	}
	return result;
}
