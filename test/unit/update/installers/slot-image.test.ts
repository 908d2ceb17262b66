import { assert } from "chai";
import { type SlotImageOptions, slotImages } from "fleetling/update/installers/slot-image";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { image, thisProject } from "../../fakes/image";
import { FakeSlots } from "../../fakes/slots";

/** Offers an image to an installer, and gives it all when it is taken. */
function install(bytes: Uint8Array, options: SlotImageOptions = {}, size: number | undefined = bytes.byteLength): FakeSlots {
	const slots = new FakeSlots();
	const installer = slotImages([], options)["esp32-image"]?.(slots);
	installer?.begin({ type: "esp32-image", size }, bytes.subarray(0, 512));
	installer?.write(bytes);
	installer?.finish();
	return slots;
}

function changed(at: number, value: number): Uint8Array {
	const bytes = image();
	new DataView(bytes.buffer).setUint32(at, value, true);
	return bytes;
}

function secure(version: number): Uint8Array {
	return changed(36, version);
}

describe("slot image", () => {
	it("goes by several names", () => {
		const kinds = slotImages(["rootfs-image", "zephyr-image"]);
		assert.deepEqual(Object.keys(kinds), ["esp32-image", "rootfs-image", "zephyr-image"]);
		for (const make of Object.values(kinds)) assert.isTrue(make(new FakeSlots()).alone);
	});

	it("is taken as it is by default", () => assert.deepEqual(install(image()).calls, ["write 1000", "finish"]));

	it("may be of another project that is named", () =>
		assert.include(install(image({ project: "next" }), { projects: ["other", "next"] }).calls, "finish"));

	for (const version of [3, 4, 0xffffffff])
		it(`may have secure version ${version} where 3 is the least`, () =>
			assert.include(install(secure(version), { minimumSecureVersion: 3 }).calls, "finish"));

	it("without any requirement may have secure version 0", () => assert.include(install(secure(0)).calls, "finish"));

	const segments = (count: number): Uint8Array => {
		const bytes = image();
		bytes[1] = count;
		return bytes;
	};
	const unhashed = image();
	unhashed[23] = 0;
	const refused: readonly (readonly [string, Parameters<typeof rejects>[0], Uint8Array, SlotImageOptions, string])[] = [
		["another project", "update.wrong-project", image({ project: "next" }), { projects: ["other"] }, thisProject],
		["a lower secure version", "image.insecure", secure(2), { minimumSecureVersion: 3 }, "secure version 2"],
		["no segments", "image.bad-segments", segments(0), {}, "0 segments"],
		["too many segments", "image.bad-segments", segments(17), {}, "17 segments"],
		["a first segment without room for a description", "image.bad-segments", changed(28, 252), {}, "252"],
		["a first segment of an odd length", "image.bad-segments", changed(28, 258), {}, "258"],
		["a first segment beyond the image", "image.truncated", changed(28, 4096), {}, "4096"],
		["no hash appended", "image.no-hash", unhashed, {}, "SHA-256"],
		["no image at all", "image.not-an-image", new Uint8Array(1000), {}, "0xE9"],
		["half a head", "image.truncated", image().subarray(0, 200), {}, "200"],
	];
	for (const [what, code, bytes, options, text] of refused)
		it(`is refused with ${what} before flash is touched`, async () => {
			const slots = new FakeSlots();
			const installer = slotImages([], options)["esp32-image"]?.(slots);
			await rejects(code, () => installer?.begin({ type: "esp32-image", size: bytes.byteLength }, bytes.subarray(0, 512)), text);
			installer?.abort();
			assert.deepEqual(slots.calls, []);
		});

	it("that never came cannot be finished", () =>
		rejects("image.truncated", () => slotImages()["esp32-image"]?.(new FakeSlots()).finish(), "no image").then(() => {}));
});
