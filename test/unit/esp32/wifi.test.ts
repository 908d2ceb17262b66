import { assert } from "chai";
import type { Storage } from "fleetling/common/device";
import { StoredWiFiAccess } from "fleetling/esp32/network/access";
import type { Link } from "fleetling/esp32/network/link";
import type { KnownNetwork } from "fleetling/esp32/network/networks";
import { StoredNetworks } from "fleetling/esp32/network/stored-networks";
import network from "fleetling/esp32/network/wifi";
import { afterEach, beforeEach, describe, it } from "test/harness";
import { radio } from "test/radio";
import Timer from "timer";

let link: Link;
let addresses: (string | undefined)[];
let values: Map<string, string>;
let access: StoredWiFiAccess;
let lines: string[];

const storage: Storage = {
	open: () => ({
		read: (key) => values.get(key),
		write: (key, value) => {
			values.set(key, String(value));
		},
		delete: (key) => {
			values.delete(key);
		},
		close() {},
	}),
};

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => Timer.set(() => resolve(), milliseconds));
/** Longer than the link waits after a disconnection. */
const soon = (): Promise<void> => pause(300);

function open(...networks: readonly KnownNetwork[]): void {
	const stored = new StoredNetworks(storage, {});
	link = network.open({
		networks,
		hostname: stored.hostname ?? "fleetling-aabbcc",
		say: (text) => lines.push(text),
		onAddress: (address) => addresses.push(address),
	});
	access = new StoredWiFiAccess({
		...{ link: () => link, networks: stored, hostname: "fleetling-aabbcc" },
		say: (text) => lines.push(text),
	});
}

const home: KnownNetwork = { ssid: "home", password: "secret-word" };

beforeEach(() => {
	values = new Map();
	addresses = [];
	lines = [];
	Object.assign(radio, { reachable: { home: "secret-word", cafe: "" }, found: [], calls: [], deaf: false });
});
afterEach(() => link.close());

describe("Wi-Fi that is set up by a person", () => {
	it("joins the first network of a device that knows none, and stores it", async () => {
		open();
		const ends: boolean[] = [];
		access.join(home, (joined) => ends.push(joined));
		await soon();
		assert.deepEqual(radio.calls, ["name fleetling-aabbcc", "disconnect", "connect home"]);
		assert.equal(values.get("networks"), undefined);
		radio.current?.settle();
		assert.deepEqual(ends, [true]);
		assert.equal(access.address, "192.168.1.23");
		assert.deepEqual(addresses, ["192.168.1.23"]);
		assert.equal(values.get("networks"), '[{"ssid":"home","password":"secret-word"}]');
		assert.notInclude(lines.join(), "secret-word");
	});
	it("stores nothing of one that would not have it, and goes back to those that it knew", async () => {
		open(home);
		radio.current?.settle();
		const ends: boolean[] = [];
		access.join({ ssid: "office", password: "wrong-word" }, (joined) => ends.push(joined));
		assert.deepEqual(addresses, ["192.168.1.23", undefined]);
		await soon();
		radio.current?.settle();
		assert.deepEqual(ends, [false]);
		await soon();
		radio.current?.settle();
		assert.deepEqual(addresses, ["192.168.1.23", undefined, "192.168.1.23"]);
		assert.deepEqual(
			radio.calls.filter((call) => call.startsWith("connect")),
			["connect home", "connect office", "connect home"],
		);
		assert.equal(values.get("networks"), undefined);
		radio.current?.lose();
		assert.equal(radio.calls.at(-1), "connect home");
	});
	it("the later of two wishes counts, and only that ends", async () => {
		open(home);
		const ends: string[] = [];
		access.join({ ssid: "office", password: "wrong-word" }, (joined) => ends.push(`office ${joined}`));
		access.join({ ssid: "cafe", password: undefined }, (joined) => ends.push(`cafe ${joined}`));
		await soon();
		radio.current?.settle();
		assert.deepEqual(ends, ["cafe true"]);
		assert.equal(values.get("networks"), '[{"ssid":"cafe"}]');
		// The one that was never tried is not among those that are tried later.
		radio.reachable = {};
		radio.current?.lose();
		radio.current?.settle();
		await soon();
		assert.equal(radio.calls.at(-1), "connect home");
	});
	it("refuses what no network can have before anything is tried", () => {
		open();
		assert.throws(() => access.join({ ssid: "home", password: "short" }, () => {}), /8 to 64/);
		assert.deepEqual(radio.calls, ["name fleetling-aabbcc"]);
	});
	it("looks for networks while it is in none, and then goes on trying", async () => {
		open(home);
		radio.found = [
			{ SSID: "cafe", RSSI: -60, security: "none" },
			{ SSID: "home", RSSI: -50, security: "wpa2_psk" },
		];
		const seen: string[] = [];
		let ended = 0;
		const found = access.scan.bind(access);
		found(
			({ ssid, rssi, secured }) => seen.push(`${ssid} ${rssi} ${secured}`),
			() => ended++,
		);
		assert.throws(
			() =>
				access.scan(
					() => {},
					() => {},
				),
			/already/,
		);
		await soon();
		assert.deepEqual(seen, ["cafe -60 false", "home -50 true"]);
		assert.equal(ended, 1);
		await soon();
		assert.deepEqual(radio.calls, ["name fleetling-aabbcc", "connect home", "disconnect", "scan", "connect home"]);
	});
	it("looks for networks while it is in one, and stays there", () => {
		open(home);
		radio.current?.settle();
		let ended = 0;
		access.scan(
			() => {},
			() => ended++,
		);
		assert.equal(ended, 1);
		assert.deepEqual(radio.calls, ["name fleetling-aabbcc", "connect home", "scan"]);
		assert.deepEqual(addresses, ["192.168.1.23"]);
	});
	it("a scan that never ends does not keep the device from its network", async () => {
		open(home);
		radio.deaf = true;
		let ended = 0;
		access.scan(
			() => {},
			() => ended++,
		);
		await pause(8_700);
		assert.equal(ended, 1);
		assert.equal(radio.calls.at(-1), "connect home");
	});
	it("joins its network also when its stored name cannot be used", async () => {
		values.set("hostname", "x".repeat(33));
		open(home);
		radio.current?.settle();
		assert.deepEqual(radio.calls, ["connect home"]);
		assert.deepEqual(addresses, ["192.168.1.23"]);
		assert.include(lines.join(), "set hostname failed");
	});
	it("has the name that it was given, also after the next start", () => {
		open();
		assert.equal(access.hostname, "fleetling-aabbcc");
		access.hostname = "kitchen-lamp";
		assert.equal(access.hostname, "kitchen-lamp");
		link.close();
		open();
		assert.deepEqual(radio.calls, ["name fleetling-aabbcc", "name kitchen-lamp", "name kitchen-lamp"]);
	});
});
