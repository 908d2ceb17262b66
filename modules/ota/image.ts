import { FleetlingError } from "../error/error";
import { check } from "./errors";
import { chipName, descriptionMagic, imageMagic } from "./format";
import { Slots } from "./nativeota";

/** Layout of an application image (esp_app_format.h of ESP-IDF). All numbers are little-endian. */
const headerSize = 24;
const chipOffset = 12;
const hashAppendedOffset = 23;
const segmentHeaderSize = 8;
const mostSegments = 16;
const hashSize = 32;
/** The application description is at the start of the first segment (esp_app_desc.h). */
const descriptionOffset = headerSize + segmentHeaderSize;

function readView(label: string, offset: number, length: number): DataView {
	const bytes = new ArrayBuffer(length);
	check(Slots.read(label, offset, bytes), `reading ${label}`);
	return new DataView(bytes);
}

/**
 * What is wrong with the structure of the image in a slot, or undefined when it can only be its contents: magic, chip,
 * segments, appended SHA-256 and application description. ESP-IDF answers all of these with the same code.
 *
 * @param end Offset in the slot behind which nothing belongs to the image.
 */
export function structureFault(label: string, end: number): FleetlingError | undefined {
	const fault = (code: "not-an-image" | "bad-segments" | "no-hash" | "truncated" | "wrong-chip", text: string): FleetlingError =>
		new FleetlingError(`image.${code}`, `the image in ${label} ${text}`);
	if (end < headerSize) return fault("truncated", `has ${end} bytes, less than its header`);
	const header = readView(label, 0, headerSize);
	if (header.getUint8(0) !== imageMagic)
		return fault("not-an-image", `starts with ${header.getUint8(0)}, not with 233: this is no application image`);
	const chip = header.getUint16(chipOffset, true);
	if (chip !== Slots.chip()) return fault("wrong-chip", `is for ${chipName(chip)}, this device is ${chipName(Slots.chip())}`);
	const segments = header.getUint8(1);
	if (segments === 0 || segments > mostSegments) return fault("bad-segments", `says it has ${segments} segments, not 1 to 16`);
	let length = headerSize;
	for (let i = 0; i < segments; i++) {
		if (length + segmentHeaderSize > end) return fault("truncated", `ends before segment ${i} of ${segments}`);
		const size = readView(label, length + 4, 4).getUint32(0, true);
		if (size % 4 !== 0) return fault("bad-segments", `has a segment ${i} of ${size} bytes, not a multiple of four`);
		length += segmentHeaderSize + size;
	}
	// The checksum is the last byte of a line of 16.
	length = Math.floor(length / 16) * 16 + 16;
	if (header.getUint8(hashAppendedOffset) !== 1)
		return fault("no-hash", "has no SHA-256 appended: build it with the default of esptool elf2image");
	if (length + hashSize > end) return fault("truncated", `is ${length + hashSize} bytes long, of which ${end} are there`);
	if (readView(label, descriptionOffset, 4).getUint32(0, true) !== descriptionMagic)
		return new FleetlingError("image.no-description", `the image in ${label} has no application description`);
	return undefined;
}

/** For an image that verification refused: the most precise error there is. */
export function imageFault(label: string, end: number): FleetlingError {
	return (
		structureFault(label, end) ??
		new FleetlingError(
			"image.corrupt",
			`the image in ${label} is refused: its checksum, SHA-256 or signature is wrong, or it needs another chip revision`,
		)
	);
}
