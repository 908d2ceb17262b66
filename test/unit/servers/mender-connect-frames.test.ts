import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { makeBody, makeFrame, parseBody, parseFrame } from "fleetling/servers/mender/connect/frame";
import { MessagePackReader } from "fleetling/servers/mender/connect/msgpack-reader";
import { MessagePackWriter } from "fleetling/servers/mender/connect/msgpack-writer";
import Hex from "hex";
import { describe, it } from "test/harness";
import TextEncoder from "text/encoder";
import { protomsgFrames, recordedSession } from "../../servers/mender/recorded/protomsg-frames";

const bytesOf = (hex: string): Uint8Array => new Uint8Array(hex === "" ? new ArrayBuffer(0) : Hex.toBuffer(hex));
const hexOf = (bytes: Uint8Array): string => Hex.toString(bytes.slice().buffer as ArrayBuffer).toLowerCase();
const utf8 = (text: string): Uint8Array => new Uint8Array(new TextEncoder().encode(text));
const reader = (hex: string): MessagePackReader => new MessagePackReader(bytesOf(hex), "a test");
const session = recordedSession;

function refused(text: string, work: () => unknown): void {
	try {
		work();
	} catch (error) {
		if (!(error instanceof FleetlingError)) throw error;
		assert.equal(error.code, "server.bad-answer");
		assert.include(error.message, text);
		return;
	}
	assert.fail(`nothing was refused, expected: ${text}`);
}

describe("device connect: frames of the real server", () => {
	const known: Readonly<Record<keyof typeof protomsgFrames, readonly [protocol: number, type: string]>> = {
		"control/ping": [0xffff, "ping"],
		"control/pong": [0xffff, "pong"],
		"control/open": [0xffff, "open"],
		"control/accept": [0xffff, "accept"],
		"control/close": [0xffff, "close"],
		"control/error": [0xffff, "error"],
		"shell/new 80x24": [1, "new"],
		"shell/shell": [1, "shell"],
		"shell/stop": [1, "stop"],
		"shell/ping": [1, "ping"],
		"ft/stat": [2, "stat"],
		"ft/get_file": [2, "get_file"],
		"ft/chunk": [2, "file_chunk"],
		"ft/ack": [2, "ack"],
		"pf/new": [3, "new"],
		"mc/check-update": [4, "check-update"],
		"mc/send-inventory": [4, "send-inventory"],
	};
	for (const [name, [protocol, type]] of Object.entries(known))
		it(`reads ${name}`, () => {
			const frame = parseFrame(bytesOf(protomsgFrames[name as keyof typeof protomsgFrames]));
			assert.equal(frame.protocol, protocol);
			assert.equal(frame.type, type);
			assert.equal(frame.session, session);
		});

	const parsed = (name: keyof typeof protomsgFrames) => parseFrame(bytesOf(protomsgFrames[name]));
	it("reads what is in them", () => {
		assert.deepEqual(Array.from(parsed("shell/new 80x24").properties), [
			["terminal_height", 24],
			["terminal_width", 80],
		]);
		assert.deepEqual(Array.from(parsed("shell/shell").body), [0x6c, 0x73, 0x0d, 0x0a]);
		assert.equal(parsed("ft/chunk").properties.get("offset"), 0);
		assert.equal(parsed("ft/ack").properties.get("offset"), 4);
		assert.deepEqual(Array.from(parseBody(parsed("ft/stat"))), [["path", "/etc/x"]]);
		assert.equal(parsed("pf/new").properties.get("connection_id"), "c1");
		assert.deepEqual(Array.from(parseBody(parsed("pf/new"))), [
			["protocol", "tcp"],
			["remote_host", "127.0.0.1"],
			["remote_port", 80],
		]);
	});

	it("writes the same bytes", () => {
		const empty = (protocol: number, type: string): string => hexOf(makeFrame({ protocol, type, session }));
		for (const name of ["control/ping", "control/pong", "control/close", "shell/stop", "shell/ping", "mc/check-update"] as const)
			assert.equal(empty(...known[name]), protomsgFrames[name], name);
		const shell = { protocol: 1, type: "shell", session, properties: { status: 1 } };
		assert.equal(hexOf(makeFrame(shell, utf8("ls\r\n"))), protomsgFrames["shell/shell"]);
		const chunk = { protocol: 2, type: "file_chunk", session, properties: { offset: 0 } };
		assert.equal(hexOf(makeFrame(chunk, utf8("data"))), protomsgFrames["ft/chunk"]);
		assert.equal(hexOf(makeFrame({ protocol: 2, type: "ack", session, properties: { offset: 4 } })), protomsgFrames["ft/ack"]);
		assert.equal(
			hexOf(makeFrame({ protocol: 2, type: "stat", session }, makeBody({ path: "/etc/x" }))),
			protomsgFrames["ft/stat"],
		);
		const size = { terminal_height: 24, terminal_width: 80 };
		assert.equal(hexOf(makeFrame({ protocol: 1, type: "new", session, properties: size })), protomsgFrames["shell/new 80x24"]);
	});

	it("leaves the session out where there is none, and reads a body that is text", () => {
		const frame = parseFrame(makeFrame({ protocol: 4, type: "check-update", session: "" }));
		assert.equal(frame.session, "");
		const writer = new MessagePackWriter();
		writer.map(2).text("body").text("ls").text("hdr").map(1).text("proto").integer(1);
		const text = parseFrame(writer.result);
		assert.deepEqual([text.protocol, text.type, text.body.length], [1, "", 2]);
	});

	it("takes what it does not know, and nil", () => {
		const writer = new MessagePackWriter();
		writer.map(3).text("new").array(2).map(1).integer(7).boolean(true).text("x").text("hdr").map(5);
		writer.text("proto").integer(2).text("typ").text("stat").text("more").bytes(utf8("y"));
		const [before, nil] = [hexOf(writer.result), "a3736964c0"];
		const props = "a570726f707383a161c3a162a16aa163ca3f800000";
		const frame = parseFrame(bytesOf(`${before}${nil}${props}a4626f6479c0`));
		assert.deepEqual([frame.protocol, frame.type, frame.session, frame.body.length], [2, "stat", "", 0]);
		assert.deepEqual(Array.from(frame.properties), [["b", "j"]]);
	});

	it("keeps as many properties as there may be", () => {
		const many = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`p${index}`, index]));
		assert.equal(parseFrame(makeFrame({ protocol: 1, type: "x", session: "", properties: many })).properties.size, 8);
	});

	const chunk = protomsgFrames["ft/chunk"];
	it("refuses every beginning of a message", () => {
		for (let length = 0; length < chunk.length; length += 2)
			refused("ends too early", () => parseFrame(bytesOf(chunk.slice(0, length))));
	});
	const bad: readonly (readonly [string, string, string])[] = [
		["a list", "90", "array where map"],
		["no head", "80", "has no head"],
		["a head that is none", "81a3686472c0", "nil where map"],
		["no protocol", "81a368647280", "does not say which protocol"],
		["a protocol that is text", "81a368647281a570726f746fa131", "text where integer"],
		["more behind it", `${chunk}c0`, "goes on after its end"],
		["a name that is a number", "8101c0", "integer where text"],
		["a name that is too long", `81d9ff${"61".repeat(255)}c0`, "255 bytes instead of"],
		["a session that is too long", `81a368647282a570726f746f01a3736964d980${"61".repeat(128)}`, "128 bytes instead of"],
		["text that is no UTF-8", "81a2ff80c0", "not UTF-8"],
		["a million entries", "df000f4240", "ends too early"],
		["four milliard entries to skip", "81a178dfffffffff", "ends too early"],
		["lists in lists", `81a178${"dd00000001".repeat(800)}`, "ends too early"],
		["an endless body", "81a4626f6479c6ffffffff00", "ends too early"],
		["a byte that means nothing", "81a178c1", "begins nothing"],
		["a number beyond 2^53", "81a368647281a570726f746fcfffffffffffffffff", "too large"],
	];
	for (const [name, hex, text] of bad) it(`refuses ${name}`, () => refused(text, () => parseFrame(bytesOf(hex))));
});

describe("MessagePack", () => {
	const integers: readonly (readonly [string, number])[] = [
		["00", 0],
		["7f", 127],
		["ff", -1],
		["e0", -32],
		["cc80", 128],
		["cd0100", 256],
		["ceffffffff", 4_294_967_295],
		["cf001fffffffffffff", Number.MAX_SAFE_INTEGER],
		["d080", -128],
		["d17fff", 32_767],
		["d18000", -32_768],
		["d280000000", -2_147_483_648],
		["d30000000000000004", 4],
		["d3ffffffffffffffff", -1],
	];
	for (const [hex, value] of integers)
		it(`reads ${value} from ${hex}`, () => {
			const number = reader(hex);
			assert.equal(number.integer(), value);
			number.end();
		});

	it("writes integers as small as they can be, and in a form that is asked for", () => {
		const written = [0, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296].map((value) => {
			const bytes = new MessagePackWriter().integer(value).result;
			assert.equal(reader(hexOf(bytes)).integer(), value);
			return bytes.length;
		});
		assert.deepEqual(written, [1, 1, 2, 2, 3, 3, 5, 5, 9]);
		assert.equal(hexOf(new MessagePackWriter().uint16(1).int64(5).result), "cd0001d30000000000000005");
	});

	it("reads and writes texts and bytes of all lengths", () => {
		for (const length of [0, 1, 31, 32, 255, 256, 5_000]) {
			const text = "x".repeat(length);
			const bytes = new MessagePackWriter().text(text).bytes(utf8(text)).result;
			const both = new MessagePackReader(bytes, "a test");
			assert.equal(both.text(5_000), text);
			assert.equal(both.bytes().length, length);
			both.end();
		}
		assert.equal(reader(hexOf(new MessagePackWriter().text("żółć €").result)).text(20), "żółć €");
		assert.equal(reader("db0000000161").text(1), "a");
		assert.equal(reader("c60000000161").bytes().length, 1);
	});

	it("skips everything that there is", () => {
		for (const hex of [
			...["c0", "c2", "c3", "05", "e1", "cc05", "cd0505", "ce05050505", "cf0505050505050505", "d005", "d10505"],
			...["d205050505", "d30505050505050505", "ca3f800000", "cb3ff0000000000000", "a161", "d90161", "da000161", "db0000000161"],
			...["c40161", "c5000161", "c60000000161", "9101", "dc000101", "dd0000000101", "810102", "de00010102", "df000000010102"],
			...["d40100", "d5010000", "d60100000000", "d7010000000000000000", `d801${"00".repeat(16)}`, "c7010500", "c800010500"],
			...["c9000000010500", `dc0100${"81a161dc0001c0".repeat(256)}`, `${"91".repeat(900)}c0`],
		]) {
			const all = reader(`${hex}2a`);
			all.skip();
			assert.equal(all.integer(), 42, hex);
		}
	});

	it("knows booleans, and what comes next", () => {
		const both = reader("c3c280");
		assert.isTrue(both.boolean());
		assert.isFalse(both.boolean());
		assert.equal(both.kind, "map");
		assert.equal(both.kind, "map");
		refused("map where boolean", () => both.boolean());
	});
});
