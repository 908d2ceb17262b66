import { assert } from "chai";
import { SHA256 } from "fleetling/common/crypto";
import { FleetlingError } from "fleetling/error/error";
import { chipName } from "fleetling/ota/format";
import { blame } from "fleetling/update/blame";
import { Download } from "fleetling/update/download";
import { readChip, readImageHead } from "fleetling/update/image";
import { SlotImageInstaller } from "fleetling/update/installers/slot-image";
import { fingerprint, type Offer, parseSHA256 } from "fleetling/update/offer";
import { verbatim } from "fleetling/update/reader";
import { rawImage } from "fleetling/update/readers/raw-image";
import Hex from "hex";
import { describe, it } from "test/harness";
import { rejects } from "../fakes/errors";
import { image } from "../fakes/image";
import { FakeSlots } from "../fakes/slots";

const blockBytes = 512;

function hashOf(bytes: Uint8Array): string {
	return Hex.toString(new SHA256().update(bytes).digest()).toLowerCase();
}

/** Hands `bytes` over as a transfer does: full blocks in one reused buffer, the rest at the end. */
function feed(download: Download, bytes: Uint8Array, length: number | "unknown" = bytes.byteLength): void {
	download.begin(length === "unknown" ? {} : { length });
	for (let at = 0; at < bytes.byteLength; at += blockBytes) {
		const part = bytes.subarray(at, at + blockBytes);
		download.buffer.set(part);
		download.block(part.byteLength === blockBytes ? download.buffer : download.buffer.subarray(0, part.byteLength));
	}
	download.buffer.fill(0);
}

function make(slots: FakeSlots, bytes: Uint8Array, offer: Partial<Offer> = {}, percents: number[] = []): Download {
	return new Download({
		offer: { id: "1", url: "https://x/", sha256: hashOf(bytes), ...offer },
		blockBytes,
		slots,
		ticks: () => 0,
		readers: [verbatim(rawImage)],
		installers: { "esp32-image": (place) => new SlotImageInstaller(place) },
		onPercent: (percent) => percents.push(percent),
	});
}

describe("package", () => {
	it("ends up in the inactive slot, byte for byte, and is not active", () => {
		const slots = new FakeSlots();
		const bytes = image({ length: 3000 });
		const percents: number[] = [];
		const download = make(slots, bytes, {}, percents);
		feed(download, bytes);
		const installed = download.finish();
		assert.equal(installed.version, "1.1.0");
		assert.equal(installed.slot, "ota_1");
		assert.equal(download.position, 3000);
		assert.equal(download.fetched, 3000);
		assert.deepEqual(slots.written, [...bytes]);
		assert.deepEqual(slots.calls, ["write 3000", "finish"]);
		assert.deepEqual(percents, [0, 17, 34, 51, 68, 85, 100]);
		installed.activate();
		assert.deepEqual(slots.calls.slice(-1), ["activate"]);
		download.abort();
		assert.notInclude(slots.calls, "close");
	});

	it("may be of unknown length and without a hash", () => {
		const slots = new FakeSlots();
		const bytes = image();
		const download = new Download({
			offer: { id: "1", url: "https://x/" },
			blockBytes,
			slots,
			ticks: () => 0,
			readers: [verbatim(rawImage)],
			installers: { "esp32-image": (place) => new SlotImageInstaller(place) },
			onPercent: () => assert.fail("no percent without a total"),
		});
		feed(download, bytes, "unknown");
		assert.equal(download.finish().version, "1.1.0");
		assert.deepEqual(slots.calls, ["write undefined", "finish"]);
	});

	it("with a wrong hash is never validated, let alone activated", async () => {
		const slots = new FakeSlots();
		const bytes = image();
		const download = make(slots, bytes, { sha256: "0".repeat(64) });
		feed(download, bytes);
		await rejects("update.wrong-hash", () => download.finish(), hashOf(bytes), "0".repeat(64));
		download.abort();
		assert.deepEqual(slots.calls, ["write 1000", "close"]);
	});

	it("that lacks its end has a wrong hash", async () => {
		const slots = new FakeSlots();
		const bytes = image({ length: 2000 });
		const download = make(slots, bytes);
		feed(download, bytes.subarray(0, 1500), 1500);
		await rejects("update.wrong-hash", () => download.finish());
	});

	it("of another length than offered is refused before its first byte", async () => {
		const slots = new FakeSlots();
		const bytes = image();
		await rejects("update.wrong-size", () => feed(make(slots, bytes, { size: 999 }), bytes), "999", "1000");
		assert.deepEqual(slots.calls, []);
	});

	const refused = [
		["update.too-large", image({ length: 1025 }), "1025 bytes"],
		["image.wrong-chip", image({ chip: 9 }), "ESP32-S3"],
		["update.wrong-project", image({ project: "toaster" }), "toaster"],
		["update.same-version", image({ version: "1.0.0" }), "1.0.0"],
		["image.truncated", image().subarray(0, 287), "287"],
		["update.unknown-package", new Uint8Array(600).fill(0x3c), "ESP application image"],
	] as const;
	for (const [code, bytes, text] of refused)
		it(`is refused before flash is touched: ${code}`, async () => {
			const slots = new FakeSlots({ size: 1024 });
			const download = make(slots, bytes);
			await rejects(code, () => feed(download, bytes), text);
			download.abort();
			assert.deepEqual(slots.calls, []);
		});

	it("without an application description is refused", async () => {
		const slots = new FakeSlots();
		const bytes = image();
		bytes[32] = 0;
		await rejects("image.no-description", () => feed(make(slots, bytes), bytes));
		assert.deepEqual(slots.calls, []);
	});

	it("that turns out to be larger than the slot is stopped at its end", async () => {
		const slots = new FakeSlots({ size: 1024 });
		const bytes = image({ length: 2000 });
		const download = make(slots, bytes);
		await rejects("update.too-large", () => feed(download, bytes, "unknown"), "1024");
		download.abort();
		download.abort();
		assert.equal(slots.written.length, 1024);
		assert.deepEqual(slots.calls, ["write undefined", "close"]);
	});

	it("that is empty is refused", async () => {
		const slots = new FakeSlots();
		const empty = new Uint8Array(0);
		const download = make(slots, empty);
		feed(download, empty);
		await rejects("update.unknown-package", () => download.finish(), "empty");
		download.abort();
		assert.deepEqual(slots.calls, []);
	});

	it("passes on what the slot says of it", async () => {
		const slots = new FakeSlots();
		slots.fail = { call: "finish", error: new FleetlingError("image.truncated", "no more segments") };
		const bytes = image();
		const download = make(slots, bytes);
		feed(download, bytes);
		await rejects("image.truncated", () => download.finish(), "segments");
		download.abort();
		assert.deepEqual(slots.calls, ["write 1000", "close"]);
	});
});

describe("image head", () => {
	it("gives version, project and chip", () => {
		assert.deepEqual(readImageHead(image({ version: "2.0.0-rc.1", project: "p", chip: 0 })), {
			version: "2.0.0-rc.1",
			project: "p",
			chip: 0,
		});
	});

	it("is read where it lies in a larger buffer", () => {
		const large = new Uint8Array(2000);
		large.set(image({ version: "3" }), 100);
		assert.equal(readImageHead(large.subarray(100)).version, "3");
		assert.equal(readChip(large.subarray(100, 124)), 5);
	});

	it("bounds texts without an end and replaces what is not printable", () => {
		assert.equal(readImageHead(image({ version: "x".repeat(40) })).version.length, 32);
		assert.equal(readImageHead(image({ version: "1\n2\u007f\u00fc" })).version, "1.2..");
	});

	it("knows chips by name, and unknown ones by number", () => {
		assert.equal(chipName(13), "ESP32-C6");
		assert.equal(chipName(999), "chip number 999");
	});

	it("refuses what is no image", async () => {
		await rejects("image.not-an-image", () => readImageHead(new Uint8Array(400)));
		await rejects("image.not-an-image", () => readImageHead(new Uint8Array(0)));
	});
});

describe("offer", () => {
	it("takes hashes in either case", () => {
		assert.equal(parseSHA256("AB".repeat(32), "x"), "ab".repeat(32));
	});

	for (const text of ["", "ab", "g".repeat(64), "a".repeat(63), "a".repeat(65), " ".repeat(64)])
		it(`does not take "${text}" for a hash`, () =>
			rejects("server.bad-offer", () => parseSHA256(text, "the offer"), "the offer").then(() => {}));

	it("is recognised by its hash, otherwise by its name", () => {
		assert.equal(fingerprint({ id: "1", url: "u", sha256: "ab" }), "ab");
		assert.equal(fingerprint({ id: "1", url: "u" }), "id:1");
	});
});

describe("blame", () => {
	const cases = [
		["net.closed", "network"],
		["tls.untrusted", "network"],
		["http.bad-response", "network"],
		["server.failed", "network"],
		["image.wrong-chip", "package"],
		["update.wrong-hash", "package"],
		["update.too-large", "package"],
		["artifact.wrong-device", "package"],
		["update.restart-loop", "package"],
		["update.gone", "network"],
		["update.changed", "network"],
		["update.bad-range", "network"],
		["update.too-slow", "network"],
		["update.failed", "device"],
		["update.cancelled", "nobody"],
		["storage.failed", "device"],
		["artifact.no-memory", "device"],
		["crypto.failed", "device"],
	] as const;
	for (const [code, whose] of cases)
		it(`for ${code} lies with the ${whose}`, () => assert.equal(blame(new FleetlingError(code, "x")), whose));

	it("for a mistake of our own lies with the device", () => {
		assert.equal(blame(new TypeError("x")), "device");
	});
});
