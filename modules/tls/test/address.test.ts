import { assert } from "chai";
import { isHostName, parseAddress } from "fleetling/tls/address";
import Hex from "hex";
import { describe, it } from "test/harness";

const hex = (text: string): string | undefined => {
	const bytes = parseAddress(text);
	return bytes && Hex.toString(bytes.slice().buffer);
};

describe("tls/address", () => {
	const addresses: readonly (readonly [string, string])[] = [
		["127.0.0.1", "7f000001"],
		["0.0.0.0", "00000000"],
		["255.255.255.255", "ffffffff"],
		["::", "00000000000000000000000000000000"],
		["::1", "00000000000000000000000000000001"],
		["1::", "00010000000000000000000000000000"],
		["2001:db8::8:800:200c:417a", "20010db80000000000080800200c417a"],
		["2001:DB8:0:0:8:800:200C:417A", "20010db80000000000080800200c417a"],
		["[fe80::1]", "fe800000000000000000000000000001"],
		["::ffff:192.0.2.128", "00000000000000000000ffffc0000280"],
		["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
	];
	for (const [text, expected] of addresses) it(`reads ${text}`, () => assert.equal(hex(text)?.toLowerCase(), expected));

	const names: readonly string[] = [
		"",
		"1.2.3",
		"1.2.3.4.5",
		"256.1.1.1",
		"01.2.3.4",
		"1.2.3.",
		"1.2.3.4x",
		" 1.2.3.4",
		"0x7f.0.0.1",
		"127.1",
		"2130706433",
		":",
		":::",
		"1::2::3",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7::8",
		"12345::",
		"g::1",
		"::1.2.3",
		"1.2.3.4::",
		"fe80::1%eth0",
		"server.test",
	];
	for (const text of names) it(`takes "${text}" for no address`, () => assert.isUndefined(parseAddress(text)));

	it("knows host names", () => {
		for (const name of ["a", "server.test", "xn--bcher-kva.example", "a_b.test", "1-2.test", `${"a".repeat(63)}.test`])
			assert.isTrue(isHostName(name), name);
		const tooLong = Array.from({ length: 64 }, () => "abc").join(".");
		for (const name of [
			"",
			".",
			"a..b",
			"-a.test",
			"a-.test",
			"a b",
			"a\n",
			"ü.test",
			`${"a".repeat(64)}.test`,
			"*.test",
			"a/b",
			tooLong,
		])
			assert.isFalse(isHostName(name), name);
	});
});
