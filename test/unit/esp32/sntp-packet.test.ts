import { assert } from "chai";
import { packetSize, question, timeOf } from "fleetling/esp32/network/sntp-packet";
import { describe, it } from "test/harness";

const nonce = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);

/** An answer as a server of stratum 2 gives it. */
function answer(seconds: number, fraction = 0, edit: (view: DataView) => void = () => {}): Uint8Array {
	const packet = new Uint8Array(packetSize);
	const view = new DataView(packet.buffer);
	view.setUint8(0, (4 << 3) | 4);
	view.setUint8(1, 2);
	packet.set(nonce, 24);
	view.setUint32(40, seconds);
	view.setUint32(44, fraction);
	edit(view);
	return packet;
}

/** 2026-11-22T04:00:00Z in seconds since 1900. */
const now = Date.UTC(2026, 10, 22, 4) / 1000 + 2_208_988_800;

describe("SNTP packets", () => {
	it("a request is 48 bytes of version 4 from a client, with the nonce as its time", () => {
		const packet = question(nonce);
		assert.equal(packet.length, 48);
		assert.equal(packet[0], 0x23);
		assert.deepEqual([...packet.subarray(40)], [...nonce]);
		assert.isTrue(packet.subarray(1, 40).every((byte) => byte === 0));
	});
	it("the time is read to the millisecond", () => {
		assert.equal(new Date(timeOf(answer(now, 0x8000_0000), nonce) ?? 0).toISOString(), "2026-11-22T04:00:00.500Z");
	});
	it("an answer from a buffer with something before it is read as well", () => {
		const buffer = new Uint8Array(packetSize + 5);
		buffer.set(answer(now), 5);
		assert.equal(timeOf(buffer.subarray(5), nonce), Date.UTC(2026, 10, 22, 4));
	});
	it("the clock goes on after February 2036, when the seconds begin anew", () => {
		assert.equal(new Date(timeOf(answer(1), nonce) ?? 0).toISOString(), "2036-02-07T06:28:17.000Z");
	});
	const wrong: readonly (readonly [string, Uint8Array])[] = [
		["too short", answer(now).subarray(0, 47)],
		["another nonce", answer(now, 0, (view) => view.setUint8(31, 9))],
		["from a client", answer(now, 0, (view) => view.setUint8(0, 0x23))],
		["clock not set", answer(now, 0, (view) => view.setUint8(0, 0xe4))],
		["a message to go away", answer(now, 0, (view) => view.setUint8(1, 0))],
		["reserved stratum", answer(now, 0, (view) => view.setUint8(1, 16))],
		["no time", answer(0)],
	];
	for (const [name, packet] of wrong) {
		it(`is not believed: ${name}`, () => assert.isUndefined(timeOf(packet, nonce)));
	}
});
