import { assert } from "chai";
import Flash from "fleetling/host/flash";
import * as ota from "fleetling/ota/ota";
import { describe, it } from "test/harness";
import { fails, makeDevice, makeImage, otadataAddress, slotAddress, slotBytes, slotSize } from "./fixture";

/** Writes an image into the inactive slot, not as an update does but all at once. */
function plant(image: Uint8Array): void {
	Flash.erase(slotAddress.ota_1, slotSize);
	Flash.write(slotAddress.ota_1, image);
}

describe("slots", () => {
	it("a new device runs from the first slot, which the bootloader has made valid", () => {
		const boot = makeDevice(makeImage({ version: "1.2.3" }));
		assert.equal(boot.label, "ota_0");
		const running = ota.running();
		assert.equal(running.label, "ota_0");
		assert.equal(running.state, "valid");
		assert.equal(running.address, slotAddress.ota_0);
		assert.equal(running.size, slotSize);
		assert.equal(running.description?.version, "1.2.3");
		assert.equal(running.description?.projectName, "fleetling");
		assert.equal(running.description?.elfSha256.length, 64);
	});
	it("the other slot is the inactive one, without state and description", () => {
		makeDevice();
		const inactive = ota.inactive();
		assert.equal(inactive.label, "ota_1");
		assert.equal(inactive.state, "undefined");
		assert.isUndefined(inactive.description);
		assert.deepEqual(
			ota.slots().map(({ label }) => label),
			["ota_0", "ota_1"],
		);
	});
	it("a slot that does not exist is an error", () => {
		makeDevice();
		fails("ota.no-slot", () => ota.slot("ota_7"));
		fails("ota.no-slot", () => ota.slot("nvs"));
		fails("ota.no-slot", () => ota.read("ota_7", 0, new ArrayBuffer(1)));
	});
	it("reads a slot, also into a view, and not past its end", () => {
		const image = makeImage();
		makeDevice(image);
		const whole = new Uint8Array(64);
		ota.read("ota_0", 0, whole);
		assert.deepEqual(Array.from(whole), Array.from(image.subarray(0, 64)));
		const part = new Uint8Array(8).fill(1);
		ota.read("ota_0", 16, part.subarray(2, 6));
		assert.deepEqual(Array.from(part), [1, 1, ...Array.from(image.subarray(16, 20)), 1, 1]);
		fails("ota.too-large", () => ota.read("ota_0", slotSize - 4, new ArrayBuffer(8)));
	});
});

describe("verification", () => {
	const check = (image: Uint8Array): void => {
		makeDevice();
		plant(image);
		ota.verify("ota_1");
	};
	it("takes a whole image", () => check(makeImage()));
	it("refuses a blank slot", () => {
		makeDevice();
		fails("image.not-an-image", () => ota.verify("ota_1"));
	});
	it("refuses an image for another chip and names both", () => {
		const error = fails("image.wrong-chip", () => check(makeImage({ chip: 5 })));
		assert.include(error.message, "ESP32-C3");
	});
	it("refuses an image without hash and one without description", () => {
		fails("image.no-hash", () => check(makeImage({ hash: false })));
		fails("image.no-description", () => check(makeImage({ description: false })));
	});
	it("refuses an image with one wrong byte anywhere", () => {
		const image = makeImage({ size: 300 });
		for (let i = 0; i < image.length; i += 37) {
			const wrong = image.slice();
			wrong[i] = (wrong[i] ?? 0) ^ 0x10;
			let refused = false;
			try {
				check(wrong);
			} catch (error) {
				refused = String(error).startsWith("image.");
			}
			assert.ok(refused, `byte ${i}`);
		}
	});
	it("refuses segments that are none", () => {
		const many = makeImage();
		many[1] = 17;
		fails("image.bad-segments", () => check(many));
		const odd = makeImage();
		odd[28] = (odd[28] ?? 0) | 1;
		fails("image.bad-segments", () => check(odd));
		const long = makeImage();
		long[30] = 0xff;
		fails("image.truncated", () => check(long));
	});
});

describe("trial", () => {
	const update = (version: string): void => {
		makeDevice(makeImage({ version: "1.0.0" }));
		plant(makeImage({ version }));
		ota.activate("ota_1");
	};
	it("an activated slot boots on trial and stays when it is confirmed", () => {
		update("1.1.0");
		assert.equal(ota.next().label, "ota_1");
		assert.equal(ota.next().state, "new");
		const boot = Flash.boot();
		assert.equal(boot.label, "ota_1");
		assert.equal(boot.version, "1.1.0");
		assert.equal(ota.running().state, "pending-verify");
		assert.ok(ota.canRollBack());
		ota.confirm();
		assert.equal(ota.running().state, "valid");
		assert.equal(Flash.boot().label, "ota_1");
	});
	it("without confirmation the next boot goes back and tells which slot failed", () => {
		update("1.1.0");
		Flash.boot();
		assert.equal(Flash.boot().label, "ota_0");
		assert.equal(ota.slot("ota_1").state, "aborted");
		assert.equal(ota.lastInvalid()?.label, "ota_1");
		assert.equal(Flash.boot().label, "ota_0");
	});
	it("a slot without a valid image cannot be activated", () => {
		makeDevice();
		fails("image.not-an-image", () => ota.activate("ota_1"));
		const broken = makeImage();
		broken[400] = (broken[400] ?? 0) ^ 1;
		plant(broken);
		fails("image.corrupt", () => ota.activate("ota_1"));
		assert.equal(ota.next().label, "ota_0");
	});
	it("the running slot cannot be activated, and nothing while on trial", () => {
		update("1.1.0");
		fails("ota.running", () => ota.activate("ota_0"));
		Flash.boot();
		fails("ota.on-trial", () => ota.activate("ota_0"));
	});
	it("activating twice writes once", () => {
		update("1.1.0");
		const before = Flash.counters.operations;
		ota.activate("ota_1");
		assert.equal(Flash.counters.operations, before);
	});
	it("activation can be taken back", () => {
		update("1.1.0");
		ota.deactivate();
		assert.equal(ota.next().label, "ota_0");
		assert.equal(ota.running().state, "valid");
		assert.equal(Flash.boot().label, "ota_0");
		assert.equal(ota.running().state, "valid");
	});
	it("confirmation does not reach a slot that was activated since", () => {
		update("1.1.0");
		Flash.boot();
		Flash.boot();
		ota.activate("ota_1");
		ota.confirm();
		assert.equal(ota.slot("ota_1").state, "new", "the running firmware is not on trial: nothing to confirm");
		fails("ota.activated", () => ota.rollback());
	});
	it("without a second firmware there is no rollback", () => {
		makeDevice();
		assert.notOk(ota.canRollBack());
		fails("ota.no-rollback", () => ota.rollback());
	});
	it("an invalidated slot boots no more, not even when the running one is damaged", () => {
		update("1.1.0");
		ota.invalidate("ota_1");
		assert.equal(ota.next().label, "ota_0");
		fails("image.not-an-image", () => ota.activate("ota_1"));
		assert.equal(slotBytes("ota_1", 0, 1)[0], 0xff);
		Flash.write(slotAddress.ota_0 + 400, new Uint8Array(8));
		let text = "";
		try {
			Flash.boot();
		} catch (error) {
			text = String(error);
		}
		assert.include(text, "no partition holds a firmware image");
	});
	it("the running slot cannot be invalidated", () => {
		makeDevice();
		fails("ota.running", () => ota.invalidate("ota_0"));
	});
	it("one good update costs four erases of otadata", () => {
		update("1.1.0");
		Flash.boot();
		ota.confirm();
		// Two for making the flash; then the first boot of all, activation, start of the trial, confirmation.
		assert.equal(Flash.region(otadataAddress, 0x2000).erases, 2 + 4);
	});
});
