import { assert } from "chai";
import { isLocal, parseForwarding } from "fleetling/management/forward/rules";
import { describe, it } from "test/harness";

describe("where connections may be forwarded to", () => {
	const good: readonly (readonly [string, unknown])[] = [
		["off", "off"],
		["local", "local"],
		["192.168.1.20:502", [{ host: "192.168.1.20", port: 502 }]],
		[
			"Camera.LAN:554, [fd00::1]:80",
			[
				{ host: "camera.lan", port: 554 },
				{ host: "fd00::1", port: 80 },
			],
		],
	];
	for (const [text, value] of good) it(`is ${text}`, () => assert.deepEqual(parseForwarding(text), value as never));

	const bad = [
		"",
		"on",
		"host",
		"host:",
		":80",
		"host:0",
		"host:65536",
		"host:80x",
		"a b:80",
		"host:80,",
		"fd00::1:80",
		"[host]:80",
	];
	for (const text of [...bad, "http://host:80", "*:80", `${"x".repeat(300)}:80`, Array(17).fill("a:1").join(",")])
		it(`is not ${text.slice(0, 30)}`, () => assert.isUndefined(parseForwarding(text)));

	const local = [
		"10.0.0.1",
		"127.0.0.1",
		"172.16.0.1",
		"172.31.255.255",
		"192.168.0.1",
		"169.254.9.9",
		"::1",
		"fd12::1",
		"fc00::",
		"FE80::1",
	];
	for (const address of local) it(`finds ${address} local`, () => assert.isTrue(isLocal(address)));

	const others = [
		...["8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1", "11.0.0.1", "169.253.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1"],
		...["010.0.0.1", "10.1", "10.0.0.256", "10.0.0.1.2", "0x0a.0.0.1", "", "localhost", "10.0.0.", "-10.0.0.1", "10.0.0.1 "],
		...["::", "2001:db8::1", "::ffff:10.0.0.1", "fe00::1", "fec0::1", "fd::1", "ff02::1", "1:fd00::1"],
	];
	for (const address of others) it(`finds "${address}" not local`, () => assert.isFalse(isLocal(address)));
});
