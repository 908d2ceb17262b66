import { assert } from "chai";
import { Log } from "fleetling/common/log";
import { FleetlingError } from "fleetling/error/error";
import { packet, packetTypes } from "fleetling/management/console/frames";
import { Improv, isHostname } from "fleetling/management/console/improv";
import type { SeenNetwork, WiFiAccess, WiFiCredentials } from "fleetling/management/console/wifi-access";
import { beforeEach, describe, it } from "test/harness";
import TextEncoder from "text/encoder";

/** A radio that does what the test says. */
class FakeWiFi implements WiFiAccess {
	address: string | undefined;
	hostname = "fleetling-aabbcc";
	readonly joined: WiFiCredentials[] = [];
	answers: ((joined: boolean) => void)[] = [];
	found: ((network: SeenNetwork) => void) | undefined;
	scanned: (() => void) | undefined;
	refusal: Error | undefined;

	scan(onFound: (network: SeenNetwork) => void, onEnd: () => void): void {
		if (this.refusal !== undefined) throw this.refusal;
		this.found = onFound;
		this.scanned = onEnd;
	}

	join(credentials: WiFiCredentials, onEnd: (joined: boolean) => void): void {
		if (this.refusal !== undefined) throw this.refusal;
		this.joined.push(credentials);
		this.answers.push(onEnd);
	}

	answer(joined: boolean, at = this.answers.length - 1): void {
		if (joined) this.address = "192.168.1.23";
		this.answers[at]?.(joined);
	}
}

let wifi: FakeWiFi;
let logged: string[];
let improv: Improv;
let sent: string[];

const hex = (bytes: ArrayLike<number>): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
/** Type and data of what was sent; heads and sums are the packets' tests. */
const taken = (bytes: Uint8Array): string =>
	hex(bytes.subarray(7, 8)) + (bytes.length > 11 ? ` | ${hex(bytes.subarray(9, -2))}` : "");
const text = (value: string): number[] => {
	const bytes = new TextEncoder().encode(value);
	return [bytes.length, ...bytes];
};
const command = (id: number, data: readonly number[] = []): void =>
	improv.received(packetTypes.command, new Uint8Array([id, data.length, ...data]));
const settings = (ssid: string, password: string): void => command(1, [...text(ssid), ...text(password)]);
const state = (value: number): string => `01 | ${hex([value])}`;
const error = (value: number): string => `02 | ${hex([value])}`;
const result = (id: number, ...texts: readonly string[]): string => {
	const data = texts.flatMap(text);
	return `04 | ${hex([id, data.length, ...data])}`;
};

function make(access: WiFiAccess | undefined): void {
	sent = [];
	improv = new Improv({
		send: (bytes) => sent.push(taken(bytes)),
		information: () => ({ firmware: "Fleetling", version: "1.2.3", chip: "esp32c3", name: "fleetling-aabbcc" }),
		wifi: access,
		next: () => "https://rdfm.example:5000",
		log: new Log({ sink: (line) => logged.push(line), ticks: () => 0 }).tag("setup"),
	});
}

beforeEach(() => {
	logged = [];
	wifi = new FakeWiFi();
	make(wifi);
});

describe("Improv", () => {
	it("tells its state: ready, and provisioned with the link once it is in a network", () => {
		command(2);
		assert.deepEqual(sent, [error(0), state(2)]);
		sent = [];
		wifi.address = "192.168.1.23";
		command(2);
		assert.deepEqual(sent, [error(0), state(4), result(2, "https://rdfm.example:5000")]);
	});
	it("tells firmware, version, chip and name", () => {
		command(3);
		assert.deepEqual(sent, [error(0), result(3, "Fleetling", "1.2.3", "esp32c3", "fleetling-aabbcc")]);
	});
	it("joins the network that it is given, with the example of the specification", () => {
		settings("MyWirelessAP", "mysecurepassword");
		assert.deepEqual(wifi.joined, [{ ssid: "MyWirelessAP", password: "mysecurepassword" }]);
		assert.deepEqual(sent, [error(0), state(3)]);
		sent = [];
		wifi.answer(true);
		assert.deepEqual(sent, [state(4), result(1, "https://rdfm.example:5000")]);
		assert.notInclude(logged.join(), "mysecurepassword");
	});
	it("joins one without a password, with a name in any language", () => {
		settings("Größe 東", "");
		assert.deepEqual(wifi.joined, [{ ssid: "Größe 東", password: undefined }]);
	});
	it("says that it could not connect, and is ready again", () => {
		settings("home", "wrong-word");
		sent = [];
		wifi.answer(false);
		assert.deepEqual(sent, [error(3), state(2)]);
		sent = [];
		settings("home", "right-word");
		wifi.answer(true);
		assert.deepEqual(sent, [error(0), state(3), state(4), result(1, "https://rdfm.example:5000")]);
	});
	it("is provisioning while it tries, and the later of two networks counts", () => {
		settings("first", "");
		settings("second", "");
		sent = [];
		command(2);
		assert.deepEqual(sent, [error(0), state(3)]);
		sent = [];
		wifi.answer(false, 0);
		assert.deepEqual(sent, []);
		wifi.answer(true, 1);
		assert.deepEqual(sent, [state(4), result(1, "https://rdfm.example:5000")]);
	});
	it("a name or password that no network has is an error that the log explains", () => {
		wifi.refusal = new FleetlingError("config.invalid", "the password has to have 8 to 64 characters");
		settings("home", "short");
		assert.deepEqual(sent, [error(0), state(3), error(3), state(2)]);
		assert.include(logged.join(), "8 to 64 characters");
	});
	const malformed: readonly (readonly [string, readonly number[]])[] = [
		["no data", []],
		["no password", [4, 104, 111, 109, 101]],
		["a name that is longer than the packet", [9, 104, 111, 109, 101, 0]],
		["a password that is longer than the packet", [1, 104, 9, 101]],
		["more than name and password", [1, 104, 1, 101, 0]],
		["an empty name", [0, 0]],
		["a name that is no UTF-8", [2, 0xc3, 0x28, 0]],
	];
	for (const [name, data] of malformed) {
		it(`settings with ${name} are an invalid packet`, () => {
			command(1, data);
			assert.deepEqual(sent, [error(1)]);
			assert.deepEqual(wifi.joined, []);
		});
	}
	it("so are a command whose length is not that of the packet, and one that is damaged", () => {
		improv.received(packetTypes.command, new Uint8Array([2, 1]));
		improv.received(packetTypes.command, new Uint8Array([2]));
		improv.received(packetTypes.command, new Uint8Array([]));
		improv.broken();
		assert.deepEqual(sent, [error(1), error(1), error(1), error(1)]);
	});
	it("an unknown command is said to be one", () => {
		command(0x63);
		assert.deepEqual(sent, [error(2)]);
	});
	it("what only devices say is not answered", () => {
		for (const type of [1, 2, 4, 77]) improv.received(type, new Uint8Array([1, 0]));
		assert.deepEqual(sent, []);
	});
	it("shows the networks that it sees: each name once, the strongest first, and an end", () => {
		command(4);
		assert.deepEqual(sent, [error(0)]);
		sent = [];
		wifi.found?.({ ssid: "cafe", rssi: -80, secured: false });
		wifi.found?.({ ssid: "home", rssi: -70, secured: true });
		wifi.found?.({ ssid: "", rssi: -20, secured: true });
		wifi.found?.({ ssid: "home", rssi: -50, secured: true });
		wifi.found?.({ ssid: "home", rssi: -60, secured: true });
		wifi.scanned?.();
		assert.deepEqual(sent, [result(4, "home", "-50", "YES"), result(4, "cafe", "-80", "NO"), "04 | 04 00"]);
	});
	it("shows no more than a dozen", () => {
		command(4);
		sent = [];
		for (let at = 0; at < 30; at++) wifi.found?.({ ssid: `net-${at}`, rssi: -90 + ((at * 7) % 30), secured: true });
		wifi.scanned?.();
		assert.equal(sent.length, 13);
		assert.include(sent[0] ?? "", hex(text("-61")));
		assert.include(sent[11] ?? "", hex(text("-72")));
	});
	it("a scan that fails, or comes while the radio is busy, is an error", () => {
		wifi.refusal = new Error("scan failed");
		command(4);
		assert.deepEqual(sent, [error(0), error(0xff)]);
		wifi.refusal = undefined;
		sent = [];
		settings("home", "");
		command(4);
		assert.deepEqual(sent, [error(0), state(3), error(0), error(0xff)]);
	});
	it("has one name, which is that in the network, and can be changed", () => {
		command(5);
		command(6);
		assert.deepEqual(sent, [error(0), result(5, "fleetling-aabbcc"), error(0), result(6, "fleetling-aabbcc")]);
		sent = [];
		command(5, [...new TextEncoder().encode("kitchen-lamp")]);
		assert.deepEqual(sent, [error(0), result(5, "kitchen-lamp")]);
		assert.equal(wifi.hostname, "kitchen-lamp");
		sent = [];
		command(6, [...new TextEncoder().encode("kitchen lamp")]);
		assert.deepEqual(sent, [error(5)]);
		assert.equal(wifi.hostname, "kitchen-lamp");
	});
	it("knows what a host can be called (RFC 1123)", () => {
		for (const name of ["a", "7", "Lamp-2", "x".repeat(32)]) assert.isTrue(isHostname(name), name);
		for (const name of ["", "-a", "a-", "a.b", "a b", "ä", "a_b", "x".repeat(33)]) assert.isFalse(isHostname(name), name);
	});
	it("a device without Wi-Fi says so: it cannot connect, sees no networks, and has no name to change", () => {
		make(undefined);
		command(2);
		settings("home", "secret-word");
		command(4);
		command(5, [97]);
		command(5);
		assert.deepEqual(sent, [
			...[error(0), state(2), error(0), error(3), state(2), error(0), "04 | 04 00", error(2)],
			...[error(0), result(5, "fleetling-aabbcc")],
		]);
		assert.include(logged.join(), "no Wi-Fi");
	});
	it("packets have their own type, and nothing escapes from a radio that throws", () => {
		wifi.refusal = new Error("radio");
		settings("home", "secret-word");
		assert.deepEqual(sent, [error(0), state(3), error(3), state(2)]);
		assert.equal(taken(packet(packetTypes.error, [3])), error(3));
	});
});
