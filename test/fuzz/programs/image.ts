/**
 * Firmware images: what the sanity checks let through is written to a slot of the flash model and verified there, as on a
 * device. What verification accepts must boot, and what it refuses must not.
 */
/// <reference path="../../../targets/host/idf/flashcontrol.d.ts" />
import { SHA256 } from "fleetling/common/crypto";
import { FleetlingError } from "fleetling/error/error";
import Flash from "fleetling/host/flash";
import * as ota from "fleetling/ota/ota";
import { isImage, readImageHead } from "fleetling/update/image";
import { checkSecureVersion, checkStructure } from "fleetling/update/installers/image-checks";
import { makeDevice, makeImage, slotAddress } from "../../../modules/ota/test/fixture";
import type { Random } from "../../../modules/websocket/test/random";
import { awkward, type Change, must } from "./changes";
import { fuzz } from "./engine";

const most = 20_000;
/** What is erased for each input: all that one can write. */
const erased = 0x8000;

/** Checksum and hash as the image's own structure wants them, if it has one. */
function sealed(input: Uint8Array): Uint8Array {
	const image = input.slice();
	const view = new DataView(image.buffer);
	const segments = image[1] ?? 0;
	let checksum = 0xef;
	let at = 24;
	for (let i = 0; i < segments; i++) {
		if (at + 8 > image.byteLength) return image;
		const size = view.getUint32(at + 4, true);
		at += 8;
		if (at + size > image.byteLength) return image;
		for (let end = at + size; at < end; at++) checksum ^= image[at] ?? 0;
	}
	const body = Math.floor(at / 16) * 16 + 16;
	if (body > image.byteLength) return image;
	image[body - 1] = checksum;
	if (body + 32 > image.byteLength) return image;
	image.set(new Uint8Array(new SHA256().update(image.subarray(0, body)).digest()), body);
	return image;
}

const header: Change = (input, random) => {
	const image = input.slice();
	if (image.byteLength < 300) return image;
	const view = new DataView(image.buffer);
	switch (random.below(6)) {
		case 0:
			view.setUint8(1, random.pick([0, 1, 2, 16, 17, 255]));
			break;
		case 1:
			view.setUint32(28, random.once(2) ? awkward(random) % 2 ** 32 : random.below(6000) * 4, true);
			break;
		case 2:
			view.setUint8(random.below(24), random.below(256));
			break;
		case 3:
			view.setUint16(12, random.pick([0, 2, 5, 9, 65_535]), true);
			break;
		case 4:
			view.setUint8(32 + random.below(256), random.below(256));
			break;
		default:
			view.setUint8(23, random.below(3));
	}
	return random.once(4) ? image : sealed(image);
};

/** Several segments where there was one. */
const segments: Change = (input, random) => {
	const count = 1 + random.below(17);
	const sizes = Array.from({ length: count }, (_, at) => (at === 0 ? 256 : 0) + random.below(40) * (random.once(20) ? 1 : 4));
	const body = Math.floor((24 + sizes.reduce((sum, size) => sum + 8 + size, 0)) / 16) * 16 + 16;
	const image = new Uint8Array(body + 32);
	image.set(input.subarray(0, 24 + 8 + 256));
	image[1] = count;
	let at = 24;
	for (const size of sizes) {
		new DataView(image.buffer).setUint32(at + 4, size, true);
		at += 8 + size;
	}
	return sealed(image);
};

function check(input: Uint8Array): void {
	const head = readImageHead(input);
	must(head.version.length <= 32 && head.project.length <= 32, "a text that is longer than its field");
	checkStructure(input, input.byteLength);
	checkSecureVersion(input, 0);
}

function ending(work: () => void): string {
	try {
		work();
		return "";
	} catch (error) {
		if (error instanceof FleetlingError) return error.code;
		throw error;
	}
}

const running = makeImage();
makeDevice(running);
/** otadata as it is while the running firmware is confirmed. */
const otadata = new Uint8Array(Flash.read(0xd000, 0x2000));

fuzz({
	most,
	run(input, random) {
		Flash.erase(slotAddress.ota_1, erased);
		Flash.erase(0xd000, 0x2000);
		Flash.write(0xd000, otadata);
		must(Flash.boot().label === "ota_0", "the confirmed firmware does not boot");
		const looked = isImage(input) ? ending(() => check(input)) : "image.not-an-image";
		const writer = new ota.Writer(random.once(2) ? { size: input.byteLength } : {});
		const longest = random.pick([100, 1000, 4096, most]);
		const wrote = ending(() => {
			for (let at = 0; at < input.byteLength; at += longest) writer.write(input.subarray(at, at + longest));
			writer.finish();
		});
		writer.close();
		const verified = ending(() => ota.verify("ota_1"));
		must(wrote !== "" || verified === "", `written well, and then ${verified}`);
		const activated = ending(() => ota.activate("ota_1"));
		must(activated === "" || verified !== "", `verified, and not activated: ${activated}`);
		const { label } = Flash.boot();
		must(label === (activated === "" ? "ota_1" : "ota_0"), `${label} has booted after "${activated}"`);
		must(wrote !== "" || label === "ota_1", "a good image does not boot");
		return `${looked} ${wrote} ${activated}`;
	},
	changes: [header, header, segments, (input: Uint8Array, _: Random) => sealed(input)],
});
