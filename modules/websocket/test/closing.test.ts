import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { decodeClose, encodeClose, isCloseCode } from "fleetling/websocket/closing";
import { WebSocketError } from "fleetling/websocket/failure";
import { describe, it } from "test/harness";
import { hex, hexOf } from "./octets";

const codeOf = (action: () => unknown): string => {
	try {
		action();
	} catch (error) {
		if (error instanceof WebSocketError) return `${error.code} ${error.closeCode}`;
		if (error instanceof FleetlingError) return error.code;
		throw error;
	}
	return "none";
};

describe("websocket/closing", () => {
	it("knows the codes that may be sent", () => {
		const valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4001, 4002, 4999];
		const invalid = [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535, 65_536, 1000.5, Number.NaN];
		assert.deepEqual(
			valid.filter((code) => !isCloseCode(code)),
			[],
		);
		assert.deepEqual(
			invalid.filter((code) => isCloseCode(code)),
			[],
		);
	});
	for (const [code, reason, payload] of [
		[1000, "", "03e8"],
		[1001, "bye", "03e9627965"],
		[4999, "µ", "1387c2b5"],
		[3000, "a".repeat(123), `0bb8${"61".repeat(123)}`],
	] as const)
		it(`writes and reads ${code} with a reason of ${reason.length} characters`, () => {
			assert.equal(hexOf(encodeClose(code, reason)), payload);
			assert.deepEqual(decodeClose(hex(payload), "server.test"), { code, reason });
		});
	it("reads a frame without a code as 1005", () => {
		assert.deepEqual(decodeClose(new Uint8Array(0), "server.test"), { code: 1005, reason: "" });
	});
	for (const [payload, expected] of [
		["03", "websocket.protocol 1002"],
		["0000", "websocket.protocol 1002"],
		["03ec", "websocket.protocol 1002"],
		["03ed", "websocket.protocol 1002"],
		["03ee", "websocket.protocol 1002"],
		["03f7", "websocket.protocol 1002"],
		["1388", "websocket.protocol 1002"],
		["ffff", "websocket.protocol 1002"],
		["03e8ff", "websocket.bad-text 1007"],
		["03e8c3", "websocket.bad-text 1007"],
		["03e8eda080", "websocket.bad-text 1007"],
	] as const)
		it(`refuses ${payload}: ${expected}`, () => {
			assert.equal(
				codeOf(() => decodeClose(hex(payload), "server.test")),
				expected,
			);
		});
	for (const [name, code, reason] of [
		["1005", 1005, ""],
		["1006", 1006, ""],
		["1015", 1015, ""],
		["2000", 2000, ""],
		["a reason of 124 bytes", 1000, "a".repeat(124)],
		["a reason of 62 characters of two bytes", 1000, "µ".repeat(62)],
	] as const)
		it(`does not write ${name}`, () => {
			assert.equal(
				codeOf(() => encodeClose(code, reason)),
				"websocket.bad-use",
			);
		});
	it("writes half a surrogate pair as something that is UTF-8, or refuses it", () => {
		let payload: Uint8Array;
		try {
			payload = encodeClose(1000, "\ud800");
		} catch (error) {
			assert.instanceOf(error, FleetlingError);
			return;
		}
		assert.equal(decodeClose(payload, "server.test").code, 1000);
	});
	it("keeps a byte order mark", () => {
		assert.equal(decodeClose(hex("03e8efbbbf41"), "server.test").reason, "\ufeffA");
	});
});
