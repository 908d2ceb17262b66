/** otadata: whatever is in its two sectors, a whole firmware boots and the functions of modules/ota keep their word. */
/// <reference path="../../../targets/host/idf/flashcontrol.d.ts" />
import { FleetlingError } from "fleetling/error/error";
import Flash from "fleetling/host/flash";
import * as ota from "fleetling/ota/ota";
import { crc32 } from "fleetling/update/readers/crc32";
import { makeDevice, makeImage, otadataAddress, slotAddress } from "../../../modules/ota/test/fixture";
import type { Random } from "../../../modules/websocket/test/random";
import { type Change, must } from "./changes";
import { fuzz } from "./engine";

const sector = 0x1000;
const entry = 32;

/** An entry as ESP-IDF writes one: the CRC covers the sequence number only. */
function put(bytes: Uint8Array, at: number, sequence: number, state: number): void {
	const view = new DataView(bytes.buffer, bytes.byteOffset + at * entry, entry);
	view.setUint32(0, sequence, true);
	view.setUint32(24, state, true);
	// CRC-32 as the ROM computes it with a start of all ones: without the inversion in front.
	view.setUint32(28, romCRC(new Uint8Array(bytes.buffer, bytes.byteOffset + at * entry, 4)), true);
}

/** esp_rom_crc32_le(UINT32_MAX, …). */
function romCRC(bytes: Uint8Array): number {
	let crc = 0;
	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
	}
	return ~crc >>> 0;
}

const entries: Change = (input, random) => {
	const bytes = new Uint8Array(2 * entry).fill(0xff);
	bytes.set(input.subarray(0, 2 * entry));
	const sequences = [0, 1, 2, 3, 4, 5, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1];
	const states = [0, 1, 2, 3, 4, 5, 0xffffffff];
	put(bytes, random.below(2), random.pick(sequences), random.pick(states));
	return bytes;
};

function attempt(work: () => void): string {
	try {
		work();
		return "done";
	} catch (error) {
		if (error instanceof FleetlingError) return error.code;
		throw error;
	}
}

/** The acts of an update and of a trial, any of them in any order. */
const acts: readonly ((random: Random) => void)[] = [
	() => ota.activate("ota_1"),
	() => ota.activate("ota_0"),
	() => ota.deactivate(),
	() => ota.confirm(),
	() => ota.invalidate("ota_1"),
	() => void ota.canRollBack(),
	() => void ota.lastInvalid(),
	() => void ota.next(),
];

makeDevice(makeImage({ version: "1.0.0" }));
const second = makeImage({ version: "2.0.0" });
Flash.write(slotAddress.ota_1, second);
must(crc32(new Uint8Array([0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39])) >>> 0 === 0xcbf43926, "CRC-32");

fuzz({
	most: 2 * entry,
	run(input, random) {
		Flash.erase(slotAddress.ota_1, sector);
		Flash.write(slotAddress.ota_1, second);
		Flash.erase(otadataAddress, 2 * sector);
		Flash.write(otadataAddress, input.subarray(0, entry));
		if (input.byteLength > entry) Flash.write(otadataAddress + sector, input.subarray(entry, 2 * entry));
		const boot = Flash.boot();
		must(boot.version === (boot.label === "ota_0" ? "1.0.0" : "2.0.0"), `${boot.label} with version ${boot.version}`);
		must(ota.running().label === boot.label, "another slot runs than has booted");
		must(ota.inactive().label !== boot.label, "the running slot is to be written");
		const states = ota.slots().map(({ state }) => state);
		const did: string[] = [];
		for (let times = random.below(4); times > 0; times--) did.push(attempt(() => random.pick(acts)(random)));
		const again = Flash.boot();
		must(
			again.version === (again.label === "ota_0" ? "1.0.0" : "2.0.0"),
			`${again.label} with version ${again.version} afterwards`,
		);
		return `${boot.label} ${boot.fallback} ${states.join(" ")}; ${[...new Set(did)].sort().join(" ")}; ${again.label}`;
	},
	changes: [entries, entries],
});
