/** Application images as far as their beginning goes, which is all that JavaScript looks at. */

export interface ImageOptions {
	readonly chip?: number;
	readonly version?: string;
	readonly project?: string;
	readonly length?: number;
}

export const thisChip = 5;
export const thisProject = "fleetling";

export function image({
	chip = thisChip,
	version = "1.1.0",
	project = thisProject,
	length = 1000,
}: ImageOptions = {}): Uint8Array {
	const bytes = new Uint8Array(length);
	for (let at = 0; at < length; at++) bytes[at] = (at * 7) & 0xff;
	const view = new DataView(bytes.buffer);
	view.setUint8(0, 0xe9);
	// One segment, which holds the description, and a SHA-256 appended.
	view.setUint8(1, 1);
	view.setUint8(23, 1);
	view.setUint32(28, 256, true);
	view.setUint16(12, chip, true);
	view.setUint32(32, 0xabcd5432, true);
	put(bytes, 48, version);
	put(bytes, 80, project);
	return bytes;
}

function put(bytes: Uint8Array, offset: number, text: string): void {
	for (let at = 0; at < 32; at++) bytes[offset + at] = at < text.length ? text.charCodeAt(at) : 0;
}
